"""Numbers in words, the same in the terminal, on pages and in tables: one function for each kind of quantity.

What there is no number for is a dash.
"""

from __future__ import annotations

import html
import math
import os
import shlex
import unicodedata
from collections.abc import Sequence

NONE = "–"
"""What stands where there is no number."""

UNCHOSEN = (
    "nothing can be chosen there, the last step's weights stand for those that validation would have chosen, and the "
    "last round for the headline"
)
"""What becomes of choices where scores on validation are undefined."""

# They join letters of Persian and of Indic scripts, and the parts of an emoji.
JOINERS = "\u200c\u200d"

NOTE = 1000
"""Characters of a note on the data: names in it may be as long as others made them."""

DENSE = "The dense network has made one round's updates; given those of all rounds together it may do better."
"""What comparing sparse rounds with round 0 leaves open."""


# Shares


def share(value: float | None, digits: int = 2) -> str:
    """A share, such as a density, in percent with about `digits` significant digits: 100%, 36%, 4.7%, 0.97%.

    Columns take three digits: 100.0%, 36.0%, 4.67%, 0.972%.
    """
    if value is None:
        return NONE
    percent = 100 * value
    if percent >= 10 or percent == 0:
        return f"{percent:.{max(digits - 2, 0)}f}%"
    return f"{percent:.{digits - 1}f}%" if percent >= 1 else f"{percent:.{digits}g}%"


def density(value: float) -> str:
    """A density in a sentence, beside an axis and on the slider, as short as three digits allow: 100%, 12.5%, 0.3%."""
    return f"{100 * value:.3g}%"


# Scores: accuracies and R squared


def metric_name(metric: str) -> str:
    """What a score is, within a sentence."""
    return "R²" if metric == "r2" else metric


def score(value: float | None, metric: str, digits: int = 1) -> str:
    """An accuracy in percent with `digits` decimals, R squared with two more; columns take two: 12.86%, 0.1234."""
    if value is None:
        return NONE
    return f"{100 * value:.{digits}f}%" if metric == "accuracy" else signed(value, digits + 2)


def undefined_scores(splits: Sequence[str]) -> str:
    """What becomes of scores that are undefined on these splits, validation, test or both; empty without one."""
    if not splits:
        return ""
    told = f"R² is undefined on {' and '.join(splits)}, where all targets are alike: a dash stands for it, "
    return told + (UNCHOSEN if "validation" in splits else "and means and gains leave it out") + "."


def score_over_seeds(mean: float | None, sd: float | None, metric: str) -> str:
    """Mean and standard deviation over seeds: '12.86% ± 0.05' of an accuracy, '0.150 ± 0.071' of R squared."""
    if metric == "accuracy":
        return NONE if mean is None else f"{100 * mean:.2f}%" + ("" if sd is None else f" ± {100 * sd:.2f}")
    return _mean_and_deviation(mean, sd, 3)


def score_interval(low: float | None, high: float | None, metric: str) -> str:
    """An interval of a mean score, '[12.80, 12.92]' in percent or '[0.120, 0.151]'; empty where there is none."""
    if low is None or high is None:
        return ""
    scale, digits = (100, 2) if metric == "accuracy" else (1, 3)
    return f"[{signed(scale * low, digits)}, {signed(scale * high, digits)}]"


def gain_size(value: float, metric: str, low: float | None = None, high: float | None = None) -> str:
    """A difference of scores in percentage points or R squared, with the digits that tell its interval's ends apart."""
    scale = 100 if metric == "accuracy" else 1
    return signed(scale * value, _gain_digits(metric, low, high))


def gain_interval(metric: str, low: float | None, high: float | None) -> str:
    """The interval of a difference of scores, '[1.9, 2.9]'; empty where there is none."""
    if low is None or high is None:
        return ""
    scale, digits = 100 if metric == "accuracy" else 1, _gain_digits(metric, low, high)
    return f"[{signed(scale * low, digits)}, {signed(scale * high, digits)}]"


def gain(value: float, metric: str, low: float | None = None, high: float | None = None) -> str:
    """A difference of scores with unit and interval: '2.4 points [1.9, 2.9]', '0.024 [0.019, 0.029]'."""
    size = gain_size(value, metric, low, high) + (" points" if metric == "accuracy" else "")
    return f"{size} {gain_interval(metric, low, high)}".rstrip()


def _gain_digits(metric: str, low: float | None, high: float | None) -> int:
    if metric != "accuracy":
        return 3
    return 2 if low is None or high is None or 100 * (high - low) < 0.4 else 1


def points(value: float) -> str:
    """A standard error or deviation of an accuracy, in percentage points: '0.31 points'."""
    return f"{100 * value:.2f} points"


# Indices and other plain numbers


def counted(count: int, noun: str) -> str:
    """So many of something: '1 node', '12 nodes', '1,024 nodes'."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def median_count(value: float | None) -> str:
    """The median of counts, which may lie half way between two: '13', '12.5'."""
    return NONE if value is None else f"{value:,.{0 if value == int(value) else 1}f}"


def number(value: float | None) -> str:
    """Two decimals below 2, where they matter; one up to 100; none beyond."""
    return NONE if value is None else f"{value:,.{_digits(value)}f}"


def _digits(value: float) -> int:
    return 2 if abs(value) < 2 else 1 if abs(value) < 100 else 0


def interval(low: float | None, high: float | None, value: float | None) -> str:
    """An index's 95% interval with as many decimals as its value, '[4.9, 5.5]'; empty where there is none."""
    if low is None or high is None or value is None:
        return ""
    return f"[{low:,.{_digits(value)}f}, {high:,.{_digits(value)}f}]"


