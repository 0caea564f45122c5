"""The lines of a CSV: what does not fit the first is refused by its number, and each remedy works when followed."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest

from tables import put, read, refused

CSV = "a,y\n1.5,no\n2,yes\n-1,no\n4,yes\n"


@pytest.mark.parametrize(
    ("text", "told", "mended"),
    [
        ("a,y,b\n1,0,2\n3,1,4,\n", "line 3 of t.csv has 4 fields and .* remove the ','", "a,y,b\n1,0,2\n3,1,4\n"),
        ("a,y\n1,0,\n3,1,\n", "line 2 of t.csv has 3 fields and line 1 has 2: remove the ','", "a,y\n1,0\n3,1\n"),
        ("a,y\n\n7,1,0\n", "line 3 of t.csv has 3 fields .* give row names, if that is", "row,a,y\n7,1,0\n8,2,1\n"),
        ("y,a\n37,5,9\n", "line 2 of t.csv has 3 fields .* enclose fields that hold a ','", "y,a\n2,9\n3,8\n"),
        ("a,y,b\n1,0\n3,1,4\n", "line 2 of t.csv has 2 fields .* write a ',' for each", "a,y,b\n1,0,6\n3,1,4\n"),
        ("a,y\n# made by me\n1,0\n", "line 2 of t.csv has 1 fields .* remove it if it is a comment", "a,y\n1,0\n2,1\n"),
        ("# made by me\na,y\n1,0\n", "line 1 of t.csv begins with #: remove it", "a,y\n1,0\n2,1\n"),
        ('a,y\n1,"no\n2,no\n3,yes"\n', "line 2 of t.csv opens a quotation mark that is", 'a,y\n1,"no"\n2,yes\n'),
        ('a,y\n1,no\n2,"yes\n', "line 3 of t.csv opens a quotation mark", 'a,y\n1,no\n2,"yes"\n'),
        ('a,y\n1,"no"x\n2,x\n', "line 2 of t.csv has text behind a closing quotation mark", 'a,y\n1,"no""x"\n2,x\n'),
        ('a,y\n1,no\n2,no"\n', "line 3 of t.csv has a quotation mark at the end of the field no", "a,y\n1,no\n2,yes\n"),
        ('a,y\n1,no\n2,5" \n', 'line 3 of .* write "5""" where it is part', 'a,y\n1,"5"""\n2,no\n'),
        ('a,y"\n1,no\n2,no\n', 'line 1 of t.csv has a quotation mark at the end of the field y"', "a,y\n1,no\n2,yes\n"),
        ('a,y\n1, "no"\n2,x\n', "line 2 of t.csv has a blank before a quotation mark", 'a,y\n1,"no"\n2,x\n'),
        ("a,y,a\n1,0,2\n", "columns 1 and 3 of t.csv are both named a: rename", "a,y,b\n1,0,2\n3,1,4\n"),
        ("a,y, a\n1,0,2\n", "columns 1 and 3 of t.csv are both named a: rename", "a,y,b\n1,0,2\n3,1,4\n"),
        ("a,y,b,y\n1,0,2,0\n", "columns 2 and 4 of t.csv are both named y: rename or remove", "a,y,b\n1,0,2\n3,1,4\n"),
        (",a,y\n0,1,0\n", "column 1 of t.csv has no name in line 1, perhaps row numbers", "a,y\n1,0\n2,1\n"),
        ("Unnamed: 0,a,y\n0,1,0\n", "column 1 of t.csv is named Unnamed: 0, as pandas", "a,y\n1,0\n2,1\n"),
        ("a\x1b[31m,y\n0,1\n", "column 1 of t.csv has a name with a control character", "a,y\n1,0\n2,1\n"),
    ],
)  # fmt: skip
def test_lines_that_do_not_fit_are_refused_by_number(text: str, told: str, mended: str, tmp_path: Path) -> None:
    assert re.search(told, refused(put(tmp_path, text)))
    assert read(put(tmp_path, mended)).labels_N.tolist()[:1] == [0]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.tsv"])
def test_a_field_too_many_is_refused_under_every_name(name: str, tmp_path: Path) -> None:
    text = CSV.replace("2,yes", "2,yes,3")
    data = text.replace(",", "\t").encode() if name == "t.tsv" else text.encode()
    assert "line 3 of" in refused(put(tmp_path, gzip.compress(data) if name.endswith("gz") else data, name))


