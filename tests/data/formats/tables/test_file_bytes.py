"""What a file is, by its bytes: encodings, packed files, and files of other kinds under a table's name."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tables import put, read, refused

CSV = "a,y\n1.5,né\n2,yes\n-1,né\n4,yes\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings_that_say_which_they_are(encoding: str, tmp_path: Path) -> None:
    raw = read(put(tmp_path, CSV.encode(encoding)))
    assert (raw.class_names, raw.input_names) == (("né", "yes"), ("a",))


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_ends_of_lines(ends: str, tmp_path: Path) -> None:
    assert read(put(tmp_path, CSV.replace("\n", ends))).inputs_NI[:, 0].tolist() == [1.5, 2, -1, 4]


def test_other_encodings_are_refused_by_line(tmp_path: Path) -> None:
    assert "line 2 of t.csv is not UTF-8: save it as UTF-8, e.g. iconv" in refused(put(tmp_path, CSV.encode("latin-1")))
    assert "line 1 of t.csv holds NUL bytes" in refused(put(tmp_path, CSV.encode("utf-16-le")))
    assert "line 3 of t.csv holds NUL bytes" in refused(put(tmp_path, CSV.replace("yes", "y\0s", 1)))
    assert "is not UTF-16, as its first bytes say" in refused(put(tmp_path, CSV.encode("utf-16")[:-1]))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.csv.xz"])
def test_packed_files_whatever_their_name(pack: Callable[[bytes], bytes], name: str, tmp_path: Path) -> None:
    assert read(put(tmp_path, pack(CSV.encode()), name)).class_names == ("né", "yes")


def test_plain_text_that_is_called_packed(tmp_path: Path) -> None:
    assert read(put(tmp_path, CSV, "t.csv.gz")).class_names == ("né", "yes")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_files_cut_off_or_changed(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    data = pack((CSV + "3,yes\n" * 500).encode())
    for broken in (data[:-9], data[:20] + bytes([data[20] ^ 255]) + data[21:]):
        assert "t.csv.gz is packed and damaged" in refused(put(tmp_path, broken, "t.csv.gz"))


def test_a_small_file_that_unpacks_to_a_vast_one(tmp_path: Path) -> None:
    packed = gzip.compress(b"a,y\n" + b"1,2\n" * 30_000_000, 9)
    assert "unpacks to more than 100 times its size" in refused(put(tmp_path, packed, "t.csv.gz"))


def _zip(data: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        file.writestr("t.csv", data)
    return target.getvalue()


def _tar(data: bytes) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as file:
        about = tarfile.TarInfo("t.csv")
        about.size = len(data)
        file.addfile(about, io.BytesIO(data))
    return target.getvalue()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (_zip(CSV.encode()), "is a zip archive, or a spreadsheet: unpack it"),
        (_tar(CSV.encode()), "is a tar archive: unpack it"),
        (b"\x28\xb5\x2f\xfdabc", "is packed by zstd: unpack it"),
        (b"\x93NUMPY\x01", "is a NumPy array"),
        (gzip.compress(gzip.compress(b"a,y\n", mtime=0), mtime=0), "is packed, and what is in it is no text"),
    ],
)
def test_files_of_other_kinds(data: bytes, told: str, tmp_path: Path) -> None:
    for name in ("t.csv", "t.csv.zip", "t.csv.gz"):
        assert told in refused(put(tmp_path, data, name))


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.dat", "t.csv.gz", "t.pq"])
def test_parquet_under_any_name(name: str, tmp_path: Path) -> None:
    pd.read_csv(put(tmp_path, CSV, "plain.csv")).to_parquet(tmp_path / name)
    assert read(tmp_path / name).class_names == ("né", "yes")


def test_text_that_is_called_parquet(tmp_path: Path) -> None:
    assert "does not begin as parquet does: save it anew, or name it .csv" in refused(put(tmp_path, CSV, "t.parquet"))


def test_a_column_called_as_parquet_begins(tmp_path: Path) -> None:
    assert read(put(tmp_path, CSV.replace("a,", "PAR1,"))).input_names == ("PAR1",)


@pytest.mark.parametrize(("encoding", "name"), [("cp1252", "5 – 6"), ("latin1", "Straße")])
def test_text_of_another_encoding_has_a_remedy_that_works(encoding: str, name: str, tmp_path: Path) -> None:
    data = f"a,y\n1,Köln\n2,{name}\n3,Köln\n4,{name}\n".encode(encoding)
    told = f"line 2 of t.csv is not UTF-8: save it as UTF-8, e.g. iconv -f {encoding} -t utf-8"
    assert told in refused(put(tmp_path, data))
    assert set(read(put(tmp_path, data.decode(encoding))).class_names) == {"Köln", name}


def test_one_line_of_another_encoding(tmp_path: Path) -> None:
    data = "a,y\n1,Köln\n2,".encode() + b"K\xf6ln\n3,no\n4,no\n"
    assert "line 3 of t.csv is not UTF-8: the file is UTF-8 but for that line" in refused(put(tmp_path, data))
