"""Invariants of a stored run: whether it is what it says.

Every check reads what is on the disk again and recomputes; none trusts a number that a run wrote about itself. Give the
data set as well, and the best weights are tested anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isclose
from pathlib import Path

from siftnet.config.identity import digest
from siftnet.data.dataset import Dataset
from siftnet.host.torch_state import own_torch
from siftnet.network.masks import Masks
from siftnet.pruning.imp import Position, Procedure, broken_change, masks_after
from siftnet.pruning.prune import group_sizes, prune_groups, pruned_after
from siftnet.pruning.training import best_of
from siftnet.runs.machine import computing
from siftnet.runs.request import read_otherwise, request_run
from siftnet.runs.setup import Setup, set_up
from siftnet.store.folder import as_run
from siftnet.store.round_numbers import has_digest
from siftnet.store.run import Run
from siftnet.wording import named


@dataclass(frozen=True)
class Check:
    """One invariant of one round; `problem` is None where it holds."""

    name: str
    round: int | None
    problem: str | None

    @property
    def passed(self) -> bool:
        """Whether the invariant holds."""
        return self.problem is None


@own_torch()
def verify(run: Run | str | Path, *, with_data: bool = False, dataset: Dataset | None = None) -> list[Check]:
    """Check every round of a run, or of the one at a path.

    with_data: check the data set's hash, the first masks and the accuracy of the best weights too, with the kernels of
    the run's plan; dataset: the one of your own that the run was made with, where it was not the one that its
    configuration names.
    """
    run = as_run(run)
    checks = [Check("the digest fits", None, _problem(lambda run, _: digest_fits(run), run, 0))]
    for number in run.rounds():
        intact = _problem(files_intact, run, number)
        checks.append(Check("files have the digests they were stored with", number, intact))
        if intact is None:
            for name, check in CHECKS.items():
                checks.append(Check(name, number, _problem(check, run, number)))
    if (with_data or dataset is not None) and all(check.passed for check in checks):
        setup = set_up(run.config, dataset).following(run.plan)
        with computing(setup.config):
            checks += list(_checks_with_data(run, setup))
    return checks


def _problem(check: Callable[[Run, int], str | None], run: Run, number: int) -> str | None:
    try:
        return check(run, number)
    except ValueError as error:
        return str(error)
    except (LookupError, TypeError, AttributeError, RuntimeError, ArithmeticError) as error:
        # Files that fit themselves but not each other, which each check notices where it puts them together.
        return f"what is stored does not fit together ({named(repr(error), 200)})"


def files_intact(run: Run, number: int) -> str | None:
    """Whether each file of a round has the sha256 that round.json gives."""
    path = run.round_path(number)
    there = {file.name for file in path.iterdir() if file.is_file()}
    for name, expected in run.summary(number).files.items():
        if name not in there:
            return f"{named(name)} is missing"
        if not has_digest(path / name, expected):
            return f"{name} was changed after it was stored"
    return None


def digest_fits(run: Run) -> str | None:
    """Whether the stored configuration, the data's stored hash and the run started from give the stored digest."""
    source = Run(run.config.start.run) if run.config.start.run else None
    expected = digest(run.config, run.data.hash, source.digest if source else "")
    return None if expected == run.digest else "the configuration does not give the digest"


def zeros_stayed_zero(run: Run, number: int) -> str | None:
    """Whether pruned entries are exactly 0 and survivors are numbers, in the weights as they would be exported.

    Files hold survivors alone, so a pruned entry that is not 0 would be a value too many, which reading refuses.
    """
    masks = run.masks(number)
    if run.summary(number).diverged_at is not None:
        return None
    for which, own in (("weights", masks), ("best", run.masks(number, "best_masks"))):
        state = run.weights(number, which)
        if not own.apply(state).equals(state):
            return f"{which} has pruned entries that are not 0"
        if not state.is_finite():
            return f"{which} has entries that are not numbers"
    return None


def nested(run: Run, number: int) -> str | None:
    """Whether nothing that was pruned came back between two rounds, and within one nothing but what it declares."""
    begin = run.masks(number, "begin_masks")
    if problem := broken_change(run.summary(number).mask_change, begin, run.masks(number)):
        return problem
    if number == 0:
        return None
    before = run.masks(number - 1)
    if begin.within(before):
        return None
    revived = sum(int((begin[name] & ~before[name]).sum()) for name in begin)
    return f"{revived} pruned entries came back"


def counts_exact(run: Run, number: int) -> str | None:
    """Whether each group began the round without exactly the entries that the protocol asks for.

    After a training that changes masks there may be fewer, as it left them.
    """
    config, first = run.config.prune, run.masks(0, "begin_masks")
    groups = prune_groups(_prunable(first), config.scope)
    entries, kept = group_sizes(first, groups)
    _, survivors = group_sizes(run.masks(number, "begin_masks"), groups)
    _, left_before = group_sizes(run.masks(max(number - 1, 0)), groups)
    changing = number > 0 and run.summary(number - 1).mask_change != "none"
    for at, names in enumerate(groups):
        n, expected = entries[at], pruned_after(entries[at], kept[at], config.exact_fraction, number)
        if changing:
            expected = max(expected, n - left_before[at])
        if n - survivors[at] != expected:
            found = n - survivors[at]
            return f"{', '.join(names)}: {found} of {n} entries are pruned, the protocol says {expected}"
    return None