def index(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """An index with its interval, '5.2 [4.9, 5.5]'."""
    return NONE if value is None else f"{number(value)} {interval(low, high, value)}".rstrip()


def index_over_seeds(mean: float | None, sd: float | None = None) -> str:
    """Mean and standard deviation of an index over seeds, '4.60 ± 0.01'."""
    return _mean_and_deviation(mean, sd, 2)


def index_deviation(sd: float | None) -> str:
    """The deviation alone, '± 0.01'; empty where there is none."""
    return "" if sd is None else f"± {sd:.2f}"


def index_interval(low: float | None, high: float | None) -> str:
    """The interval of an index's mean over seeds, '[4.59, 4.61]'; empty where there is none."""
    return "" if low is None or high is None else f"[{signed(low, 2)}, {signed(high, 2)}]"


def p_value(value: float | None) -> str:
    """A p with two significant digits."""
    return NONE if value is None else f"{value:.2g}"


def correlation(value: float) -> str:
    """A correlation with its sign, '+0.35', '−0.35'."""
    return ("+" if value > 0 else "") + signed(value, 2)


def ratio(value: float) -> str:
    """A power of two or ten on an axis of ratios: 8, 1, 1/4."""
    return f"{value:,.0f}" if value >= 1 else f"1/{1 / value:,.0f}"


def signed(value: float, digits: int) -> str:
    """A number with a true minus sign, and without one where nothing is left of it: '−0.4', '0.0'."""
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")


def _mean_and_deviation(mean: float | None, sd: float | None, digits: int) -> str:
    if mean is None:
        return NONE
    shown = [v for v in (mean, sd) if v is not None]
    # No more digits than a terminal of 80 columns has room for.
    digits = digits if max(map(abs, shown)) < 10 ** (4 - digits) else 1
    return " ± ".join(signed(v, digits) for v in shown)


# Time and memory


def duration(seconds: float) -> str:
    """Seconds below two minutes, minutes below two hours, hours beyond."""
    if seconds < 120:
        return f"{seconds:.{1 if seconds < 10 else 0}f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def seconds_cell(seconds: float) -> str:
    """Seconds in a column that says so."""
    return f"{seconds:.1f}"


def milliseconds_cell(milliseconds: float) -> str:
    """Milliseconds with three digits in a column that says so."""
    return f"{milliseconds:.{0 if milliseconds >= 100 else 1 if milliseconds >= 10 else 2}f}"


def size(count: float) -> str:
    """Bytes in powers of a thousand: '2.0 GB'."""
    if count < 1000:
        return f"{count:.0f} bytes"
    units = ("kB", "MB", "GB", "TB")
    power = min(int(math.log10(count)) // 3, len(units))
    return f"{count / 1000**power:,.1f} {units[power - 1]}"


# Names


def layer_name(place: int) -> str:
    """A layer by its place from the inputs up: 1 is the second layer."""
    return f"layer {place + 1}"


def printable(text: str) -> str:
    """Text in one line as it may be shown: control characters, marks of direction and broken bytes are escaped."""
    return text if text.isprintable() else "".join(c if c.isprintable() or c in JOINERS else escaped(c) for c in text)


def escaped(character: str) -> str:
    """A character as Python writes it where it cannot be shown: \\n, \\x1b, \\u202e, \\udce9."""
    return character.encode("ascii", "backslashreplace").decode() if ord(character) > 127 else repr(character)[1:-1]


def named(text: str, room: int = 60) -> str:
    """A name that others gave, `printable` and in no more than `room` characters."""
    text = printable(text)
    return text if len(text) <= room else text[: room - 1] + "…"


def quoted(text: str, room: int = 60) -> str:
    """A name or value that others gave in quotation marks, which show blanks at its ends; otherwise as `named`."""
    mark = '"' if "'" in text and '"' not in text else "'"
    return f"{mark}{named(text, room)}{mark}"


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names that others gave, the first of many: 'a, b and 7 more'."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(map(named, names[:most])) + more


def folded(name: str) -> str:
    """What names have in common that people take for one: without case, blanks, accents' spelling, invisible signs."""
    visible = "".join(c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) != "Cf")
    return " ".join(visible.casefold().split())


def shell_word(text: str) -> str:
    """One word of a command on one line, quoted where it has to be, as bash and zsh read it."""
    if printable(text) == text:
        return shlex.quote(text)
    return "$'" + "".join(c if c.isprintable() and c not in "'\\" else _bytes(c) for c in text) + "'"


def _bytes(character: str) -> str:
    """The bytes of a character in a file's name, as a shell writes them."""
    alone = 0xDC80 <= ord(character) <= 0xDCFF
    found = os.fsencode(character) if alone else character.encode("utf-8", "surrogatepass")
    return "".join(f"\\x{byte:02x}" for byte in found)


def literal(text: str) -> str:
    """Text that Plotly shows as it stands, instead of reading its tags."""
    return html.escape(text, quote=False)
