"""Images and folders that hypothesis invents, read by siftnet and by readers that no one here wrote.

What siftnet reads is what tifffile, OpenCV and scikit-learn read, or it is refused: never something else.
"""

from __future__ import annotations

import io
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_files

from images import CHANNELS, GREY, GREY_ALPHA, PALETTE, RGB, bmp, chunk, exif, pixels, png, pnm, tiff
from siftnet.config.fields import DataConfig
from siftnet.data.formats import folder
from siftnet.data.formats.image import decode
from siftnet.data.formats.image_tree import SUFFIXES
from siftnet.data.formats.split_names import roles_of

pytestmark = pytest.mark.property

SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))
SEEDS = st.integers(0, 1000)


def ours(data: bytes) -> np.ndarray | None:
    """What siftnet reads; None where it refuses, by name and in a sentence."""
    try:
        return decode(data, "x")
    except ValueError as error:
        sentence = str(error)
    assert sentence.startswith("x ")
    assert "\n" not in sentence
    return None


def by_opencv(data: bytes) -> np.ndarray:
    """(height, width, channels), red first, upright, in the depth that the file has."""
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert found is not None
    found = found.reshape(*found.shape[:2], -1)
    order = {1: [0], 2: [0, 1], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[found.shape[2]]
    return found[..., order]


def equal_or_refused(data: bytes, theirs: np.ndarray, tolerance: int = 0) -> bool:
    """Whether it was read, which is then what others read."""
    found = ours(data)
    if found is None:
        return False
    theirs = theirs.reshape(*theirs.shape[:2], -1)
    assert theirs.dtype == np.uint8
    assert found.shape == theirs.shape
    assert np.abs(found.astype(int) - theirs.astype(int)).max() <= tolerance
    return True


@given(SIZES, SEEDS, st.sampled_from(sorted(CHANNELS)), st.sampled_from([1, 2, 4, 8, 16]), st.booleans())
def test_png_as_opencv_reads_it(size: Any, seed: int, colour: int, bits: int, transparent: bool) -> None:
    if bits < 8 and colour not in (GREY, PALETTE):
        bits = 8
    bits = min(bits, 4) if colour == PALETTE else bits
    values = pixels((*size, CHANNELS[colour]), seed, 2**bits - 1)
    more = chunk(b"tRNS", bytes({GREY: 2, RGB: 6, PALETTE: 1}[colour])) if transparent and colour < GREY_ALPHA else b""
    data = png(values, colour, bits, more)
    read = equal_or_refused(data, by_opencv(data))
    assert read == (not more and ((colour == GREY and bits in (2, 4, 8)) or (colour == RGB and bits == 8)))


@given(SIZES, SEEDS, st.booleans(), st.integers(1, 65535), st.booleans())
def test_pnm_as_it_is_defined(size: Any, seed: int, colour: bool, largest: int, plain: bool) -> None:
    values = pixels((*size, 3) if colour else size, seed, largest)
    theirs = np.round(values * (255 / largest)).astype(np.uint8) if largest < 256 else values
    # Halves may be rounded either way.
    assert equal_or_refused(pnm(values, largest, plain=plain), theirs, tolerance=int(largest < 255)) == (largest < 256)


@given(SIZES, SEEDS)
def test_bmp_as_opencv_reads_it(size: Any, seed: int) -> None:
    data = bmp(pixels((*size, 3), seed))
    assert equal_or_refused(data, by_opencv(data))


@given(SIZES, SEEDS, st.sampled_from(["JPEG", "WEBP"]), st.booleans(), st.integers(0, 9), st.integers(50, 100))
def test_jpeg_and_webp_as_opencv_reads_them(
    size: Any, seed: int, kind: str, grey: bool, orientation: int, quality: int
) -> None:
    values = pixels(size if grey else (*size, 3), seed)
    block = {"exif": b"Exif\0\0" + exif(orientation)} if orientation else {}
    data = by_pillow(Image.fromarray(values), kind, quality=quality, **block)
    # Both decoders round, by their own code.
    theirs: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    if grey and kind == "JPEG":
        theirs = theirs[..., :1]
    assert equal_or_refused(data, theirs, tolerance=3)


TYPES = [np.uint8, np.uint16, np.uint32, np.int8, np.int16, np.int32, np.float32, np.float64, np.bool_]
LAYOUTS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "grey": ((), {"photometric": "minisblack"}),
    "white is 0": ((), {"photometric": "miniswhite"}),
    "RGB": ((3,), {"photometric": "rgb"}),
    "RGBA": ((4,), {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
    "RGB and one more": ((4,), {"photometric": "rgb", "extrasamples": ["unspecified"]}),
    "grey and one more": ((2,), {"photometric": "minisblack", "extrasamples": ["unspecified"]}),
    "CMYK": ((4,), {"photometric": "separated"}),
    "YCbCr": ((3,), {"photometric": "ycbcr"}),
    "LAB": ((3,), {"photometric": "cielab"}),
}


@given(
    SIZES,
    SEEDS,
    st.sampled_from(TYPES),
    st.sampled_from(list(LAYOUTS)),
    st.sampled_from([1, 1, 3]),
    st.fixed_dictionaries(
        {
            "byteorder": st.sampled_from("<>"),
            "bigtiff": st.booleans(),
            "compression": st.sampled_from([None, "zlib"]),
            "rowsperstrip": st.integers(1, 9),
        }
    ),
)
def test_tiff_as_tifffile_reads_it(
    size: Any, seed: int, kind: Any, layout: str, pages: int, settings: dict[str, Any]
) -> None:
    assume(kind != np.bool_ or layout == "grey")
    channels, told = LAYOUTS[layout]
    values = pixels((pages, *size, *channels), seed).astype(kind)
    data = tiff(values if pages > 1 else values[0], **told, **settings)
    theirs = tifffile.imread(io.BytesIO(data))
    # tifffile hands over what is stored; black and white change places with the photometric interpretation.
    theirs = 255 - theirs if layout == "white is 0" and kind == np.uint8 else theirs
    wanted = kind == np.uint8 and pages == 1 and layout in ("grey", "white is 0", "RGB")
    # Of big files Pillow reads those with the small end first.
    wanted = wanted and not (settings["bigtiff"] and settings["byteorder"] == ">")
    if layout == "YCbCr" and ours(data) is not None:
        # Pillow lets libtiff make RGB of what is compressed, as OpenCV does; tifffile leaves it.
        assert equal_or_refused(data, by_opencv(data), tolerance=1)
        return
    assert (ours(data) is not None) == wanted
    if wanted:
        assert equal_or_refused(data, theirs)


@given(SEEDS, st.integers(1, 3), st.sampled_from(["GIF", "PNG", "WEBP", "TIFF"]))
def test_frames_are_counted_as_opencv_and_tifffile_count_them(seed: int, frames: int, kind: str) -> None:
    images = [Image.fromarray(pixels((8, 8, 3), seed + frame)) for frame in range(frames)]
    data = by_pillow(images[0], kind, save_all=True, append_images=images[1:])
    if kind == "TIFF":
        found = len(tifffile.TiffFile(io.BytesIO(data)).pages)
    else:
        found = len(cv2.imdecodeanimation(np.frombuffer(data, np.uint8))[1].frames)
    assert found == frames
    # A GIF has a palette.
    assert (ours(data) is not None) == (found == 1 and kind != "GIF")


@given(SIZES, SEEDS, st.sampled_from(["png", "bmp", "pnm", "tiff", "zlib", "JPEG", "WEBP"]), st.data())
def test_damaged_files_are_read_or_refused_without_a_word_of_pillow(size: Any, seed: int, kind: str, data: Any) -> None:
    values = pixels((*size, 3), seed)
    writers: dict[str, Callable[[], bytes]] = {
        "png": lambda: png(values, RGB),
        "bmp": lambda: bmp(values),
        "pnm": lambda: pnm(values),
        "tiff": lambda: tiff(values),
        "zlib": lambda: tiff(values, compression="zlib"),
    }
    whole = writers[kind]() if kind in writers else by_pillow(Image.fromarray(values), kind)
    place = data.draw(st.integers(0, len(whole) - 1))
    damaged = bytearray(whole)
    damaged[place] ^= data.draw(st.integers(1, 255))
    found = ours(bytes(damaged))
    if kind == "png":
        assert found is None, "a checksum stands over every byte"


def by_pillow(image: Image.Image, kind: str, **settings: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


# Folders

NAMES = st.text(
    st.characters(exclude_characters="/", exclude_categories=["C", "Z"]),
    min_size=1,
    max_size=6,
)
FILES = st.tuples(st.sampled_from(["", "p1", "p2/a"]), NAMES, st.sampled_from([*sorted(SUFFIXES), ".PNG", ".txt", ""]))


@given(st.dictionaries(NAMES, st.sets(FILES, max_size=4), min_size=2, max_size=4))
def test_classes_as_scikit_learn_lists_them(tree: dict[str, set[tuple[str, str, str]]]) -> None:
    assume(not any(name.startswith(".") for name in tree))
    assume(not roles_of(tree))
    wanted: list[tuple[str, bytes]] = []
    left_out = 0
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        for label, files in tree.items():
            for below, name, suffix in [("", "certainly", ".png"), *sorted(files)]:
                path = root / label / below / f"f{name}{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                data = png(pixels((3, 4), len(wanted) + left_out), GREY)
                path.write_bytes(data)
                if suffix.lower() in SUFFIXES:
                    wanted.append((label, by_opencv(data).tobytes()))
                else:
                    left_out += 1
        raw = folder.read(DataConfig(format="folder", root=root))
        theirs = load_files(root, load_content=False, shuffle=False)
    assert list(raw.class_names) == theirs.target_names == sorted(tree)
    found = [(raw.class_names[label], row.tobytes()) for label, row in zip(raw.labels_N, raw.inputs_NI, strict=True)]
    assert sorted(found) == sorted(wanted)
    assert [label for label, _ in found] == sorted(label for label, _ in wanted)
    assert any(note.startswith(f"left out: {left_out} image") for note in raw.notes) == (left_out > 0)


def test_scikit_learn_and_siftnet_number_the_same_files(tmp_path: Path) -> None:
    """Files right below their class, by name: both read them in the same order."""
    for label, count in (("dog", 3), ("Cat", 2), (unicodedata.normalize("NFC", "é"), 4)):
        (tmp_path / label).mkdir()
        for number in range(count):
            (tmp_path / label / f"{number}.png").write_bytes(png(pixels((3, 4, 3), number * 7 + count), RGB))
    theirs = load_files(tmp_path, shuffle=False)
    raw = folder.read(DataConfig(format="folder", root=tmp_path))
    assert list(raw.class_names) == theirs.target_names
    order = np.lexsort((theirs.filenames, theirs.target))
    np.testing.assert_array_equal(raw.labels_N, theirs.target[order])
    expected = [by_opencv(theirs.data[row]).transpose(2, 0, 1).ravel() for row in order]
    np.testing.assert_array_equal(raw.inputs_NI, np.stack(expected))
