"""Inputs for the reader of the MNIST family: four IDX files, plain or compressed."""

from __future__ import annotations

import gzip
import struct
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from random import Random

from fuzz import zips
from fuzz.doors import data_door, data_settings
from fuzz.mutations import INTEGERS, Folder, Link, Mutant, Pipe, Target, Tree, chance, damaged

TYPES = (0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E, 0x00, 0x07, 0x0A, 0x0F, 0xFF)
WIDTHS = {0x08: 1, 0x09: 1, 0x0B: 2, 0x0C: 4, 0x0D: 4, 0x0E: 8}
MOST = 1 << 26


@dataclass(frozen=True)
class Idx:
    """An IDX file, the name that it has, and whether it is compressed."""

    stem: str
    shape: tuple[int, ...]
    raw: bytes
    kind: int = 0x08
    zipped: bool = False
    odd: bytes | None = None
    """The whole file, where it is not made of the above."""

    @property
    def name(self) -> str:
        """The usual name."""
        return f"{self.stem}-idx{3 if 'images' in self.stem else 1}-ubyte" + (".gz" if self.zipped else "")

    def pack(self) -> bytes:
        """The file's bytes."""
        lengths = b"".join(struct.pack(">I", n % 2**32) for n in self.shape)
        data = struct.pack(">HBB", 0, self.kind, len(self.shape) % 256) + lengths + self.raw
        data = data if self.odd is None else self.odd
        return gzip.compress(data, mtime=0) if self.zipped else data


def files(draw: Random) -> list[Idx]:
    """Four files of one set."""
    side, found = draw.choice((2, 3, 4)), []
    for part, count in (("train", draw.choice((12, 20, 40))), ("t10k", draw.choice((1, 5, 12)))):
        images = draw.randbytes(count * side * side)
        labels = bytes(n % 3 for n in range(count))
        found += [Idx(f"{part}-images", (count, side, side), images), Idx(f"{part}-labels", (count,), labels)]
    zipped = chance(draw, 0.4)
    return [replace(file, zipped=zipped) for file in found]


def edit(file: Idx, draw: Random) -> tuple[Idx, str]:
    """One edit that knows the format."""
    kind = draw.choice(TYPES)
    width = WIDTHS.get(kind, 1)
    lengths = tuple(draw.choice((0, 1, 2, 3, 12)) for _ in file.shape)
    huge = tuple(draw.choice(INTEGERS) for _ in file.shape)
    values = bytearray(file.raw)
    if values:
        values[draw.randrange(len(values))] = draw.choice((0, 3, 9, 100, 255))
    return draw.choice(
        (
            (replace(file, kind=kind), "another type"),
            (replace(file, kind=kind, raw=file.raw * width), "another type, its length right"),
            (replace(file, shape=(*file.shape, 1)), "one axis more"),
            (replace(file, shape=file.shape[:-1], raw=file.raw[: prod(file.shape[:-1])]), "one axis less"),
            (_of_shape(file, lengths), "another shape, its length right"),
            (_of_shape(file, (len(file.raw), 1, 1)[: len(file.shape)]), "single pixels"),
            (replace(file, shape=huge), "another shape"),
            (replace(file, shape=(0, *huge[1:]), raw=b""), "no examples of some shape"),
            (replace(file, shape=(draw.choice(INTEGERS), 0, 0), raw=b""), "many examples of nothing"),
            (replace(file, raw=bytes(values)), "another value"),
            (replace(file, raw=file.raw[:-1]), "one byte short"),
            (replace(file, raw=file.raw + b"\0"), "one byte more"),
            (replace(file, zipped=not file.zipped), "zipped or not"),
            (replace(file, odd=damaged(file.pack(), draw)), "damaged inside"),
            (replace(file, odd=draw.choice((b"", b"\0", b"\0\0\x08", b"\0\0\x08\x03", b"\0\0\x08\x03\0\0",
            b"<html>"))), "cut"),
        )
    )  # fmt: skip


