"""What a reader's answer is worth: a reading, a refusal in one sentence, or a finding."""

from __future__ import annotations

import re
import traceback
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

LONGEST = 600
"""Characters of a message that still is a sentence."""
SETTING = re.compile(r"\b(data|network|train|prune|start|analysis)\.[a-z_]+|\b(seed|device|threads|kernel)\b|setting")

FINDINGS = ("code", "crash", "hang", "memory", "traceback", "printed", "sentence", "names")
"""Kinds of findings, worst first. names: what is read has names that cannot be written down."""


@dataclass(frozen=True)
class Outcome:
    """What came of one input.

    kind: read, refused, or one of FINDINGS; signature: what outcomes of the same cause share; passes: whether the input
    passed the checks of its own container; peak: bytes taken at once, beside what was there before.
    """

    number: int
    kind: str
    detail: str = ""
    signature: str = ""
    passes: bool = False
    peak: int = 0
    seconds: float = 0.0

    @property
    def is_finding(self) -> bool:
        """Whether something has to be mended."""
        return self.kind in FINDINGS


Verdict = tuple[str, str, str]
"""Kind, detail and signature."""


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The one that counts for an input; of equals the first."""
    order = (*FINDINGS, "refused", "read")
    return min(verdicts, key=lambda verdict: order.index(verdict[0]))


def judge_error(error: BaseException, folder: Path) -> Verdict:
    """Of what a reader raised: a sentence that names the file or a setting is a refusal, all else a finding."""
    if any(isinstance(e, MemoryError) for e in chain(error)):
        return "memory", f"asked for more than is allowed: {error}", f"memory {place(error)}"
    message = str(error)
    if type(error) is not ValueError and not type(error).__module__.startswith("siftnet"):
        last = traceback.format_exception(error)[-8:]
        return "traceback", "".join(last), f"{type(error).__name__} {place(error)}"
    if problem := fault(message, folder):
        return "sentence", f"{problem}: {message[:LONGEST]!r}", f"{problem} {place(error)}"
    return "refused", message, place(error)


def fault(message: str, folder: Path) -> str | None:
    """What keeps a message from being one sentence about its file; None where nothing does."""
    if "\n" in message or "\r" in message:
        return "a line break"
    if len(message) - len(str(folder)) > LONGEST:
        return "too long"
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in message):
        return "control characters"
    if str(folder) not in message and not SETTING.search(message):
        return "names neither file nor setting"
    return None


def judge_names(names: Sequence[str]) -> Verdict:
    """Of the names in what was read: text that can be written to a page, a line each."""
    for name in names:
        if not isinstance(name, str) or any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
            return "names", f"the name {name!r:.200}", "names"
    return "read", "", ""


def chain(error: BaseException | None) -> Iterable[BaseException]:
    """An error and what was raised before it, also where it says `from None`."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def place(error: BaseException) -> str:
    """File, function and line of the innermost frame of siftnet, of the error that came first."""
    *_, first = chain(error)
    frames = traceback.extract_tb(first.__traceback__) + traceback.extract_tb(error.__traceback__)
    own = [frame for frame in traceback.extract_tb(first.__traceback__) if "siftnet/" in frame.filename]
    for frame in (own or list(frames))[-1:]:
        return f"{frame.filename.rpartition('siftnet/')[2]}:{frame.lineno} {frame.name}"
    return "?"
