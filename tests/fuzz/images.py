"""Inputs for the reader of image folders: images of every kind with headers and checksums changed, and odd folders."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image, ImageFile, PngImagePlugin

from fuzz.doors import data_door, data_settings
from fuzz.mutations import INTEGERS, TEXTS, Entry, Folder, Link, Mutant, Pipe, Target, Tree, chance, damaged

MODES = ("L", "RGB", "L", "RGB", "1", "P", "LA", "RGBA", "CMYK", "I;16", "I", "F", "YCbCr", "LAB", "HSV", "PA")
WRITTEN = {
    "png": "PNG",
    "jpg": "JPEG",
    "bmp": "BMP",
    "gif": "GIF",
    "webp": "WEBP",
    "ppm": "PPM",
    "tif": "TIFF",
    "pgm": "PPM",
}
SIGNATURE = b"\x89PNG\r\n\x1a\n"
SPLITS = (
    "train",
    "test",
    "val",
    "valid",
    "Training",
    "Testing",
    "seg_train",
    "seg_test",
    "Train",
    "validation",
    ".hidden",
    "@eaDir",
    "__MACOSX",
    "Thumbs.db",
)

Chunk = tuple[bytes, bytes]


def picture(draw: Random, mode: str = "L", size: tuple[int, int] = (4, 4)) -> Image.Image:
    """A small image of a mode."""
    count = size[0] * size[1]
    if mode in ("I;16", "I", "F"):
        kind: Any = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        return Image.fromarray(np.array([draw.randrange(60000) for _ in range(count)], kind).reshape(size[::-1]))
    made = Image.frombytes("RGB", size, draw.randbytes(3 * count))
    if mode == "LAB":
        return Image.frombytes("LAB", size, draw.randbytes(3 * count))
    return made.convert("P").convert("PA") if mode == "PA" else made.convert(mode)


def encoded(image: Image.Image, suffix: str, **options: Any) -> bytes:
    """An image as the bytes of a file."""
    sink = io.BytesIO()
    image.save(sink, WRITTEN[suffix], **options)
    return sink.getvalue()


def chunks(data: bytes) -> list[Chunk]:
    """The chunks of a PNG: name and content."""
    found, at = [], len(SIGNATURE)
    while at + 12 <= len(data):
        length = struct.unpack_from(">I", data, at)[0]
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def png(parts: list[Chunk]) -> bytes:
    """A PNG of chunks, with lengths and checksums that fit."""
    out = SIGNATURE
    for name, content in parts:
        out += struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return out


def edit_png(data: bytes, draw: Random) -> tuple[bytes, str]:
    """One edit of a PNG's chunks, checksums recomputed."""
    parts = chunks(data)
    header = next((i for i, part in enumerate(parts) if part[0] == b"IHDR"), 0)
    kind = draw.choice(("size", "kind", "pixels", "drop", "repeat", "swap", "extra", "extra", "content", "type"))
    content = bytearray(parts[header][1].ljust(13, b"\0"))
    if kind == "size":
        struct.pack_into(">I", content, draw.choice((0, 4)), draw.choice(INTEGERS) % 2**32)
        parts[header] = (b"IHDR", bytes(content))
    elif kind == "kind":
        content[draw.choice((8, 9, 10, 11, 12))] = draw.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))
        parts[header] = (b"IHDR", bytes(content))
    elif kind == "pixels":
        raw = damaged(zlib.decompress(b"".join(c for n, c in parts if n == b"IDAT")), draw)
        kept = [part for part in parts if part[0] != b"IDAT"]
        parts = [*kept[:-1], (b"IDAT", zlib.compress(raw)), *kept[-1:]]
    elif kind == "extra":
        parts.insert(draw.randint(1, len(parts)), extra_chunk(draw))
    else:
        at = draw.randrange(len(parts))
        name, inside = parts[at]
        other = draw.randrange(len(parts))
        if kind == "drop":
            del parts[at]
        elif kind == "repeat":
            parts.insert(at, parts[at])
        elif kind == "swap":
            parts[at], parts[other] = parts[other], parts[at]
        elif kind == "content":
            parts[at] = (name, damaged(inside, draw))
        else:
            parts[at] = (draw.choice((b"IDAT", b"IEND", b"tEXt", b"abcd", b"ABCD", b"\0\0\0\0")), inside)
    return png(parts), f"PNG {kind}"


