"""Zip archives of .npy files: made right, made wrong with checksums that fit, and looked at."""

from __future__ import annotations

import ast
import io
import struct
import warnings
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import numpy as np

from fuzz.mutations import INTEGERS, TEXTS, chance, damaged

EPOCH = (1980, 1, 1, 0, 0, 0)
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
LOOKED_AT = 1 << 26
"""Bytes of an archive that its checksums are compared over; more is a bomb, whose sizes alone are looked at."""

DESCRIPTIONS = (
    "'|u1'", "'|i1'", "'<i2'", "'>i4'", "'<i8'", "'<u8'", "'<f2'", "'<f4'", "'>f8'", "'<f16'", "'<c8'", "'<c16'",
    "'|b1'", "'|S1'", "'|S0'", "'<U2'", "'<U0'", "'|V4'", "'|V0'", "'<M8[ns]'", "'<m8[s]'", "'<M8'", "'|O'", "'O'",
    "[('a', '<i4'), ('b', '<f4')]", "[('a', '|O')]", "('<i4', (2,))", "'<i4,<f4'", "[]", "{}", "None", "3", "'?'",
    "'p'",
    "'<U1000000000'", "'|V2147483647'", "[('a', '<i4'), ('a', '<i4')]", "'x'", "''", "b'<i4'",
    "('<f4', (1000, 1000, 1000))",
    "{'names': ['a'], 'formats': ['<i4'], 'offsets': [1000000000]}", "[('" + "a" * 3000 + "', '<i4')]",
)  # fmt: skip
"""What may stand under descr in an .npy header."""


@dataclass(frozen=True)
class Npy:
    """An .npy file: what its header says, as text, and the bytes behind it."""

    descr: str
    fortran: str
    shape: str
    raw: bytes
    version: tuple[int, int] = (1, 0)
    header: str = ""
    """The whole header's text, where it is not made of the three above."""

    @classmethod
    def of(cls, array: np.ndarray) -> Npy:
        """An array, honestly."""
        descr = np.lib.format.dtype_to_descr(array.dtype)
        return cls(repr(descr), "False", repr(array.shape), array.tobytes())

    def pack(self) -> bytes:
        """The file's bytes, with the header's length as it is."""
        text = self.header or f"{{'descr': {self.descr}, 'fortran_order': {self.fortran}, 'shape': {self.shape}, }}"
        header = text.encode("utf-8" if self.version[0] == 3 else "latin1", "replace") + b"\n"
        length = struct.pack("<H", min(len(header), 65535)) if self.version[0] == 1 else struct.pack("<I", len(header))
        return b"\x93NUMPY" + bytes(self.version) + length + header + self.raw


def numbers(draw: Random, count: int, low: int, high: int) -> list[int]:
    """Whole numbers from low to high."""
    return [draw.randint(low, high) for _ in range(count)]


def edit_npy(file: Npy, draw: Random) -> tuple[Npy, str]:
    """One edit of an .npy file that knows its format."""
    edits = (_descr, _shape, _reshape, _shape_that_fits, _order, _version, _text, _values, _cut, _objects)
    edit = draw.choice(edits)
    return edit(file, draw), edit.__name__.strip("_")


def _descr(file: Npy, draw: Random) -> Npy:
    changed = replace(file, descr=draw.choice(DESCRIPTIONS))
    return changed if chance(draw, 0.3) else _with_length_that_fits(changed, draw)


