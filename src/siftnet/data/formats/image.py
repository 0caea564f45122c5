"""One image file, or its bytes, as pixels: 8-bit grey or RGB, upright, or refused in a sentence that says why."""

from __future__ import annotations

import logging
import re
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from siftnet.config.fields import RefusedError, require

# Pillow opens further formats, some by calling other programs; what a file's name says does not matter to it.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM", "TIFF")
CHANNELS = {"L": 1, "RGB": 3}
LARGEST = 4096 * 4096
"""Pixels of an image: more would make a first layer of 10^10 weights, and a small file may claim any number."""
BITS_PER_SAMPLE, IMAGE_DESCRIPTION, SAMPLES_PER_PIXEL, SAMPLE_FORMAT, IMAGE_DEPTH = 258, 270, 277, 339, 32997
METADATA = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")
"""Where Pillow keeps what may tell an orientation, but for TIFF."""

AS_ARRAY = "save the pixels as an array in .npz and use data.format npz, which keeps them, or save 8-bit images"


def decode(source: Path | bytes, name: str) -> np.ndarray:
    """The pixels of an image, uint8 (height, width, channels) with one channel (grey) or three (RGB).

    source: a file or what is in one, of the FORMATS; name: what messages call it. An orientation in EXIF or XMP is
    applied; colour profiles are not. Raises ValueError, naming `name`, for what is no whole image, for more than one
    page or frame, more than 8 bits a channel, signed values, transparency and modes other than grey and RGB, and for
    more than LARGEST pixels, which are not decoded.
    """
    with strict_pillow():
        return decode_strictly(source, name)


@contextmanager
def strict_pillow() -> Iterator[None]:
    """Pillow without its warnings, and without leave to fill up files that are cut off, which scripts often give."""
    given, log = ImageFile.LOAD_TRUNCATED_IMAGES, logging.getLogger("PIL")
    level = log.level
    try:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        # What it logs of a damaged file it raises as well.
        log.setLevel(logging.CRITICAL + 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = given
        log.setLevel(level)


def decode_strictly(source: Path | bytes, name: str) -> np.ndarray:
    """`decode`, within `strict_pillow`, so that many images are read under one."""
    try:
        with _opened(source) as file, Image.open(file, formats=FORMATS) as image:
            return _pixels(image, file, name)
    except (RefusedError, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise ValueError(f"{name} claims more than {LARGEST:,} pixels: scale all images down") from None
    except UnidentifiedImageError:
        known = ", ".join(FORMATS)
        raise ValueError(
            f"{name} cannot be read as an image (it is none of {known}, or of a rare kind): replace or remove it"
        ) from None
    except Exception as error:
        # Pillow raises whatever its parsing of a damaged file meets; only a failure to read has an error number.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{name} cannot be read as an image ({reason}): replace or remove it") from None


def _opened(source: Path | bytes) -> IO[bytes]:
    return BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _pixels(image: ImageFile.ImageFile, file: IO[bytes], name: str) -> np.ndarray:
    width, height = image.size
    require(
        width * height <= LARGEST,
        f"{name} has {width:,} x {height:,} pixels, more than {LARGEST:,}: scale all images down",
    )
    require(
        not _goes_on(image, file),
        f"{name} holds more than one page or frame: write each into a file of its own, or remove it",
    )
    _refuse_what_would_be_lost(image, name)
    if image.format == "PNG":
        file.seek(0)
        require(_is_intact(file.read()), f"{name} cannot be read as an image (a checksum fails): replace or remove it")
    image.load()
    _turn_upright(image)
    pixels = np.asarray(image)
    return pixels.reshape(*pixels.shape[:2], CHANNELS[image.mode])


def _refuse_what_would_be_lost(image: ImageFile.ImageFile, name: str) -> None:
    """Raise RefusedError for what is more than grey or RGB in 8 bits, also where Pillow would leave out the rest."""
    channels, bits, signed = _layout(image)
    require(bits <= 8, f"{name} has {bits} bits a channel, which are not read: {AS_ARRAY}")
    require(not signed, f"{name} has signed values or fractions, which are not read: {AS_ARRAY}")
    require(
        image.mode in CHANNELS,
        f"{name} is an image of mode {image.mode}: convert all images to grey (L) or RGB, e.g. with Pillow's "
        "image.convert('RGB')",
    )
    require(
        channels == CHANNELS[image.mode],
        f"{name} has {channels} channels, which are neither grey nor RGB: {AS_ARRAY}",
    )
    require(
        "transparency" not in image.info,
        f"{name} has a transparent colour: convert all images to grey (L) or RGB without transparency",
    )


def _layout(image: ImageFile.ImageFile) -> tuple[int, int, bool]:
    """Channels, bits of the deepest one, and whether its values are other than unsigned: as in the file's header."""
    channels = len(image.getbands())
    if image.format == "TIFF":
        tags = image.tag_v2  # type: ignore[attr-defined]
        signed = any(kind != 1 for kind in _all(tags.get(SAMPLE_FORMAT, 1)))
        return int(tags.get(SAMPLES_PER_PIXEL, 1)), max(_all(tags.get(BITS_PER_SAMPLE, 1))), signed
    # Of the decoder's arguments the first names what the pixels are in the file, e.g. RGB;16B; PPM's second is the
    # largest value.
    args: Any = image.tile[0][3] if image.tile else ""
    raw, *more = args if isinstance(args, tuple) else (args,)
    if image.format == "PPM" and more and isinstance(more[0], int):
        return channels, max(more[0].bit_length(), 8), False
    return channels, 16 if image.format in ("PNG", "PPM") and ";16" in str(raw) else 8, False


def _all(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)


def _goes_on(image: ImageFile.ImageFile, file: IO[bytes]) -> bool:
    """Whether there is a second page, frame, or image behind the first."""
    if image.format == "PPM" and image.mode in CHANNELS and image.tile[0][0] != "ppm_plain":
        file.seek(image.tile[0][2] + image.width * image.height * CHANNELS[image.mode])
        return file.read(64).lstrip()[:1] == b"P"
    if image.format == "TIFF" and _has_hidden_pages(image.tag_v2):  # type: ignore[attr-defined]
        return True
    try:
        # Not n_frames: it walks all of a file whose pages may be many, or lead in a circle.
        image.seek(1)
    except EOFError:
        return False
    return True


def _has_hidden_pages(tags: Mapping[int, Any]) -> bool:
    """Whether a TIFF holds more pages than it lists, as volumes and long files of ImageJ and tifffile do."""
    told = str(tags.get(IMAGE_DESCRIPTION, ""))
    images = re.search(r"^images=(\d+)$", told, re.MULTILINE) if told.startswith("ImageJ=") else None
    return int(tags.get(IMAGE_DEPTH, 1)) > 1 or '"truncated": true' in told or (images and int(images[1]) > 1) is True


def _is_intact(png: bytes) -> bool:
    """Whether all chunks are there with the checksums they should have; Pillow looks at none of the pixels' own."""
    at = 8
    while at + 12 <= len(png):
        end = at + 8 + int.from_bytes(png[at : at + 4], "big")
        if zlib.crc32(png[at + 4 : end]) != int.from_bytes(png[end : end + 4], "big"):
            return False
        if png[at + 4 : at + 8] == b"IEND":
            return True
        at = end + 4
    return False


def _turn_upright(image: ImageFile.ImageFile) -> None:
    """Turn the image as its orientation says; where what should say so is damaged, it stays as it is stored."""
    if image.format != "TIFF" and image.info.keys().isdisjoint(METADATA):
        return
    with suppress(Exception):
        ImageOps.exif_transpose(image, in_place=True)
