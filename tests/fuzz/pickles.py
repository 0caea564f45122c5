"""Inputs for the readers of CIFAR and of downsampled ImageNet: pickles of arrays, as Python 2 and 3 wrote them.

Pickles are made in three ways: from odd objects by Python's own pickler, from the opcodes of an honest pickle with some
changed, left out or put in, and from its bytes.
"""

from __future__ import annotations

import pickle
import pickletools
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from fuzz import zips
from fuzz.doors import data_door, data_settings
from fuzz.mutations import INTEGERS, TEXTS, Folder, Link, Mutant, Pipe, Target, Tree, chance, damaged
from fuzz.payloads import call
from fuzz.zips import Member, Npy, edit_members, edit_npy

Batch = dict[Any, Any]


def honest(draw: Random, count: int, key: str, classes: int, width: int = 3072) -> Batch:
    """A batch as its authors store it."""
    data = np.frombuffer(draw.randbytes(count * width), np.uint8).reshape(count, width)
    first = 1 if width != 3072 or (key == "labels" and classes == 5) else 0
    labels: Any = [first + n % classes for n in range(count)]
    if chance(draw, 0.2):
        labels = np.array(labels, draw.choice(("<i8", "<i4", "|u1", ">i2")))
    batch: Batch = {"data": data, key: labels}
    if chance(draw, 0.3):
        batch |= {"batch_label": "testing batch 1 of 1", "filenames": [f"{n}.png" for n in range(count)]}
    return {k.encode(): v for k, v in batch.items()} if chance(draw, 0.3) else batch


def odd_value(draw: Random, depth: int = 0) -> Any:
    """Any plain value, or an array of any type."""
    values: tuple[Callable[[], Any], ...] = (
        lambda: draw.choice(INTEGERS),
        lambda: -draw.choice(INTEGERS),
        lambda: 10 ** draw.choice((30, 400, 5000)),
        lambda: draw.choice(TEXTS),
        lambda: draw.choice(TEXTS).encode(),
        lambda: draw.choice((None, True, False, 1.5, float("nan"), float("inf"), 1j)),
        lambda: np.array(draw.choice((3, "x", b"x", 1.5, None, 1j)), dtype=None),
        lambda: np.zeros(draw.choice((0, 1, (0, 3), (2, 0), (1,) * 9)), draw.choice(("u1", "f8", "?", "c16", "U3",
        "M8[s]"))),
        lambda: np.array([{}, []], object) if depth < 2 else 0,
        lambda: np.float64(3),
        lambda: [odd_value(draw, depth + 1) for _ in range(draw.choice((0, 1, 3)))] if depth < 3 else [],
        lambda: tuple(odd_value(draw, depth + 1) for _ in range(draw.choice((0, 1, 3)))) if depth < 3 else (),
        lambda: {draw.choice(TEXTS): odd_value(draw, depth + 1)} if depth < 3 else {},
        lambda: {1, "x"},
        lambda: _nested(draw.choice((10, 100, 250))),
        lambda: _circular(draw),
    )  # fmt: skip
    return draw.choice(values)()


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def _circular(draw: Random) -> Any:
    value: list[Any] = [1]
    value.append(draw.choice((value, {"x": value}, (value,))))
    return value


def edit_batch(batch: Batch, key: str, draw: Random) -> tuple[Batch, str]:
    """One edit of what is pickled."""
    names = {(k.decode() if isinstance(k, bytes) else k): k for k in batch}
    changed = dict(batch)
    which = draw.choice(("data", key))
    kind = draw.choice(("odd", "label", "key", "dtype", "shape", "rows", "gone", "whole", "length", "list"))
    value = np.asarray(batch[names[which]])
    if kind == "odd":
        changed[names[which]] = odd_value(draw)
    elif kind == "label":
        labels: list[Any] = [int(n) for n in np.asarray(batch[names[key]]).ravel()]
        labels[draw.randrange(len(labels))] = draw.choice(
            (-1, 0, 5, 10, 100, 1000, 2**40, 2**64, 1.5, None, "x", b"x", [1], True)
        )
        changed[names[key]] = labels
    elif kind == "key":
        changed[draw.choice((draw.choice(TEXTS), b"\xff\n", 10**5000, 3.5, (1, 2), None, "data", b"data"))] = 1
    elif kind == "dtype":
        changed[names[which]] = value.astype(
            draw.choice(("u1", "i1", "f4", "f8", "?", "c8", ">i4", "U4", "S4", object))
        )
    elif kind == "shape":
        changed[names[which]] = value.reshape(
            draw.choice((value.shape[::-1], (-1,), (1, -1), (-1, 1), (*value.shape, 1)))
        )
    elif kind == "rows":
        changed[names[which]] = value[: draw.choice((0, 1, 2))]
    elif kind == "gone":
        del changed[names[which]]
    elif kind == "whole":
        return odd_value(draw), kind
    elif kind == "length":
        changed["data"] = np.zeros((len(value), draw.choice((0, 1, 192, 768, 3071, 12288))), np.uint8)
    else:
        changed[names["data"]] = np.asarray(batch[names["data"]]).tolist()
    return changed, f"{which}: {kind}"


