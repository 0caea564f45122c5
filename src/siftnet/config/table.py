"""How a table is read: the settings under data.table; see fields.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from siftnet.config.values import take_values


@dataclass(frozen=True, kw_only=True, slots=True)
class TableConfig:
    """How a table (CSV or parquet) becomes inputs and targets (format table)."""

    target: str = ""
    """Name of the target column."""
    task: Literal["auto", "classes", "numbers"] = "auto"
    """Whether the target is a class or a number; auto takes text, booleans and up to 20 whole numbers for classes."""
    missing: Literal["refuse", "mean", "median", "zero"] = "refuse"
    """What to do with missing values: stop with a message, or fill in the training set's mean or median, or zero."""
    scale: Literal["standard", "range", "none"] = "standard"
    """Scale each feature to mean 0 and deviation 1, or to 0..1, or leave it, by the training examples' statistics."""
    text: Literal["refuse", "one_hot"] = "refuse"
    """Columns of text or categories: stop with a message, or make an input of 0 and 1 of each value, of truth values
    too."""
    header: Literal["auto", "names", "none"] = "auto"
    """What the first line of a CSV is: the columns' names, or already an example, where columns are named 1, 2, ...;
    auto takes it for names and stops with a message where it looks like an example."""
    separator: Literal["auto", "comma", "semicolon", "tab"] = "auto"
    """What separates the fields of a CSV; auto goes by the file's name, .csv or .tsv."""
    decimal: Literal["point", "comma"] = "point"
    """Decimal sign of a CSV; where commas separate its fields too, numbers with a decimal comma stand in quotation
    marks."""
    order: Literal["refuse", "file", "number"] = "refuse"
    """Under a geometry, columns whose names' numbers do not ascend (pixel1, pixel10, pixel2): stop with a message, take
    the file's order, or go by number."""
    drop: tuple[str, ...] = ()
    """Columns that are not read, by name, such as row numbers; "" is a column without a name."""
    split: str = ""
    """Column that says which of train, validation and test each row belongs to; it is no input."""

    def __post_init__(self) -> None:
        take_values(self, "data.table.")