def test_quotes_within_a_line_are_read_as_the_csv_module_does(tmp_path: Path) -> None:
    raw = read(put(tmp_path, 'a,y\n"1","n,o"\n2,5" pipe\n3,"n,o"\n4,5" pipe\n"5","say ""no"""\n6,"say ""no"""\n'))
    assert raw.class_names == ('5" pipe', "n,o", 'say "no"')
    assert raw.inputs_NI[:, 0].tolist() == [1, 2, 3, 4, 5, 6]


def test_blank_lines_count_but_are_no_examples(tmp_path: Path) -> None:
    raw = read(put(tmp_path, "\na,y\n\n1,no\n   \n2,yes\r\n\r\n3,no\n4,yes\n\n"))
    assert raw.inputs_NI[:, 0].tolist() == [1, 2, 3, 4]
    assert "line 7 of" in refused(put(tmp_path, "\na,y\n\n1,no\n   \n2,yes\n3,no,\n"))


@pytest.mark.parametrize(
    ("mark", "settings"),
    [(";", {"separator": "semicolon"}), ("\t", {"separator": "tab"})],
)
def test_another_separator_is_refused_until_it_is_named(mark: str, settings: dict[str, Any], tmp_path: Path) -> None:
    path = put(tmp_path, CSV.replace(",", mark))
    assert f"set data.table.separator {settings['separator']}" in refused(path)
    assert read(path, **settings).inputs_NI[:, 0].tolist() == [1.5, 2, -1, 4]


TWO = "".join(f"{k},{k % 7};{'AB'[k % 2]}\n" for k in range(8))