def dump(value: Any, draw: Random) -> bytes:
    """A pickle in any protocol, in Python 2's words too."""
    protocol = draw.choice((0, 1, 2, 2, 3, 4, 5))
    try:
        data = pickle.dumps(value, protocol)
    except ValueError:
        # Whole numbers of thousands of digits are not written as text.
        data = pickle.dumps(value, 2)
    if protocol < 3 and chance(draw, 0.7):
        data = data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray").replace(b"builtins", b"__builtin__")
    return data


def opcodes(data: bytes) -> list[bytes]:
    """A pickle cut into its opcodes, each with its argument."""
    places = [at for _, _, at in pickletools.genops(data) if at is not None] + [len(data)]
    return [data[a:b] for a, b in pairwise(places)]


INSERTED = (
    b"0", b"2", b"(", b"1", b"]", b"}", b")", b"t", b"a", b"e", b"s", b"u", b"R", b"b", b"\x81", b"\x85", b"\x86",
    b"\x87",
    b"N", b"\x88", b"I01\n", b"I" + b"9" * 5000 + b"\n", b"L" + b"9" * 300 + b"L\n", b"F1e999\n", b"S'x'\n",
    b"S'\\xff'\n",
    b"V\\ud800\n", b"U\x01x", b"T\xff\xff\xff\x7f", b"X\xff\xff\xff\x7f", b"B\xff\xff\xff\x7f", b"C\xff",
    b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f", b"\x8e\0\0\0\0\x01\0\0\0", b"\x96\0\0\0\0\x01\0\0\0",
    b"\x96\0\0\0\x80\0\0\0\0",
    b"r\0\0\0\x10", b"r\xff\xff\xff\x7f", b"p999999999\n", b"p-1\n", b"q\x7f", b"h\0", b"j\xff\xff\xff\x7f", b"g0\n",
    b"\x94",
    b"\x95\xff\xff\xff\xff\0\0\0\0", b"\x95\0\0\0\0\0\0\0\0", b"\x97", b"\x98", b"\x8f", b"\x90", b"\x91", b"P1\n",
    b"Q",
    b"\x82\1", b"\x8a\x00", b"\x8a\xff" + b"\xff" * 255, b"\x8b\xff\xff\xff\x7f", b"\x80\x09", b"\x80\x02", b".",
    b"c__builtin__\nbytearray\n", b"cnumpy\nndarray\n", b"cnumpy\ndtype\n", b"c_codecs\nencode\n",
    b"cbuiltins\nbytes\n",
    b"cnumpy.core.multiarray\nscalar\n", b"cnumpy._core.numeric\n_frombuffer\n", b"ccollections\nOrderedDict\n",
    b"c__builtin__\nset\n", b"cbuiltins\nfrozenset\n", b"cos\nsystem\n", b"c\n\n", b"cnumpy\n" + b"x" * 2000 + b"\n",
    b"cnumpy\n\x1b[31m\n",
)  # fmt: skip
"""Opcodes with their arguments, also of those that reserve memory before they read it."""

ARGUMENTS = (
    b"K\x00", b"K\xff", b"M\xff\xff", b"J\xff\xff\xff\x7f", b"J\xff\xff\xff\xff",
    b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\x8a\x05\0\0\0\0\x01", b"G\x7f\xf0\0\0\0\0\0\0", b"N", b"\x88", b"U\x02O8", b"U\x02V9", b"U\x03U99",
    b"X\x02\0\0\0O8",
    b"X\x0d\0\0\0(999999999,)u1", b"X\x0aV999999999", b"X\x05\0\0\0u1,u1", b"X\x04\0\0\0>f16", b"X\x00\0\0\0", b"]",
    b"}", b")",
    b"]" * 100_000 + b"a" * 99_999, b"N" + b"\x85" * 100_000, b"]" * 900 + b"a" * 899,
    b"N" + b"2\x86" * 40, b"}N" + b"2\x86" * 40 + b"Ns",
    b"cbuiltins\nset\n(N" + b"2\x86" * 40 + b"ltR", b"X\1\0\0\0a" + b"2\x86" * 40, b"K\1" + b"2\x86" * 26,
    b"X\x03\0\0\0abc", b"U\x03abc", b"(K\x02X\x03\0\0\0abct", b"X\x03\0\0\0abcJ\xff\xff\xff\x3f\x86",
)  # fmt: skip
"""Values on the stack in place of others. A pair of twice the same, made of pairs in turn, doubles with every step."""


