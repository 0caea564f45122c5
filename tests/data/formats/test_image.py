from __future__ import annotations

import io
import logging
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

from images import GREY, GREY_ALPHA, PALETTE, RGB, RGB_ALPHA, bmp, chunk, exif, pixels, png, pnm, tiff
from siftnet.data.formats.image import decode

COLOUR, PLAIN = pixels((5, 7, 3)), pixels((5, 7))
DEEP, DEEP_GREY = pixels((5, 7, 3), largest=65535), pixels((5, 7), largest=65535)
# What a pixel at row i, column j of the stored image becomes, after the figures of the EXIF specification.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


def saved(values: Any, kind: str, mode: str = "", **settings: Any) -> bytes:
    image = values if isinstance(values, Image.Image) else Image.fromarray(values)
    file = io.BytesIO()
    (image.convert(mode) if mode else image).save(file, kind, **settings)
    return file.getvalue()


def frames(kind: str, **settings: Any) -> bytes:
    more = [Image.fromarray(pixels((5, 7, 3), seed)) for seed in (1, 2)]
    return saved(COLOUR, kind, save_all=True, append_images=more, **settings)


def turned(orientation: int) -> Image.Exif:
    block = Image.Exif()
    block[0x0112] = orientation
    return block


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (png(COLOUR, RGB), COLOUR),
        (png(PLAIN, GREY), PLAIN),
        (png(PLAIN >> 4, GREY, 4), (PLAIN >> 4) * 17),
        (png(PLAIN >> 6, GREY, 2), (PLAIN >> 6) * 85),
        (png(COLOUR, RGB, more=chunk(b"eXIf", b"no EXIF")), COLOUR),
        (png(COLOUR, RGB, more=chunk(b"eXIf", exif(9))), COLOUR),
        (bmp(COLOUR), COLOUR),
        (pnm(COLOUR), COLOUR),
        (pnm(PLAIN), PLAIN),
        (pnm(PLAIN) + b"\n", PLAIN),
        (pnm(COLOUR, plain=True), COLOUR),
        (pnm(PLAIN >> 4, 15), (PLAIN >> 4) * 17),
        (saved(COLOUR, "WEBP", lossless=True), COLOUR),
        (tiff(COLOUR), COLOUR),
        (tiff(PLAIN, byteorder=">"), PLAIN),
        (tiff(PLAIN, photometric="miniswhite"), 255 - PLAIN),
        (tiff(COLOUR, compression="zlib", predictor=True), COLOUR),
        (tiff(np.ascontiguousarray(COLOUR.transpose(2, 0, 1)), planarconfig="separate", photometric="rgb"), COLOUR),
        (tiff(pixels((32, 32, 3)), tile=(16, 16)), pixels((32, 32, 3))),
        (tiff(PLAIN, imagej=True), PLAIN),
        (saved(COLOUR, "TIFF", compression="tiff_lzw"), COLOUR),
    ],
)
def test_pixels_are_those_that_were_written(data: bytes, wanted: Any) -> None:
    found = decode(data, "x")
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, wanted.reshape(*wanted.shape[:2], -1))


def test_files_are_read_as_bytes_are(tmp_path: Path) -> None:
    path = tmp_path / "named wrongly.jpg"
    path.write_bytes(png(COLOUR, RGB))
    np.testing.assert_array_equal(decode(path, "x"), COLOUR)
    with pytest.raises(FileNotFoundError):
        decode(tmp_path / "none.png", "x")


