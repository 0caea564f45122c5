"""CIFAR-10 and CIFAR-100 as python batches, also those that Python 2 wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from siftnet.config.fields import DataConfig
from siftnet.data.formats import unpickle
from siftnet.data.formats.root import folder_of
from siftnet.data.raw import Raw
from siftnet.geometry import Grid
from siftnet.wording import named

# Files of training batches, test batch, names; the key of the labels and of their names; number of classes.
LAYOUT: dict[str, tuple[list[str], str, str, str, str, int]] = {
    "cifar10": ([f"data_batch_{n}" for n in range(1, 6)], "test_batch", "batches.meta", "labels", "label_names", 10),
    "cifar100": (["train"], "test", "meta", "fine_labels", "fine_label_names", 100),
}
SIDE, CHANNELS = 32, 3


def read(config: DataConfig) -> Raw:
    """CIFAR-10 or -100 (fine labels), uint8 (channel, row, column), training batches first, test batch held out.

    Raises ValueError for a missing batch, a wrong shape, labels out of range, and damaged or foreign files.
    """
    training, test, meta, key, names_key, classes = LAYOUT[config.format]
    root = folder_of(config, f"the folder with {training[0]} and {test}")
    batches = [_read_batch(root / name, key, classes) for name in [*training, test]]
    count = sum(len(labels) for _, labels in batches)
    return Raw(
        name={"cifar10": "CIFAR-10", "cifar100": "CIFAR-100"}[config.format],
        inputs_NI=np.concatenate([data for data, _ in batches]),
        labels_N=np.concatenate([labels for _, labels in batches]),
        classes=classes,
        geometry=Grid((SIDE, SIDE), CHANNELS),
        held_out_N=np.arange(count - len(batches[-1][1]), count),
        class_names=_class_names(root / meta, names_key, classes),
    )


def _read_batch(path: Path, key: str, classes: int) -> tuple[np.ndarray, np.ndarray]:
    if not path.is_file():
        raise ValueError(f"there is no {path}: {_remedy(path.parent, path.name)}")
    data, labels = unpickle.load_arrays(path, "data", key)
    if data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != CHANNELS * SIDE * SIDE:
        raise ValueError(
            f"{path} holds data of shape {named(str(data.shape))} and type {data.dtype}, not uint8 (n, 3072): "
            "download it again"
        )
    if labels.shape != data.shape[:1] or labels.dtype.kind not in "iu":
        raise ValueError(
            f"{path} holds {labels.size} labels of type {labels.dtype} for {len(data)} images: download it again"
        )
    for wrong in labels[(labels < 0) | (labels >= classes)][:1]:
        raise ValueError(f"{path} has the label {wrong}, and labels run from 0 to {classes - 1}: download it again")
    return data, labels.astype(np.int64)


def _remedy(root: Path, name: str) -> str:
    """Where the batches are, or what lies there in their place."""
    for folder in sorted(path for path in root.glob("*") if (path / name).is_file()):
        return f"set data.root to {folder}"
    if next(root.glob("*.bin"), None):
        return "this is the binary version, get the python version of CIFAR"
    for archive in root.glob("cifar-*.tar.gz"):
        return f"unpack {archive} and set data.root to its folder"
    return "set data.root to the unpacked folder of the python version of CIFAR"


def _class_names(path: Path, key: str, classes: int) -> tuple[str, ...]:
    if not path.is_file():
        return ()
    names = unpickle.load_dictionary(path).get(key)
    if not isinstance(names, list) or len(names) != classes:
        raise ValueError(f"{path} does not name {classes} classes under {key}: download it again, or remove it")
    told = tuple(name.decode("latin1") if isinstance(name, bytes) else name for name in names)
    for name in told:
        if not isinstance(name, str) or not name.isprintable():
            kind = named(repr(name)) if isinstance(name, str) else f"a {type(name).__name__}"
            raise ValueError(f"{path} names a class {kind}: download it again, or remove it")
    return told