def _with_length_that_fits(file: Npy, draw: Random) -> Npy:
    try:
        dtype = np.lib.format.descr_to_dtype(ast.literal_eval(file.descr))
        count = int(np.prod([int(n) for n in ast.literal_eval(file.shape)]))
    except Exception:  # a description that means nothing needs no bytes
        return file
    needed = dtype.itemsize * count
    if needed > 1 << 20:
        return file
    return replace(file, raw=(file.raw * (needed // max(1, len(file.raw)) + 1))[:needed].ljust(needed, b"\1"))


def _shape(file: Npy, draw: Random) -> Npy:
    lengths = [str(draw.choice(INTEGERS)) for _ in range(draw.choice((0, 1, 2, 3)))]
    odd = ("(True, 4)", "(-1, 4)", "(4.0,)", "('4',)", "[4, 4]", "4", "()", "(0,)", "(0, 4)", "(12, 0)", "None",
           "(1,) * 3", "(9223372036854775807, 0)", "(" + "1, " * 65 + ")", "(" + "1, " * 33 + "12)", "(1e3,)",
           "((2,), 6)",
           "(" + "9" * 5000 + ",)", "(4294967296, 4294967296, 0)", "(0, 4611686018427387904)")  # fmt: skip
    return replace(file, shape=draw.choice((*odd, f"({', '.join(lengths)},)" if lengths else "()")))


def _reshape(file: Npy, draw: Random) -> Npy:
    lengths = [int(n) for n in np.atleast_1d(ast.literal_eval(file.shape))]
    odd = draw.choice(
        ([*lengths, 1], [1, *lengths], lengths[::-1], [int(np.prod(lengths))], [lengths[0], 1, *lengths[1:]])
    )
    return replace(file, shape=repr(tuple(odd)))


def _shape_that_fits(file: Npy, draw: Random) -> Npy:
    first = draw.choice((0, 1, 2, 5, 9, 11, 40))
    lengths = ast.literal_eval(file.shape)
    return _with_length_that_fits(replace(file, shape=repr((first, *lengths[1:]))), draw)


def _order(file: Npy, draw: Random) -> Npy:
    return replace(file, fortran=draw.choice(("True", "True", "1", "None", "'x'", "[]")))


def _version(file: Npy, draw: Random) -> Npy:
    return replace(file, version=draw.choice(((2, 0), (3, 0), (2, 0), (3, 0), (1, 1), (4, 0), (0, 0), (255, 255))))


def _text(file: Npy, draw: Random) -> Npy:
    common = f"'descr': {file.descr}, 'fortran_order': {file.fortran}, 'shape': {file.shape}"
    return replace(
        file,
        header=draw.choice(
            (
                "(" * 200 + ")" * 200,
                "-" * 9000 + "1",
                "[" * 95 + "]" * 95,
                "{" + common + ", 'more': 1}",
                "{'descr': " + file.descr + "}",
                "{" + common + "," + " " * 20_000 + "}",
                "{" + common + ", " + common + "}",
                "{" + common + "}" + "\0" * 10,
                "__import__('siftnet_canary')",
                "{'descr': __import__('siftnet_canary'), 'fortran_order': False, 'shape': (1,)}",
                "{" + common,
                "\n\n" + "{" + common + "}",
                "{" + common.replace(",", ",\n") + "}",
                "1" * 5000,
                "{1: " * 60 + "1" + "}" * 60,
                "x" * 9000,
            )
        ),
    )


def _values(file: Npy, draw: Random) -> Npy:
    """The bytes of a few numbers, which become NaN, infinite, huge or the wrong class."""
    raw = bytearray(file.raw)
    for _ in range(draw.choice((1, 1, 2, 8))):
        width = draw.choice((1, 2, 4, 8))
        if len(raw) >= width:
            at = draw.randrange(len(raw) // width) * width
            special = {4: ("<f", float("nan")), 8: ("<d", draw.choice((float("nan"), float("inf"), 1e308, -1e308)))}
            number = (draw.choice(INTEGERS) % 2 ** (8 * width)).to_bytes(width, "little")
            floating = struct.pack(*special[width]) if width in special else number
            raw[at : at + width] = draw.choice((number, floating))
    return replace(file, raw=bytes(raw))


def _cut(file: Npy, draw: Random) -> Npy:
    return replace(file, raw=draw.choice((file.raw[:-1], file.raw + b"\0", b"", file.raw * 2)))


def _objects(file: Npy, draw: Random) -> Npy:
    from fuzz.payloads import payload

    return replace(file, descr="'|O'", raw=payload(draw))


@dataclass(frozen=True)
class Member:
    """A file in an archive."""

    name: str
    data: bytes
    method: int = zipfile.ZIP_DEFLATED
    claimed: int | None = None
    """The size that the archive says it has, where that is a lie."""


def pack(members: list[Member], comment: bytes = b"") -> bytes:
    """An archive whose checksums fit, and whose sizes do unless a member lies."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for member in members:
            info = zipfile.ZipInfo(member.name, EPOCH)
            info.compress_type = member.method
            with warnings.catch_warnings():
                # That two members have one name is meant.
                warnings.filterwarnings("ignore", "Duplicate name")
                archive.writestr(info, member.data)
        archive.comment = comment[:60000]
    data = bytearray(buffer.getvalue())
    for member in members:
        if member.claimed is not None:
            _lie(data, member)
    return bytes(data)


def _lie(data: bytearray, member: Member) -> None:
    """Write another uncompressed size into the central directory."""
    at = data.rfind(b"PK\1\2")
    while at >= 0:
        length = struct.unpack_from("<H", data, at + 28)[0]
        if data[at + 46 : at + 46 + length].decode("utf-8", "replace") == member.name:
            struct.pack_into("<I", data, at + 24, (member.claimed or 0) % 2**32)
        at = data.rfind(b"PK\1\2", 0, at)


def edit_members(members: list[Member], draw: Random) -> tuple[list[Member], str]:
    """One edit of an archive's list of files, which are packed right afterwards."""
    at = draw.randrange(len(members))
    one = members[at]
    others = members[:at] + members[at + 1 :]
    return draw.choice(
        (
            (others, f"without {one.name}"),
            ([*members, one], f"{one.name} twice"),
            ([*others, replace(one, name=draw.choice(("X.npy", "x", "y", "./x.npy", "../x.npy", "/x.npy", "x.npy/")))],
            "renamed"),
            ([*others, replace(one, name=draw.choice(TEXTS)[:100].replace("\0", "") + ".npy")], "renamed oddly"),
            ([*members, Member("x_test.npy", one.data)], "a test set"),
            ([*members, Member("folder/", b"")], "a folder"),
            ([*others, replace(one, method=draw.choice(METHODS))], "another method"),
            ([*others, replace(one, data=damaged(one.data, draw))], "damaged inside"),
            ([*others, replace(one, data=b"")], "empty"),
            ([*others, replace(one, claimed=draw.choice(INTEGERS))], "another size claimed"),
        )
    )  # fmt: skip


def damage_archive(data: bytes, draw: Random) -> tuple[bytes, str]:
    """One edit of an archive's own bytes."""
    changed = bytearray(data)
    at = data.rfind(b"PK\1\2")
    choice = draw.randrange(5)
    if choice == 0 and at >= 0:
        field = draw.choice((4, 6, 8, 10, 16, 20, 24, 28, 30, 32, 34, 42))
        struct.pack_into("<H", changed, at + field, draw.choice(INTEGERS) % 65536)
        return bytes(changed), f"central directory, field {field}"
    if choice == 1:
        return bytes(draw.randbytes(draw.choice((1, 100)))) + data, "bytes before"
    if choice == 2:
        return data[: draw.randrange(len(data))], "cut off"
    return damaged(data, draw), "damaged outside"


def passes(path: Path) -> bool:
    """Whether an archive opens, its checksums and sizes fit, and its .npy files have headers that NumPy reads."""
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        if sum(info.file_size for info in infos) < LOOKED_AT and archive.testzip() is not None:
            return False
        for info in infos:
            if info.filename.endswith(".npy"):
                with archive.open(info) as file:
                    version = np.lib.format.read_magic(file)
                    first = version == (1, 0)
                    read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
                    read(file)
    return bool(infos)


def zeros(count: int) -> tuple[bytes, int]:
    """So many mebibytes of zeros, deflated without ever being there, and their CRC."""
    block = bytes(1 << 20)
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    # After a full flush nothing refers back, so that the same bytes may follow again and again.
    squeezed = squeeze.compress(block) + squeeze.flush(zlib.Z_FULL_FLUSH)
    crc = 0
    for _ in range(count):
        crc = zlib.crc32(block, crc)
    end = zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    return squeezed * count + end, crc
