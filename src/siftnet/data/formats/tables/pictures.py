"""A column of images, as Hugging Face stores them: the bytes of image files, with or without a path. N rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from siftnet.config.fields import DataConfig, require
from siftnet.data.formats.axes import parse_geometry
from siftnet.data.formats.image import decode_strictly, strict_pillow
from siftnet.data.formats.tables.frame import Column, Frame
from siftnet.geometry import Geometry, Grid, Unknown
from siftnet.wording import listed


def is_picture(column: Column) -> bool:
    """Whether a feature column holds the bytes of files rather than values."""
    return column.kind in ("image", "bytes")


def pictures_of(columns: Sequence[Column], frame: Frame, config: DataConfig) -> tuple[np.ndarray, Geometry]:
    """The images of the one feature column, uint8 (N, I), channel first, and their grid.

    Raises ValueError for feature columns beside it, images that are missing or stored elsewhere, that differ in size or
    channels, or that `decode` refuses, and for another geometry that is asked for.
    """
    pictures = [column for column in columns if is_picture(column)]
    column, others = pictures[0], [column.name for column in columns if column is not pictures[0]]
    require(
        not others,
        f"{frame.path} has images in the column {column.shown} and further columns ({listed(others)}): name those with "
        "data.table.drop, so that they are left out",
    )
    absent = int(column.absent_N.sum())
    require(
        absent == 0,
        f"the column {column.shown} of {frame.path} lacks {absent:,} images, the first in "
        f"{frame.place(int(np.argmax(column.absent_N)))}: store their bytes in it, or leave those rows out",
    )
    scale = config.table.scale
    require(
        scale == "standard",
        f"data.table.scale = {scale} is for columns of numbers, and the column {column.shown} of {frame.path} holds "
        "images: leave it out",
    )
    with strict_pillow():
        inputs_NI, grid = _pixels(column, frame)
    return inputs_NI, _geometry(grid, config)


def _pixels(column: Column, frame: Frame) -> tuple[np.ndarray, Grid]:
    inputs_NI, grid = np.zeros((0, 0), np.uint8), Grid((1,))
    first_HWC = np.zeros((0, 0, 0), np.uint8)
    for row, data in enumerate(column.values_N):
        place = f"the image in {frame.place(row)} of {frame.path}"
        image_HWC = decode_strictly(data, place)
        if row == 0:
            first_HWC, grid = image_HWC, Grid(image_HWC.shape[:2], image_HWC.shape[2])
            inputs_NI = np.empty((frame.rows, grid.size), np.uint8)
        require(
            image_HWC.shape == first_HWC.shape,
            f"{place} has (height, width, channels) {image_HWC.shape} and the first has {first_HWC.shape}: bring all "
            "images to one size and mode",
        )
        inputs_NI[row] = image_HWC.transpose(2, 0, 1).ravel()
    return inputs_NI, grid


def _geometry(grid: Grid, config: DataConfig) -> Geometry:
    if config.geometry == "auto":
        return grid
    told = parse_geometry(config.geometry, grid.size)
    on_grid = isinstance(told, Grid) and (told.shape, told.channels) == (grid.shape, grid.channels)
    require(
        on_grid or isinstance(told, Unknown),
        f"data.geometry = {config.geometry} does not fit images of {grid.describe()}: set it to auto, or to the same "
        "lengths, channels first",
    )
    return told
