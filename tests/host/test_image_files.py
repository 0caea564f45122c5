"""An image that is cut off is refused, also where a script has asked Pillow to fill it up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

import siftnet
from builders import config


def test_an_image_that_is_cut_off_is_refused_whatever_a_script_has_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    for name in "uv":
        (tmp_path / name).mkdir()
        for number in range(12):
            values = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(values).save(tmp_path / name / f"{number}.png")
    asked = config(data__format="folder", data__root=str(tmp_path))
    assert siftnet.set_up(asked).dataset.class_names == ("u", "v")
    damaged = tmp_path / "u" / "3.png"
    damaged.write_bytes(damaged.read_bytes()[:120])
    for filled in (False, True):
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", filled)
        with pytest.raises(ValueError, match=r"/3\.png"):
            siftnet.set_up(asked)
        assert filled == ImageFile.LOAD_TRUNCATED_IMAGES