def extra_chunk(draw: Random) -> Chunk:
    """A chunk that PNGs may have beside pixels, right or not."""
    text = draw.choice(TEXTS).encode("latin-1", "replace")
    squeezed = (
        zlib.compress(bytes(draw.choice((10, 1 << 20, 1 << 26))), 9) if chance(draw, 0.2) else zlib.compress(text)
    )
    options: tuple[Chunk, ...] = (
        (b"tEXt", b"key\0" + text),
        (b"tEXt", text),
        (b"zTXt", b"key\0\0" + squeezed),
        (b"zTXt", b"key\0\1" + text),
        (b"iTXt", b"key\0\1\0en\0\0" + squeezed),
        (b"iTXt", b"key\0\0\0\0\0" + text),
        (b"iCCP", b"name\0\0" + squeezed),
        (b"iCCP", text),
        (b"tRNS", text[:6]),
        (b"PLTE", text[:9]),
        (b"gAMA", draw.randbytes(draw.choice((0, 3, 4)))),
        (b"cHRM", draw.randbytes(draw.choice((4, 32)))),
        (b"pHYs", draw.randbytes(draw.choice((4, 9)))),
        (b"sRGB", draw.randbytes(draw.choice((0, 1)))),
        (b"eXIf", exif(draw)),
        (b"acTL", struct.pack(">II", draw.choice(INTEGERS) % 2**32, 0)),
        (b"fcTL", struct.pack(">IIIIIHHBB", 0, *(draw.choice((0, 1, 4, 2**31)) for _ in range(4)), 1, 1, 0, 0)),
        (b"fdAT", struct.pack(">I", 0) + squeezed[:1000]),
    )
    return draw.choice(options)


def exif(draw: Random) -> bytes:
    """An orientation as EXIF has it, of any value and type."""
    kind, count = draw.choice((3, 3, 3, 1, 2, 4, 5, 7, 12, 99)), draw.choice((1, 1, 0, 2, 2**31))
    value = draw.choice((1, 2, 3, 4, 5, 6, 7, 8, 0, 9, 255, 65535))
    entry = struct.pack("<HHII", 0x0112, kind, count, value)
    head = b"II*\0" + struct.pack("<I", draw.choice((8, 8, 8, 0, 7, 2**31)))
    body = struct.pack("<H", draw.choice((1, 1, 1, 0, 9, 65535))) + entry + struct.pack("<I", draw.choice((0, 8)))
    return draw.choice((b"Exif\0\0", b"")) + head + body


def edit_tiff(data: bytes, draw: Random) -> tuple[bytes, str]:
    """One entry of a TIFF's first directory changed."""
    changed = bytearray(data)
    order = "<" if data[:2] == b"II" else ">"
    at = struct.unpack_from(order + "I", data, 4)[0]
    count = struct.unpack_from(order + "H", data, at)[0]
    place = at + 2 + 12 * draw.randrange(count)
    tag = struct.unpack_from(order + "H", data, place)[0]
    kind = draw.choice(("value", "value", "type", "count", "tag", "next"))
    if kind == "value":
        struct.pack_into(order + "I", changed, place + 8, draw.choice(INTEGERS) % 2**32)
    elif kind == "type":
        struct.pack_into(order + "H", changed, place + 2, draw.choice((0, 1, 2, 3, 4, 5, 7, 12, 13, 16, 255)))
    elif kind == "count":
        struct.pack_into(order + "I", changed, place + 4, draw.choice(INTEGERS) % 2**32)
    elif kind == "tag":
        struct.pack_into(
            order + "H", changed, place, draw.choice((256, 257, 258, 259, 262, 273, 277, 278, 279, 317, 338, 339))
        )
    else:
        # The next page is this one again.
        struct.pack_into(order + "I", changed, min(len(changed) - 4, at + 2 + 12 * count), at)
    return bytes(changed), f"TIFF tag {tag} {kind}"


def odd_image(draw: Random) -> tuple[bytes, str, str]:
    """An image that is one, of another mode, size or number of frames: bytes, suffix, what it is."""
    kind = draw.choice(("mode", "mode", "size", "frames", "orientation", "suffix", "text", "tiff"))
    suffix = draw.choice(tuple(WRITTEN))
    if kind == "frames":
        suffix = draw.choice(("gif", "tif", "webp", "png"))
        frames = [picture(draw) for _ in range(3)]
        return encoded(frames[0], suffix, save_all=True, append_images=frames[1:]), suffix, f"frames {suffix}"
    if kind == "size":
        size = draw.choice(((1, 1), (4, 5), (5, 4), (1, 4), (300, 4)))
        return encoded(picture(draw, "L", size), "png"), "png", "size"
    if kind == "orientation":
        return encoded(picture(draw), "jpg", exif=exif(draw)[:60000]), "jpg", kind
    if kind == "suffix":
        return encoded(picture(draw), "png"), draw.choice(("jpg", "PNG", "gif", "tif", "txt", "svg", "heic", "")), kind
    if kind == "text":
        info = PngImagePlugin.PngInfo()
        info.add_text("key", "x" * draw.choice((1, 1 << 20)), zip=True)
        return encoded(picture(draw), "png", pnginfo=info), "png", kind
    if kind == "tiff":
        compression = draw.choice(("raw", "packbits", "tiff_lzw", "tiff_deflate", "jpeg", "group4"))
        mode = "1" if compression == "group4" else draw.choice(("L", "RGB"))
        return encoded(picture(draw, mode), "tif", compression=compression), "tif", f"tiff {compression}"
    mode = draw.choice(MODES)
    suffix = "tif" if mode in ("F", "LAB", "CMYK", "I", "PA") else "png"
    try:
        return encoded(picture(draw, mode), suffix), suffix, f"mode {mode}"
    except (OSError, KeyError):
        return encoded(picture(draw), "png"), "png", "mode L"