def _of_shape(file: Idx, shape: tuple[int, ...]) -> Idx:
    length = prod(shape)
    return replace(
        file, shape=shape, raw=(file.raw * (length // max(1, len(file.raw)) + 1))[:length].ljust(length, b"\0")
    )


def make(draw: Random) -> Mutant:
    """Four files of which some are edited, in their contents, their compression, or their places."""
    found, recipe = files(draw), []
    for _ in range(draw.choice((0, 1, 1, 2))):
        at = draw.randrange(4)
        found[at], done = edit(found[at], draw)
        recipe.append(f"{found[at].name}: {done}")
    if chance(draw, 0.1):
        # Both of a pair alike, or the odd one would always be refused for its length.
        shape = draw.choice(((0, 4, 4), (12, 0, 4), (12, 1, 1), (12, 4, 0)))
        found[0], found[1] = _of_shape(found[0], shape), _of_shape(found[1], shape[:1])
        recipe.append(f"training of shape {shape}")
    tree: Tree = {file.name: file.pack() for file in found}
    name = draw.choice(sorted(tree))
    if chance(draw, 0.25):
        tree[name], done = damaged(_bytes(tree[name]), draw), "damaged outside"
        recipe.append(f"{name}: {done}")
    if chance(draw, 0.1):
        done = _displace(tree, name, draw)
        recipe.append(f"{name}: {done}")
    if chance(draw, 0.003):
        done = bomb(tree, draw)
        recipe = [done]
    return Mutant(tree, "", data_settings(draw), tuple(recipe))


def _bytes(entry: object) -> bytes:
    assert isinstance(entry, bytes)
    return entry


def _displace(tree: Tree, name: str, draw: Random) -> str:
    """Put something else in a file's place."""
    entry = tree.pop(name)
    other = name.removesuffix(".gz") if name.endswith(".gz") else f"{name}.gz"
    kind = draw.choice(("gone", "suffix", "folder", "loop", "pipe", "both", "idx3", "directory above", "members"))
    if kind == "suffix":
        tree[other] = entry
    elif kind == "folder":
        tree[name] = Folder()
    elif kind == "loop":
        tree[name] = Link(name)
    elif kind == "pipe":
        tree[name] = Pipe()
    elif kind == "both":
        tree[name], tree[other] = entry, entry
    elif kind == "idx3":
        tree[name.replace("-idx", ".idx")] = entry
    elif kind == "directory above":
        tree[f"MNIST/raw/{name}"] = entry
    elif kind == "members" and isinstance(entry, bytes):
        tree[name] = entry + gzip.compress(b"more", mtime=0) if name.endswith(".gz") else entry
    return kind


def bomb(tree: Tree, draw: Random) -> str:
    """A compressed file that becomes a thousand times as large, with a header that fits or not."""
    count = draw.choice((300, 900, 980))
    squeezed, _ = zips.zeros(count)
    name, shape = draw.choice((("train-labels", (count << 20,)), ("train-images", (count << 10, 32, 32)),
                               ("train-images", (12, 1 << 13, count << 7)), ("t10k-images", (1, 2, 2))))  # fmt: skip
    for path in list(tree):
        if path.startswith(name):
            del tree[path]
    tree[Idx(name, shape, b"", zipped=True).name] = _gzipped(Idx(name, shape, b"").pack(), squeezed, count)
    if "labels" in name and chance(draw, 0.5):
        # Images without a pixel go with any number of labels.
        for path in [path for path in tree if path.startswith("train-images")]:
            del tree[path]
        tree["train-images-idx3-ubyte"] = Idx("", (count << 20, 0, 0), b"").pack()
    return f"{name} with {count} MiB of zeros"


def _gzipped(head: bytes, squeezed: bytes, count: int) -> bytes:
    import zlib

    block, crc = bytes(1 << 20), zlib.crc32(head)
    for _ in range(count):
        crc = zlib.crc32(block, crc)
    stored = b"\0" + struct.pack("<HH", len(head), len(head) ^ 0xFFFF) + head
    trailer = struct.pack("<II", crc, (len(head) + (count << 20)) % 2**32)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + stored + squeezed + trailer


def passes(folder: Path) -> bool:
    """Whether each file that is there unpacks (its first megabytes, of a bomb) and is as long as its header says."""
    paths = [path for path in sorted(folder.iterdir()) if path.is_file()]
    return len(paths) >= 4 and all(_fits(path) for path in paths)


def _fits(path: Path) -> bool:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        data = file.read(MOST)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in WIDTHS:
        return False
    axes = data[3]
    lengths = struct.unpack_from(f">{axes}I", data, 4)
    claimed: int = 4 + 4 * axes + prod(lengths) * WIDTHS[data[2]]
    return len(data) == min(MOST, claimed)


def clean() -> Mutant:
    """Four files without a fault, one of them compressed."""
    draw = Random(0)
    return Mutant({file.name: file.pack() for file in files(draw)})


TARGET = Target("idx", make, (data_door("idx"),), passes, clean)
