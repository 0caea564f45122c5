"""Images written by hand or by tifffile, so that what Pillow reads is compared with what someone else wrote."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import tifffile

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}


def pixels(shape: Any, seed: int = 0, largest: int = 255) -> Any:
    kind = np.uint8 if largest < 256 else np.uint16
    return np.random.default_rng(seed).integers(0, largest + 1, shape, dtype=kind)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(values: np.ndarray, colour: int, bits: int = 8, more: bytes = b"", size: Any = None) -> bytes:
    """A PNG after its specification: (height, width) or (height, width, channels) values of 1 to 16 bits.

    more: chunks that stand before the pixels; size: (height, width) that the header claims.
    """
    height, width = size or values.shape[:2]
    rows = values.reshape(len(values), -1)
    if bits == 16:
        packed = rows.astype(">u2").view(np.uint8)
    elif bits == 8:
        packed = rows.astype(np.uint8)
    else:
        digits = np.unpackbits(rows.astype(np.uint8)[:, :, None], axis=2)[:, :, 8 - bits :]
        packed = np.packbits(digits.reshape(len(rows), -1), axis=1)
    content = b"".join(b"\0" + row.tobytes() for row in packed)
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    if colour == PALETTE:
        more = chunk(b"PLTE", bytes(range(48))) + more
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + more
        + chunk(b"IDAT", zlib.compress(content))
        + chunk(b"IEND", b"")
    )


def pnm(values: np.ndarray, largest: int = 255, *, plain: bool = False) -> bytes:
    """A PGM of (height, width) or a PPM of (height, width, 3) values, as text where it is plain."""
    grey = values.ndim == 2
    kind = (2 if grey else 3) if plain else (5 if grey else 6)
    header = f"P{kind}\n# by hand\n{values.shape[1]} {values.shape[0]}\n{largest}\n".encode()
    if plain:
        return header + " ".join(map(str, values.ravel().tolist())).encode() + b"\n"
    return header + values.astype(">u2" if largest > 255 else np.uint8).tobytes()


def bmp(values: np.ndarray) -> bytes:
    """A BMP of (height, width, 3) values: 24 bits, blue first, rows from the bottom up and filled up to four bytes."""
    height, width = values.shape[:2]
    rows = b"".join(row[:, ::-1].tobytes() + bytes(-3 * width % 4) for row in values[::-1])
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(rows), 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(rows), 0, 0, 54) + info + rows


def tiff(values: np.ndarray, **settings: Any) -> bytes:
    """A TIFF by tifffile, which says what it holds unless told: grey, or RGB where the last axis is 3."""
    file = io.BytesIO()
    photometric = "rgb" if values.ndim > 2 and values.shape[-1] == 3 else "minisblack"
    tifffile.imwrite(file, values, **{"photometric": photometric, "metadata": None} | settings)
    return file.getvalue()


def exif(orientation: int) -> bytes:
    """An EXIF block that says nothing but the orientation."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
