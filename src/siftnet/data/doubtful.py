"""Labels that may be none, and classes that may be one: sentences on them for whoever knows the data. K classes."""

from __future__ import annotations

import numpy as np

from siftnet.wording import folded, quoted

PERHAPS_MISSING = frozenset(("na", "none", "nil", "missing", "<null>", "\\n", "#value!", "#div/0!", "#ref!", "#name?"))
"""Text, in lower case, that is the name of a class or stands for none."""
SENTINELS = frozenset((-9, 99, -99, -100, 255, 999, -999, 9999, -9999, 65535, 999_999, -999_999, 2**31 - 1, 2**63 - 1))
"""Whole numbers with which people, PyTorch, image formats and NumPy's masked arrays mark what has no label."""


def standing_apart(values: list[int], count_K: np.ndarray, source: str) -> tuple[str, ...]:
    """A sentence on a class that may say that there is no label: -1, or a number of SENTINELS far from the others."""
    for at, others in ((0, values[1:]), (-1, values[:-1])):
        if len(others) < 2:
            continue
        value, without_gaps = values[at], others[-1] - others[0] < len(others)
        gap = min(abs(value - other) for other in others)
        if value == -1 or (value in SENTINELS and (gap > len(others) or (gap > 1 and without_gaps))):
            return (
                f"{source} has the class {value} ({count_K[at]:,} examples) beside {others[0]} to {others[-1]}: leave "
                "it out if it marks examples without a label",
            )
    return ()


def perhaps_missing(names: list[str], count_K: np.ndarray, source: str) -> tuple[str, ...]:
    """A sentence on names that may say that there is no label: none, NA, a spreadsheet's error, a sign among words."""
    signs = [name for name in names if not any(c.isalnum() for c in name)]
    if len(signs) > 1:
        # Such as + and -.
        signs = []
    found = [
        f"{quoted(name)} ({count:,})"
        for name, count in zip(names, count_K, strict=True)
        if name in signs or name.strip().lower() in PERHAPS_MISSING
    ]
    if not found:
        return ()
    return (
        f"{source} has classes that may stand for no label: {', '.join(found)}; leave those examples out, or set "
        "data.missing_labels keep if they are classes",
    )


def nearly_equal(names: list[str], count_K: np.ndarray) -> tuple[str, ...]:
    """A sentence on classes that differ by nothing but case, blanks or the spelling of an accent."""
    alike: dict[str, list[str]] = {}
    for name, count in zip(names, count_K, strict=True):
        alike.setdefault(folded(name), []).append(f"{quoted(name)} ({count:,})")
    told = [" and ".join(group) for group in alike.values() if len(group) > 1]
    if not told:
        return ()
    more = f", and {len(told) - 3} more" if len(told) > 3 else ""
    return (
        f"classes that differ only by case, blanks or invisible signs: {', '.join(told[:3])}{more}; write them "
        "alike if they are one",
    )


def apart_from_all(values_N: np.ndarray, source: str) -> tuple[str, ...]:
    """A sentence on a number of SENTINELS that several examples have and that is far from all other numbers."""
    found, count = np.unique(values_N[~np.isnan(values_N)], return_counts=True)
    for at, others in ((0, found[1:]), (-1, found[:-1])):
        if len(others) < 2 or found[at] not in SENTINELS or count[at] < 2:
            continue
        if min(abs(found[at] - others[0]), abs(found[at] - others[-1])) > others[-1] - others[0]:
            return (
                f"{source} is {found[at]:g} in {count[at]:,} examples, and {others[0]:g} to {others[-1]:g} in all "
                "others: leave them out if it marks examples without a target",
            )
    return ()