def lowest_scores_pruned(run: Run, number: int) -> str | None:
    """Whether the masks are the ones that the round before ranks, ties by index."""
    if number == 0:
        return None
    masks, first, rewind = run.masks(number, "begin_masks"), run.masks(0, "begin_masks"), run.rewind()
    if rewind is None:
        return "there is no rewind point"
    config, before = run.config, run.summary(number - 1)
    change = before.mask_change
    procedure = Procedure(_prunable(first), config.prune, config.train.rewind, config.seed, change)
    kept_at_start = group_sizes(first, procedure.groups)[1]
    position = Position(number - 1, run.masks(number - 1), kept_at_start, rewind)
    expected = masks_after(procedure, position, run.weights(number - 1, "scored"))
    wrong = sum(int((masks[name] ^ expected[name]).sum()) for name in masks)
    return f"{wrong} entries differ from the ranking of round {number - 1}" if wrong else None


def rewound(run: Run, number: int) -> str | None:
    """Whether the round began, bit for bit, with the rewind point under its masks.

    Round 0 does where the rewind point is the initialisation or another run's.
    """
    config = run.config
    given = config.train.rewind == 0 or (config.start.run is not None and config.start.weights == "rewind")
    if config.prune.reset == "redraw" or (number == 0 and not given):
        return None
    rewind = run.rewind()
    if rewind is None:
        return "there is no rewind point"
    if run.masks(number, "begin_masks").apply(rewind).content_hash() != run.summary(number).begin_sha256:
        return "the round did not begin with the rewind point under its masks"
    return None


def best_on_validation(run: Run, number: int) -> str | None:
    """Whether the best weights are those of the earliest highest validation score, and validations were on time.

    Where scores are undefined the last ones stand for the best.
    """
    summary, history, training = run.summary(number), run.history(number), run.config.train
    if summary.diverged_at is not None:
        return None
    due = [*range(training.validate_every, training.steps, training.validate_every), training.steps]
    if [record.step for record in history] != due:
        return "validations are missing"
    chosen = best_of(history)
    assert chosen is not None
    if all(record.validation.score is None for record in history) and summary.best != chosen:
        # Up to 0.4 what was chosen by then was the loss.
        chosen = min(history, key=lambda record: record.validation.loss)
    step = run.weights(number, "best").step
    if step != chosen.step or summary.best != chosen:
        return f"the best weights are of step {step}, validation says {chosen.step}"
    if summary.last != history[-1]:
        return "the last validation in round.json is not that of history.json"
    return None


def kernel_planned(run: Run, number: int) -> str | None:
    """Whether the round was computed by the kernel that the plan names for its density."""
    found, planned = run.summary(number).kernel, run.plan.kernel(run.masks(number, "begin_masks").density)
    return None if found == planned else f"kernel {found} computed it, the plan says {planned}"


CHECKS: dict[str, Callable[[Run, int], str | None]] = {
    "zeros stayed zero": zeros_stayed_zero,
    "masks are nested": nested,
    "counts are exact": counts_exact,
    "the lowest scores were pruned": lowest_scores_pruned,
    "the rewind is exact": rewound,
    "the best weights were chosen on validation": best_on_validation,
    "the kernel was the planned one": kernel_planned,
}


def _checks_with_data(run: Run, setup: Setup) -> Iterator[Check]:
    data_hash = setup.dataset.content_hash()
    same = data_hash == run.data.hash
    problem = read_otherwise(run, setup.dataset) or (
        f"trained on {run.data.name!r}; what the configuration finds now, {setup.dataset.name!r}, is other data"
    )
    yield Check("the data are the same", None, None if same else problem)
    if not same:
        return
    request = request_run(setup, run.path)
    if run.rounds():
        fits = request.first.masks.equals(run.masks(0, "begin_masks"))
        yield Check("the first masks fit", 0, None if fits else "round 0 was not trained under the masks asked for")
    for number in run.rounds():
        yield Check("the best weights test as stored", number, _tests_again(run, setup, number))


def _tests_again(run: Run, setup: Setup, number: int) -> str | None:
    stored = run.summary(number).test_best
    if stored is None:
        return None
    found = setup.trainer.evaluate(run.weights(number, "best"), run.masks(number, "best_masks"), "test")
    # Another processor may round a product differently; one example more or less is not another result.
    if stored.score is None or found.score is None:
        alike = isclose(found.loss, stored.loss, rel_tol=0.01)
        return None if alike else f"test loss {found.loss:.4g} now, {stored.loss:.4g} stored"
    if isclose(found.score, stored.score, abs_tol=1.5 / found.examples):
        return None
    return f"test score {found.score:.4f} now, {stored.score:.4f} stored"


def _prunable(masks: Masks) -> dict[str, list[str]]:
    """Layer -> its masked parameters, as the masks' own names and order tell it."""
    layers: dict[str, list[str]] = {}
    for name in masks:
        layers.setdefault(name.rsplit(".", 1)[0], []).append(name)
    return layers