@pytest.mark.parametrize(
    ("text", "told", "settings"),
    [
        (TWO, "and all others have 1 times ';' as well as ','", {"header": "none", "target": "2"}),
        (f"Größe, cm;y\n{TWO}", "set data.table.separator semicolon", {}),
        (f"Größe, cm;y\n{TWO}7;A\n", "and data.table.decimal comma where", {}),
        (f'"Größe, cm";y\n{TWO}', "all others have 1 times ';'", {}),
        (TWO.replace(";", "\t"), "set data.table.separator tab", {"header": "none", "target": "2"}),
    ],
)
def test_decimal_commas_do_not_separate_what_semicolons_do(
    text: str, told: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    path = put(tmp_path, text)
    assert told in refused(path, **settings)
    mark = "tab" if "\t" in text else "semicolon"
    raw = read(path, separator=mark, decimal="comma", **settings)
    assert raw.class_names == ("A", "B")
    assert raw.inputs_NI[:8, 0].tolist() == [float(f"{k}.{k % 7}") for k in range(8)]


def test_bars_between_fields_with_commas(tmp_path: Path) -> None:
    text = TWO.replace(";", "|")
    told = refused(put(tmp_path, text), header="none", target="2")
    assert "write a comma, a semicolon or a tab in their place" in told
    path = put(tmp_path, text.replace("|", ";"))
    assert read(path, header="none", target="2", separator="semicolon", decimal="comma").class_names == ("A", "B")


def test_other_marks_within_fields_are_text(tmp_path: Path) -> None:
    text = "a,y\n1,n;o\n2,yes\n3,n;o\n4,yes\n"
    assert read(put(tmp_path, text)).class_names == ("n;o", "yes")
    text = text.replace("a,y\n", "").replace("yes", "y;s")
    path = put(tmp_path, text)
    assert "or set data.table.separator comma if that is what" in refused(path, header="none", target="2")
    assert read(path, header="none", target="2", separator="comma").class_names == ("n;o", "y;s")
    path = put(tmp_path, 'a,y\n1,"n;o"\n2,"y;s"\n3,"n;o"\n4,"y;s"\n')
    assert read(path).class_names == ("n;o", "y;s")
    path = put(tmp_path, text.replace(",", "\t").replace(";", ","), "t.tsv")
    assert read(path, header="none", target="2").class_names == ("n,o", "y,s")


def test_bars_are_refused_with_what_to_write_instead(tmp_path: Path) -> None:
    assert "write a comma, a semicolon or a tab in their place" in refused(put(tmp_path, CSV.replace(",", "|")))


def test_a_name_that_says_nothing_of_separators(tmp_path: Path) -> None:
    path = put(tmp_path, CSV, "t.txt")
    assert "say what separates the fields with data.table.separator comma, semicolon or tab" in refused(path)
    assert read(path, separator="comma").labels_N.tolist() == [0, 1, 0, 1]


def test_a_header_of_numbers_is_refused_until_it_is_named(tmp_path: Path) -> None:
    path = put(tmp_path, "0,1,2\n3,4,1\n5,6,1\n7,8,2\n")
    assert "holds nothing but values (0, 1, 2): set data.table.header none" in refused(path, target="3")
    raw = read(path, target="3", header="none")
    assert raw.inputs_NI.tolist() == [[0, 1], [3, 4], [5, 6], [7, 8]]
    assert (raw.input_names, raw.class_names) == (("1", "2"), ("1", "2"))
    raw = read(path, target="2", header="names")
    assert raw.inputs_NI.tolist() == [[3, 4], [5, 6], [7, 8]]
    assert raw.input_names == ("0", "1")


def test_a_header_that_is_missing_is_seen(tmp_path: Path) -> None:
    path = put(tmp_path, "5.1,3.5,setosa\n4.9,3,setosa\n7,3.2,other\n6,3.1,other\n")
    assert "looks like an example (5.1, 3.5, setosa): set data.table.header none" in refused(path, target="setosa")
    assert len(read(path, target="3", header="none").labels_N) == 4
    assert len(read(path, target="setosa", header="names").labels_N) == 3


@pytest.mark.parametrize(
    "rows",
    [
        ["id000,0,5,1", "id001,2,4,0", "id002,1,3,1", "id003,1,6,0"],
        ["ann,0,5,1", "bob,2,4,0", "cy,1,3,1", "di,1,6,0"],
        ["p1,2,3", "p2,4,1", "p10,5,0", "p11,5,1"],
        ["2026-a,7,1", "2027-a,8,1", "2028-b,9,2", "2029-a,9,2"],
    ],
)
def test_a_first_line_like_the_others_is_no_header(rows: list[str], tmp_path: Path) -> None:
    path = put(tmp_path, "\n".join(rows))
    first = rows[0].split(",")
    assert "looks like an example" in refused(path, target=first[-1], group=first[0])
    raw = read(path, target=str(len(first)), group="1", header="none", task="numbers")
    assert len(raw.labels_N) == len(rows)


@pytest.mark.parametrize("names", ["name,2019,2020,2021", "name,2021,2020,2019", "name,0,1,2", "q1,1,2,3"])
def test_numbers_that_count_are_names(names: str, tmp_path: Path) -> None:
    path = put(tmp_path, names + "\n" + "".join(f"{w},0,1,{k}\n" for k, w in enumerate(["ann", "bob", "cy", "di"])))
    raw = read(path, target=names.split(",")[-1], group=names.split(",")[0], task="numbers")
    assert (len(raw.labels_N), raw.notes) == (4, ())


def test_a_header_that_is_doubtful_is_told_of(tmp_path: Path) -> None:
    path = put(tmp_path, "ann,0,5\n" + "".join(f"{w},0,5\n{w},1,2\n" for w in ("bob", "cy", "di")))
    (note,) = read(path, target="5", group="ann").notes
    assert "is taken for names (ann, 0, 5), though its numbers come again in their columns" in note
    assert read(path, target="5", group="ann", header="names").notes == ()
    assert len(read(path, target="3", group="1", header="none").labels_N) == 7


def test_a_target_that_is_none_of_the_names(tmp_path: Path) -> None:
    path = put(tmp_path, "5.1,3.5,setosa\n4.9,3,setosa\n7,3.2,other\n6,3.1,other\n")
    told = "its columns are 5.1, 3.5, setosa; set data.table.header none if the first line is already an example"
    assert told in refused(path, target="species")
    assert told in refused(path, target="setosa", drop=("id",))
    assert "set data.table.target to one of 5.1, 3.5, setosa; set data.table.header none" in refused(path, target="")
    assert "are 1, 2, 3, as data.table.header none names them" in refused(path, target="species", header="none")
    assert len(read(path, target="3", header="none").labels_N) == 4
    assert refused(put(tmp_path, CSV), target="") == (
        "no column of t.csv is named as the target: set data.table.target to one of a, y"
    )


def test_a_line_for_a_spreadsheet_is_refused(tmp_path: Path) -> None:
    assert "(sep=;) tells a spreadsheet what separates the fields: remove it" in refused(put(tmp_path, "sep=;\na;y\n"))
