"""Numbers in words."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest

from siftnet import wording


@pytest.mark.parametrize(
    ("value", "text", "cell"),
    [(1.0, "100%", "100.0%"), (0.36, "36%", "36.0%"), (0.0467, "4.7%", "4.67%"), (0.00972, "0.97%", "0.972%"),
     (0.0, "0%", "0.0%"), (None, "–", "–")],
)  # fmt: skip
def test_shares(value: Any, text: str, cell: Any) -> None:
    assert (wording.share(value), wording.share(value, 3)) == (text, cell)


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "100%"), (0.36, "36%"), (0.125, "12.5%"), (0.0467, "4.67%"), (0.00972, "0.972%")]
)
def test_a_density_is_rounded_as_its_cell_in_the_table_is(value: float, text: str) -> None:
    assert wording.density(value) == text
    assert wording.share(value, 3) in (text, text.replace("%", ".0%"))


def test_counts() -> None:
    assert [wording.counted(n, "node") for n in (0, 1, 2, 1024)] == ["0 nodes", "1 node", "2 nodes", "1,024 nodes"]
    assert [wording.median_count(m) for m in (0.0, 13.0, 12.5, 1024.0, None)] == ["0", "13", "12.5", "1,024", "–"]


def test_scores() -> None:
    assert (wording.score(0.12864, "accuracy"), wording.score(0.12864, "accuracy", 2)) == ("12.9%", "12.86%")
    assert (wording.score(-0.12864, "r2"), wording.score(0.12864, "r2", 2)) == ("−0.129", "0.1286")
    assert wording.score(None, "accuracy") == "–"


def test_means_over_seeds() -> None:
    assert wording.score_over_seeds(0.51, 0.01414, "accuracy") == "51.00% ± 1.41"
    assert wording.score_over_seeds(0.5, None, "accuracy") == "50.00%"
    assert wording.score_over_seeds(0.15, 0.0707, "r2") == "0.150 ± 0.071"
    assert wording.score_over_seeds(-124.0, 1.414, "r2") == "−124.0 ± 1.4"
    assert wording.index_over_seeds(4.60, 0.01414) == "4.60 ± 0.01"
    assert wording.index_over_seeds(None, None) == wording.score_over_seeds(None, None, "accuracy") == "–"
    assert wording.score_interval(0.128, 0.1292, "accuracy") == "[12.80, 12.92]"
    assert wording.score_interval(-0.5, 0.1, "r2") == "[−0.500, 0.100]"
    assert wording.score_interval(None, None, "r2") == wording.index_interval(None, None) == ""


def test_gains_have_the_digits_that_tell_their_ends_apart() -> None:
    assert wording.gain(0.024, "accuracy", 0.019, 0.029) == "2.4 points [1.9, 2.9]"
    assert wording.gain(0.024, "accuracy", 0.0235, 0.0245) == "2.40 points [2.35, 2.45]"
    assert wording.gain(0.024, "accuracy") == "2.40 points"
    assert wording.gain(-0.0001, "r2", -0.0002, 0.0001) == "0.000 [0.000, 0.000]"


def test_an_interval_has_the_digits_of_its_index() -> None:
    assert wording.index(5.21, 4.9, 5.5) == "5.2 [4.9, 5.5]"
    assert wording.index(2.01, 1.88, 2.14) == "2.0 [1.9, 2.1]"
    assert wording.index(1.2, 1.1, 1.3) == "1.20 [1.10, 1.30]"
    assert wording.index(123.4) == "123"
    assert wording.index(None) == "–"


def test_p_and_correlations() -> None:
    assert [wording.p_value(p) for p in (0.005, 0.05, None)] == ["0.005", "0.05", "–"]
    assert [wording.correlation(r) for r in (0.351, -0.351, -0.001)] == ["+0.35", "−0.35", "0.00"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(1.0, "1.0 s"), (34.9, "35 s"), (75, "75 s"), (600, "10 min"), (9000, "2.5 h")]
)
def test_durations(seconds: Any, text: str) -> None:
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (3e6, "3.0 MB"), (2e9, "2.0 GB")]
)
def test_sizes(count: Any, text: str) -> None:
    assert wording.size(count) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 猫 שלום 🐈", "plain é 猫 שלום 🐈"),
        ("a\nb\tc\r\x00\x1b[31m\x7f\x85", "a\\nb\\tc\\r\\x00\\x1b[31m\\x7f\\x85"),
        ("th\udce9 \ud800", "th\\udce9 \\ud800"),
        ("r\u202etl \u2066x\u2069 \u200b \ufeff", "r\\u202etl \\u2066x\\u2069 \\u200b \\ufeff"),
        ("می\u200cخواهم 👨\u200d👩", "می\u200cخواهم 👨\u200d👩"),
        ("\U000e0041 \u2028 a\xa0b", "\\U000e0041 \\u2028 a\\xa0b"),
        ("", ""),
    ],
)
def test_text_is_shown_in_one_line_without_what_moves_a_cursor_or_turns_a_line(text: str, shown: str) -> None:
    assert wording.printable(text) == shown


def test_names_are_no_longer_than_there_is_room() -> None:
    assert wording.named("x" * 60) == "x" * 60
    assert wording.named("x" * 61) == "x" * 59 + "…"
    assert len(wording.named("\n" * 61)) == 60


def test_quotation_marks_show_blanks_and_escape_once() -> None:
    assert wording.quoted("a ") == "'a '"
    assert wording.quoted("a\0b") == r"'a\x00b'"
    assert wording.quoted("it's") == '"it\'s"'
    assert wording.quoted("x" * 61) == f"'{wording.named('x' * 61)}'"


def test_of_many_names_the_first_are_listed() -> None:
    assert wording.listed(["a", "b"]) == "a, b"
    assert wording.listed([*map(str, range(1500))], 2) == "0, 1 and 1,498 more"
    assert wording.listed(["x" * 99, "\n"]) == "x" * 59 + r"…, \n"


NAMES = [
    "plain",
    "",
    "a b",
    "it's",
    'q"q',
    "$HOME `id` !x",
    "a\\b",
    "two\nlines",
    "\x1b[31m'",
    "th\udce9f",
    "\u202e猫",
    "é",
    "~",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_shell_reads_its_word_as_what_was_meant(name: str) -> None:
    word = wording.shell_word(name)
    assert word.isprintable()
    found = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True)
    assert found.stdout == os.fsencode(name)


def test_what_is_undefined_is_said_of_the_splits_that_it_is_of() -> None:
    assert wording.undefined_scores([]) == ""
    assert wording.undefined_scores(["test"]).endswith("a dash stands for it, and means and gains leave it out.")
    both = wording.undefined_scores(["validation", "test"])
    assert both.startswith("R² is undefined on validation and test, where all targets are alike")
    assert "the last round for the headline" in both
