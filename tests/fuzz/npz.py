"""Inputs for the reader of .npz files."""

from __future__ import annotations

import zipfile
from random import Random
from typing import Any

import numpy as np

from fuzz import zips
from fuzz.doors import data_door, data_settings
from fuzz.mutations import Mutant, Target, Tree, chance
from fuzz.zips import Member, Npy, edit_members, edit_npy, numbers

SHAPES = ((4,), (4,), (3, 4), (3, 4, 4), (4, 4, 3), (2, 3, 4), (1, 2, 2, 2))
KINDS = ("|u1", "|u1", "<f4", "<f8", "<i4", "<i8", "|b1", ">f4", "<u8")
GEOMETRIES = (
    "unknown",
    "grid:1x2x2",
    "grid:3x4x4",
    "ring:1x4",
    "volume:2x2x2x2",
    "torus:1x2x2",
    "grid:0x4",
    "grid:1x9",
)
CLASS_NAMES = ("a", "b", "é", "A", "a ", "", "\n", "x\0y", "nan", "\ud800", "1", "𝛼")


def arrays(draw: Random) -> dict[str, np.ndarray]:
    """Arrays that siftnet reads: x and y, perhaps a test set."""
    shape, kind = draw.choice(SHAPES), draw.choice(KINDS)
    found = {}
    for part in ("", "_test") if chance(draw, 0.3) else ("",):
        count = draw.choice((12, 20, 40))
        size = count * int(np.prod(shape))
        found[f"x{part}"] = np.array(numbers(draw, size, 0, 9)).astype(kind).reshape(count, *shape)
        found[f"y{part}"] = _targets(draw, count)
    return found


def _targets(draw: Random, count: int) -> np.ndarray:
    classes = np.arange(count) % 3
    kind = draw.choice(("i8", "i8", "i8", "u1", "f4", "f8", "U", "S", "b", "odd"))
    if kind == "U":
        return np.array(["one", "two", "three"])[classes]
    if kind == "S":
        return np.array([draw.choice((b"one", b"\xff", b"a\0b", b"\n")), b"two", b"three"])[classes]
    if kind == "odd":
        return np.array([draw.choice(CLASS_NAMES) or "z" for _ in range(3)])[classes]
    return (classes % 2 if kind == "b" else classes).astype({"b": "?"}.get(kind, kind))


def make(draw: Random) -> Mutant:
    """Arrays with one to three edits, of their headers and values, of the archive's list, or of its bytes."""
    files = {name: Npy.of(array) for name, array in arrays(draw).items()}
    recipe = []
    edits = draw.choice((0, 1, 1, 1, 2, 3))
    for _ in range(edits):
        if chance(draw, 0.6):
            name = draw.choice(sorted(files))
            try:
                files[name], done = edit_npy(files[name], draw)
            except (ValueError, SyntaxError, TypeError, IndexError):
                # A second edit of what the first one left senseless.
                continue
            recipe.append(f"{name}: {done}")
    members = [Member(f"{name}.npy", file.pack()) for name, file in files.items()]
    if chance(draw, 0.3):
        members, done = edit_members(members, draw)
        recipe.append(done)
    data = zips.pack(members)
    if chance(draw, 0.25):
        data, done = zips.damage_archive(data, draw)
        recipe.append(done)
    if chance(draw, 0.003):
        data, done = bomb(draw)
        recipe = [done]
    return Mutant({"data.npz": data}, "data.npz", _settings(draw), tuple(recipe))


def _settings(draw: Random) -> dict[str, Any]:
    return ({"geometry": draw.choice(GEOMETRIES)} if chance(draw, 0.15) else {}) | data_settings(draw)


def bomb(draw: Random) -> tuple[bytes, str]:
    """Small files that say that they are large, or are."""
    count = draw.choice((300, 900, 980))
    rows = 1 << 20
    kind = draw.choice(("claimed", "zeros", "zeros of doubles", "zeros in y"))
    if kind == "claimed":
        x = Npy("'|u1'", "False", f"({1 << 16}, {1 << 15})", bytes(100))
        return zips.pack([Member("x.npy", x.pack(), claimed=len(x.pack()) + (1 << 31) - 100)]), kind
    width = {"zeros": count, "zeros of doubles": count // 8, "zeros in y": 8}[kind]
    descr = "'<f8'" if kind == "zeros of doubles" else "'|u1'"
    small = Npy.of(np.arange(12) % 2)
    x = Npy(descr, "False", f"({rows}, {width})", b"")
    y = Npy("'|u1'", "False", f"({count << 20},)", b"")
    large, name = (y, "y") if kind == "zeros in y" else (x, "x")
    other = Member("y.npy" if name == "x" else "x.npy", small.pack())
    return _with_zeros(large.pack(), f"{name}.npy", count, other), f"{count} MiB of {kind}"


def _with_zeros(head: bytes, name: str, count: int, other: Member) -> bytes:
    """An archive of a small file and of one that is `head` and then zeros, deflated, with its size and checksum."""
    import struct
    import zlib

    squeezed, _ = zips.zeros(count)
    # The header goes into a stored block of its own before the zeros.
    stored = b"\0" + struct.pack("<HH", len(head), len(head) ^ 0xFFFF) + head
    crc = zlib.crc32(head)
    block = bytes(1 << 20)
    for _ in range(count):
        crc = zlib.crc32(block, crc)
    body, size = stored + squeezed, len(head) + (count << 20)
    rest = zips.pack([other])
    local = (
        struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, zipfile.ZIP_DEFLATED, 0, 33, crc, len(body), size, len(name), 0)
        + name.encode()
    )
    end = rest.rfind(b"PK\5\6")
    (directory_at,) = struct.unpack_from("<I", rest, end + 16)
    entry = struct.pack(
        "<IHHHHHHIIIHHHHHII",
        0x02014B50, 20, 20, 0, zipfile.ZIP_DEFLATED, 0, 33, crc, len(body), size, len(name), 0, 0, 0, 0, 0,
        directory_at,
    ) + name.encode()  # fmt: skip
    middle = local + body
    directory = rest[directory_at:end] + entry
    tail = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 2, 2, len(directory), directory_at + len(middle), 0)
    return rest[:directory_at] + middle + directory + tail


def clean() -> Mutant:
    """Arrays without a fault."""
    rng = np.random.default_rng(0)
    tree: Tree = {}
    members = [
        Member("x.npy", Npy.of(rng.integers(0, 9, (30, 4)).astype("<f8")).pack()),
        Member("y.npy", Npy.of(np.arange(30) % 3).pack()),
    ]
    tree["data.npz"] = zips.pack(members)
    return Mutant(tree, "data.npz")


TARGET = Target("npz", make, (data_door("npz"),), zips.passes, clean)
