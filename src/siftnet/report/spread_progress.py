"""How far each of several seeds has come, in words; a run is one of `runs` of `siftnet.spread.spread`."""

from __future__ import annotations

from typing import Any

PLURAL = {"is": "are", "has": "have"}


def progress_text(run: dict[str, Any], summary: dict[str, Any]) -> str:
    """Why a seed has fewer rounds than it might, e.g. 'is unfinished, at round 1 of 9'; empty where it has all."""
    diverged, reached = run["diverged"], run["reached"]
    if reached is None:
        return "has not begun"
    if diverged:
        return f"diverged in round {diverged['round']} and did not count from there on"
    if run["stop"] is None:
        return f"is unfinished, at round {reached} of {run['asked']}"
    furthest = max(other["reached"] for other in summary["runs"] if other["reached"] is not None)
    return f"stopped at round {reached}: {run['stop']}" if reached < furthest else ""


def progress_sentences(summary: dict[str, Any]) -> str:
    """A sentence for all seeds of which the same is to be said, and which ones fall short of the headline round."""
    together: dict[str, list[int]] = {}
    for run in summary["runs"]:
        if text := progress_text(run, summary):
            together.setdefault(text, []).append(run["seed"])
    sentences = [_sentence(text, seeds) for text, seeds in together.items()]
    row = headline_row(summary)
    if row is not None:
        scores = row["validation"]["values"]
        short = [run["seed"] for run, score in zip(summary["runs"], scores, strict=True) if score is None]
        if short:
            sentences.append(f"Not in round {row['round']}, where seeds are compared: {_seeds(short)}.")
    return " ".join(sentences)


def _sentence(text: str, seeds: list[int]) -> str:
    verb, rest = text.split(" ", 1)
    return f"{_seeds(seeds).capitalize()} {PLURAL.get(verb, verb) if len(seeds) > 1 else verb} {rest}."


def _seeds(seeds: list[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {seeds_text(seeds)}"


def headline_row(summary: dict[str, Any]) -> dict[str, Any] | None:
    """The round at which the seeds are compared, None where there is none."""
    return next((row for row in summary["rounds"] if row["round"] == summary["headline"]), None)


def seeds_text(seeds: list[int]) -> str:
    """Seeds in a row as '0 to 4', others one by one."""
    if len(seeds) > 2 and seeds == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))