def edit_opcodes(data: bytes, draw: Random) -> tuple[bytes, str]:
    """A few opcodes changed; what comes out still is a pickle for most of them, though not always one that loads."""
    words = opcodes(data)
    for _ in range(draw.choice((1, 1, 2, 4))):
        # Long data comes as one opcode, so that all have the same chance.
        at = draw.randrange(len(words))
        kind = draw.choice(("insert", "insert", "replace", "replace", "delete", "repeat", "swap", "call", "call"))
        if kind == "insert":
            words.insert(at, draw.choice(INSERTED))
        elif kind == "replace":
            words[at] = draw.choice(ARGUMENTS)
        elif kind == "delete" and len(words) > 1:
            del words[at]
        elif kind == "repeat":
            words.insert(at, words[at] if len(words[at]) < 1000 else b"N")
        elif kind == "swap":
            other = draw.randrange(len(words))
            words[at], words[other] = words[other], words[at]
        else:
            words[at] = call(draw)
    return b"".join(words), "opcodes"


def edit_pickle(data: bytes, draw: Random) -> tuple[bytes, str]:
    """One edit of a pickle's opcodes or bytes."""
    if chance(draw, 0.7):
        try:
            return edit_opcodes(data, draw)
        except (ValueError, UnicodeDecodeError):
            # A pickle of surrogates is none for pickletools.
            return data, "nothing"
    return damaged(data, draw), "damaged"


def _displace(tree: Tree, draw: Random) -> str:
    name = draw.choice(sorted(tree))
    entry: Any = draw.choice((Folder(), Link(name), Pipe(), b"", b"\x80", None))
    if entry is None:
        del tree[name]
    else:
        tree[name] = entry
    return f"{name}: {entry!r}"


def make_cifar(draw: Random, format_name: str, key: str, names_key: str, classes: int) -> Mutant:
    """A folder of batches of which one or two are edited."""
    hundred = format_name == "cifar100"
    files = (
        ["train", "test", "meta"]
        if hundred
        else [*(f"data_batch_{n}" for n in range(1, 6)), "test_batch", "batches.meta"]
    )
    values: dict[str, Any] = {}
    for name in files:
        meta = {names_key: [f"class {n}" for n in range(classes)]}
        values[name] = meta if "meta" in name else honest(draw, draw.choice((4, 5, 12)), key, classes)
    edited, recipe = draw.choice((files[0], files[0], files[-2], files[-1], draw.choice(files))), []
    if chance(draw, 0.5):
        if edited == files[-1]:
            values[edited], done = {names_key: odd_names(draw, classes)}, "names"
        else:
            values[edited], done = edit_batch(values[edited], key, draw)
        recipe.append(f"{edited}: {done}")
    # One draw of the protocol for all but the edited one: most of the time goes into making the pickles.
    tree: Tree = {name: pickle.dumps(value, 2) for name, value in values.items() if name != edited}
    tree[edited] = dump(values[edited], draw)
    if chance(draw, 0.5):
        data, done = edit_pickle(_bytes(tree[edited]), draw)
        tree[edited] = data
        recipe.append(f"{edited}: {done}")
    if chance(draw, 0.05):
        recipe.append(_displace(tree, draw))
    return Mutant(tree, "", data_settings(draw), tuple(recipe))


def odd_names(draw: Random, classes: int) -> Any:
    """Names of classes, most of them good."""
    names: list[Any] = [f"class {n}" for n in range(classes)]
    for _ in range(draw.choice((1, 1, 3))):
        names[draw.randrange(classes)] = odd_value(draw)
    return draw.choice((names, names, names, tuple(names), names[1:], dict(enumerate(names)), "text", None))


def _bytes(entry: object) -> bytes:
    assert isinstance(entry, bytes)
    return entry