def edit_image(data: bytes, draw: Random) -> tuple[bytes, str]:
    """One edit of an image file, by what its format is where that is known."""
    if data.startswith(SIGNATURE) and chance(draw, 0.8):
        return edit_png(data, draw)
    if data[:2] in (b"II", b"MM") and chance(draw, 0.7):
        return edit_tiff(data, draw)
    return damaged(data, draw), "damaged"


def make(draw: Random) -> Mutant:
    """A folder of two classes in which some images or folders are not as they should be."""
    suffix = draw.choice(("png", "png", "png", "bmp", "jpg", "gif", "webp", "ppm", "tif"))
    mode = draw.choice(("L", "L", "RGB"))
    tree: Tree = {}
    splits = draw.choice((("",), ("",), ("train/", "test/"), ("train/", "val/"), ("train/", "val/", "test/")))
    for split in splits:
        for name in ("cat", "dog"):
            for n in range(12 if split in ("", "train/") else 2):
                tree[f"{split}{name}/{n:02d}.{suffix}"] = encoded(picture(draw, mode), suffix)
    recipe: list[str] = []
    for _ in range(draw.choice((0, 1, 1, 1, 2))):
        name = draw.choice(sorted(tree))
        data = tree[name]
        if chance(draw, 0.3):
            data, other, done = odd_image(draw)
            name = f"{name.rpartition('.')[0]}.{other}"
        else:
            done = "same"
        if isinstance(data, bytes) and chance(draw, 0.7):
            data, more = edit_image(data, draw)
            done += f" {more}"
        tree[name] = data
        recipe.append(f"{name}: {done}")
    if chance(draw, 0.2):
        recipe.append(_displace(tree, draw))
    if chance(draw, 0.01):
        recipe = [bomb(tree, draw)]
    return Mutant(tree, "", data_settings(draw), tuple(recipe))


def _displace(tree: Tree, draw: Random) -> str:
    """Odd files and folders beside the images, or in their place."""
    name = draw.choice(sorted(tree))
    folder = name.rpartition("/")[0]
    entries: tuple[tuple[str, Entry | None], ...] = (
        (name, None), (name, b""), (name, Folder()), (name, Link(Path(name).name)), (name, Link("/etc/hostname")),
        (name, Pipe()), (f"{folder}/loop", Link(".")), (f"{folder}/up", Link("../..")), (f"{folder}/.x.png",
        tree[name]),
        (f"{folder}/notes.txt", b"x"), (f"{folder}/bad\udcff.png", tree[name]), (f"{folder}/a\nb.png", b""),
        ("bad\udcff/1.png", tree[name]), ("a\nb/1.png", tree[name]), ("\x1b[31m/1.png", tree[name]), ("empty",
        Folder()),
        ("file", b"x"), (f"{'x' * 250}/1.png", tree[name]), ("run/config.json", b"{}"), (f"{folder}/a/b/c.png",
        tree[name]),
        *((f"{split}/cat/1.png", tree[name]) for split in SPLITS), ("loop", Link("loop")), ("self", Link(".")),
    )  # fmt: skip
    path, entry = draw.choice(entries)
    if entry is None:
        del tree[path]
    else:
        tree[path] = entry
    return f"{path!r:.100}: {type(entry).__name__}"


def bomb(tree: Tree, draw: Random) -> str:
    """Images that are large when they are unpacked, one or all."""
    side = draw.choice((5000, 9000, 13000, 20000, 60000))
    header = struct.pack(">IIBBBBB", side, side, 8, draw.choice((0, 2, 3, 6)), 0, 0, 0)
    # Of the largest the pixels are left out: their size alone has to be refused.
    rows = zlib.compress(bytes(min(side * (side + 1), 1 << 27)), 1)
    data = png([(b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")])
    names = sorted(tree) if chance(draw, 0.3) else [sorted(tree)[0]]
    for name in names:
        del tree[name]
        tree[f"{name.rpartition('.')[0]}.png"] = data
    return f"{len(names)} of {side} x {side}"


def passes(folder: Path) -> bool:
    """Whether Pillow finds each image file whole (of a PNG, by its checksums), and can tell what it is."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.suffix.lower()[1:] in WRITTEN]
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    for path in paths:
        with Image.open(path) as image:
            image.verify()
    return bool(paths)


def clean() -> Mutant:
    """Two classes without a fault, in every format, so that what reads it is loaded."""
    draw = Random(0)
    tree: Tree = {}
    for name in ("cat", "dog"):
        for n, suffix in enumerate((*WRITTEN, "png", "png", "png", "png")):
            tree[f"{name}/{n:02d}.{suffix}"] = encoded(picture(draw, "RGB"), "png" if suffix == "pgm" else suffix)
    return Mutant(tree)


TARGET = Target("images", make, (data_door("folder"),), passes, clean)