def test_jpeg_has_a_channel_where_it_is_grey() -> None:
    smooth = np.add.outer(np.arange(16), np.arange(16)).astype(np.uint8) * 8
    np.testing.assert_allclose(decode(saved(smooth, "JPEG"), "x")[..., 0], smooth, atol=8)
    assert decode(saved(COLOUR, "JPEG"), "x").shape == (5, 7, 3)


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_orientation_is_applied(orientation: int) -> None:
    wanted = UPRIGHT[orientation](COLOUR)
    for data in (
        png(COLOUR, RGB, more=chunk(b"eXIf", exif(orientation))),
        saved(COLOUR, "TIFF", exif=turned(orientation)),
        saved(COLOUR, "WEBP", lossless=True, exif=turned(orientation)),
    ):
        np.testing.assert_array_equal(decode(data, "x"), wanted)
    stored = decode(saved(COLOUR, "JPEG"), "x")
    np.testing.assert_array_equal(
        decode(saved(COLOUR, "JPEG", exif=turned(orientation)), "x"), UPRIGHT[orientation](stored)
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (png(DEEP, RGB, 16), "x has 16 bits a channel, which are not read: save the pixels as an array"),
        (png(DEEP_GREY, GREY, 16), "16 bits"),
        (png(pixels((5, 7, 2), largest=65535), GREY_ALPHA, 16), "16 bits"),
        (pnm(DEEP, 65535), "16 bits"),
        (pnm(DEEP_GREY, 65535), "16 bits"),
        (pnm(DEEP_GREY, 65535, plain=True), "16 bits"),
        (pnm(DEEP_GREY & 1023, 1023), "10 bits"),
        (tiff(DEEP), "16 bits"),
        (tiff(DEEP_GREY), "16 bits"),
        (tiff(PLAIN.astype(np.float32)), "32 bits"),
        (tiff(PLAIN.astype(np.int32)), "32 bits"),
        (tiff(PLAIN.astype(float)), "or of a rare kind"),
        (tiff(PLAIN.view(np.int8)), "signed values"),
        (tiff(pixels((5, 7, 4)), photometric="rgb", extrasamples=["unspecified"]), "4 channels"),
        (tiff(pixels((5, 7, 2)), extrasamples=["unspecified"]), "2 channels"),
        (png(pixels((5, 7), largest=15), PALETTE), "image of mode P: convert all images to grey"),
        (png(pixels((5, 7, 2)), GREY_ALPHA), "mode LA"),
        (png(pixels((5, 7, 4)), RGB_ALPHA), "mode RGBA"),
        (png(PLAIN >> 7, GREY, 1), "mode 1"),
        (png(COLOUR, RGB, more=chunk(b"tRNS", bytes(6))), "transparent colour"),
        (png(PLAIN, GREY, more=chunk(b"tRNS", bytes(2))), "transparent colour"),
        (saved(COLOUR, "JPEG", "CMYK"), "mode CMYK"),
        (saved(COLOUR, "TIFF", "YCbCr"), "mode YCbCr"),
        (saved(COLOUR, "TIFF", "LAB"), "mode LAB"),
        (frames("GIF"), "more than one page or frame"),
        (frames("WEBP", lossless=True), "more than one page or frame"),
        (frames("PNG"), "more than one page or frame"),
        (frames("PNG", default_image=True), "more than one page or frame"),
        (frames("TIFF"), "more than one page or frame"),
        (frames("MPO"), "more than one page or frame"),
        (tiff(pixels((4, 5, 7))), "more than one page or frame"),
        (tiff(pixels((4, 16, 16)), volumetric=True, tile=(4, 16, 16)), "more than one page or frame"),
        (tiff(pixels((4, 5, 7)), imagej=True, truncate=True), "more than one page or frame"),
        (tiff(pixels((4, 5, 7)), metadata={}, truncate=True), "more than one page or frame"),
        (pnm(PLAIN) + pnm(PLAIN), "more than one page or frame"),
        (b"", "x cannot be read as an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 5 5\n", "none of PNG, JPEG"),
    ],
)
def test_what_would_lose_something_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        decode(data, "x")
    assert str(error.value).startswith("x ")


@pytest.mark.parametrize(
    "data",
    [
        png(COLOUR, RGB)[:-20],
        png(COLOUR, RGB)[:-3],
        png(COLOUR, RGB, size=(50, 50)),
        bmp(COLOUR)[:-5],
        pnm(COLOUR)[:-5],
        pnm(COLOUR, plain=True)[:-5],
        tiff(COLOUR)[:-5],
        saved(pixels((64, 64, 3)), "JPEG")[:-10],
        saved(pixels((64, 64, 3)), "WEBP")[:500],
    ],
)
@pytest.mark.parametrize("allowed", [True, False])
def test_files_that_are_cut_off_are_refused(data: bytes, allowed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the script around has told Pillow to fill them up, which it may go on to do."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", allowed)
    with pytest.raises(ValueError, match="cannot be read as an image"):
        decode(data, "x")
    assert allowed is ImageFile.LOAD_TRUNCATED_IMAGES


def test_what_pillow_logs_of_a_damaged_file_is_not_printed(caplog: pytest.LogCaptureFixture) -> None:
    samples = struct.pack("<HHIH", 277, 3, 1, 3)
    data = tiff(COLOUR).replace(samples, struct.pack("<HHIH", 277, 3, 1, 1000))
    assert data != tiff(COLOUR)
    with pytest.raises(ValueError, match="cannot be read as an image"):
        decode(data, "x")
    assert caplog.records == []
    assert logging.getLogger("PIL").level == logging.NOTSET


def test_a_flipped_bit_of_a_png_is_noticed() -> None:
    data = png(np.zeros((16, 16), np.uint8), GREY)
    pixels_begin = data.index(b"IDAT") + 4
    for place in range(pixels_begin, len(data) - 12):
        damaged = data[:place] + bytes([data[place] ^ 16]) + data[place + 1 :]
        with pytest.raises(ValueError, match="cannot be read as an image"):
            decode(damaged, "x")


@pytest.mark.parametrize(
    ("size", "message"),
    [((100_000, 100_000), "more than 16,777,216 pixels"), ((10_000, 10_000), "10,000 x 10,000 pixels, more than")],
)
def test_sizes_that_a_small_file_claims_are_not_allocated(size: Any, message: str) -> None:
    data = png(COLOUR, RGB, size=size)
    tracemalloc.start()
    with pytest.raises(ValueError, match=message):
        decode(data, "x")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e6