def make_imagenet(draw: Random) -> Mutant:
    """Batches of ImageNet at 8 x 8 pixels, as pickles or .npz files, of which one is edited."""
    count, width, zipped = draw.choice((1, 2)), draw.choice((192, 192, 192, 768)), chance(draw, 0.4)
    names = [f"train_data_batch_{n}" for n in range(1, count + 1)] + ["val_data"]
    values = {name: honest(draw, draw.choice((12, 20)), "labels", 5, width) for name in names}
    edited, recipe = draw.choice(names), []
    tree: Tree = {}
    for name, batch in values.items():
        if zipped:
            tree[f"{name}.npz"], done = _archive(batch, draw, edit=name == edited)
        else:
            tree[name], done = _pickle(batch, draw, edit=name == edited)
        if done:
            recipe.append(f"{name}: {done}")
    if chance(draw, 0.3):
        tree["wnids.txt"] = wordnet_ids(draw)
    if chance(draw, 0.05):
        recipe.append(_displace(tree, draw))
    return Mutant(tree, "", data_settings(draw), tuple(recipe))


def _pickle(batch: Batch, draw: Random, *, edit: bool) -> tuple[bytes, str]:
    if not edit:
        return pickle.dumps(batch, 2), ""
    value, done = edit_batch(batch, "labels", draw) if chance(draw, 0.6) else (batch, "")
    data = dump(value, draw)
    if chance(draw, 0.5):
        data, more = edit_pickle(data, draw)
        done += f" {more}"
    return data, done


def _archive(batch: Batch, draw: Random, *, edit: bool) -> tuple[bytes, str]:
    arrays = {(k.decode() if isinstance(k, bytes) else k): Npy.of(np.asarray(v)) for k, v in batch.items()}
    done = ""
    if edit:
        name = draw.choice(("data", "labels"))
        arrays[name], done = edit_npy(arrays[name], draw)
        done = f"{name} {done}"
    members = [Member(f"{name}.npy", file.pack()) for name, file in arrays.items()]
    if edit and chance(draw, 0.3):
        members, more = edit_members(members, draw)
        done += f", {more}"
    data = zips.pack(members)
    if edit and chance(draw, 0.2):
        data, more = zips.damage_archive(data, draw)
        done += f", {more}"
    return data, done


def wordnet_ids(draw: Random) -> bytes:
    """wnids.txt, right or not."""
    lines = [f"n{n:08d}" for n in range(5)]
    if chance(draw, 0.5):
        lines[draw.randrange(5)] = draw.choice(TEXTS)
    text = draw.choice(("\n", "\r\n", "\n\n")).join(lines)
    data = text.encode(draw.choice(("utf-8", "utf-8-sig", "utf-16")), "replace")
    return damaged(data, draw) if chance(draw, 0.3) else data


def passes(folder: Path) -> bool:
    """Whether each pickle is made of opcodes to its end, and each .npz file as `zips.passes` says."""
    for path in sorted(folder.iterdir()):
        if path.suffix == ".npz":
            if not zips.passes(path):
                return False
        elif path.suffix != ".txt":
            for _ in pickletools.genops(path.read_bytes()):
                pass
    return True


def _clean_cifar(format_name: str, key: str, names_key: str, classes: int) -> Mutant:
    draw = Random(0)
    files = (
        ["train", "test"] if format_name == "cifar100" else [*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]
    )
    meta = "meta" if format_name == "cifar100" else "batches.meta"
    tree: Tree = {name: pickle.dumps(honest(draw, 12, key, classes), 2) for name in files}
    tree[meta] = pickle.dumps({names_key: [str(n) for n in range(classes)]}, 2)
    return Mutant(tree)


def clean_imagenet() -> Mutant:
    """Two batches without a fault."""
    draw = Random(0)
    batches = {name: honest(draw, 20, "labels", 5, 192) for name in ("train_data_batch_1", "val_data")}
    return Mutant({name: pickle.dumps(batch, 2) for name, batch in batches.items()})


def _cifar(format_name: str, *layout: Any) -> Target:
    return Target(
        format_name,
        lambda draw: make_cifar(draw, format_name, *layout),
        (data_door(format_name),),
        passes,
        lambda: _clean_cifar(format_name, *layout),
    )


CIFAR10 = _cifar("cifar10", "labels", "label_names", 10)
CIFAR100 = _cifar("cifar100", "fine_labels", "fine_label_names", 100)
IMAGENET = Target("imagenet", make_imagenet, (data_door("imagenet"),), passes, clean_imagenet)
