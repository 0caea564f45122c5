"""Inputs for what reads stored runs: JSON, headers of tensors and folders changed, in runs that siftnet stored."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from fuzz import zips
from fuzz.doors import Door
from fuzz.mutations import INTEGERS, TEXTS, Entry, Folder, Link, Mutant, Pipe, Target, Tree, chance, damaged
from fuzz.zips import Member, Npy, edit_members, edit_npy
from siftnet.runs.verify import verify
from siftnet.store.folder import RunFolder, seeds_asked
from siftnet.store.run import Run
from siftnet.studies.measured_run import read_headline, read_key, read_measured, read_round_indices

ARCHIVE = Path(__file__).parents[1] / "fixtures" / "runs.tar.xz"
SAFE = ".safetensors"


@cache
def stored() -> Mapping[str, Mapping[str, bytes]]:
    """The runs that older releases stored: name -> path -> bytes."""
    runs: dict[str, dict[str, bytes]] = {}
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None and "/" in member.name and not member.name.startswith("brought"):
                run, _, path = member.name.partition("/")
                runs.setdefault(run, {})[path] = file.read()
    return runs


def edit_json(data: bytes, draw: Random) -> tuple[bytes, str]:
    """One edit of a JSON file's tree, or of its text."""
    if chance(draw, 0.15):
        return damaged(data, draw), "damaged"
    try:
        tree = json.loads(data)
    except ValueError:
        return damaged(data, draw), "damaged"
    if chance(draw, 0.05):
        tree, done = _odd(draw), "all"
    else:
        done = _edit_tree(tree, draw)
    text = json.dumps(tree)
    if chance(draw, 0.1):
        deep = draw.choice((500, 100_000))
        text = text.replace("null", "[" * deep + "]" * deep, 1)
        done += ", deep"
    return text.encode(), done


def _edit_tree(tree: Any, draw: Random, path: str = "") -> str:
    """Walk down to somewhere and change what is there."""
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree))) if isinstance(tree, list) else []
    if not keys:
        return f"{path} is empty"
    key = draw.choice(keys)
    path = f"{path}.{key}"
    if isinstance(tree[key], dict | list) and tree[key] and chance(draw, 0.85):
        return _edit_tree(tree[key], draw, path)
    kind = draw.choice(("odd", "odd", "odd", "near", "near", "drop", "add", "rename"))
    value = tree[key]
    if kind == "odd":
        tree[key] = _odd(draw)
    elif kind == "near":
        tree[key] = _near(value, draw)
    elif kind == "drop":
        del tree[key]
    elif isinstance(tree, list):
        tree.insert(key, _odd(draw) if kind == "add" else value)
    elif kind == "add":
        tree[draw.choice((*TEXTS, "schema", "seed"))] = _odd(draw)
    else:
        tree[draw.choice(TEXTS)] = tree.pop(key)
    return f"{path} {kind}"


def _odd(draw: Random) -> Any:
    return draw.choice(
        (*INTEGERS, -1, 1.5, -0.0, 1e308, float("nan"), float("inf"), True, False, None, *TEXTS, "\ud800", [], {}, [[]],
         [1, 2], {"a": 1}, [None], ["a"] * 1000, 10**400, -(10**30), "none", "shrink", "any", "f1:x", "dense")
    )  # fmt: skip


def _near(value: Any, draw: Random) -> Any:
    """A value of the same type, as a run could have had it."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return draw.choice((value + 1, value - 1, 0, -value, value * 1000))
    if isinstance(value, float):
        return draw.choice((value * 2, -value, 0.0, value + 1e-9))
    if isinstance(value, str):
        return draw.choice((value[1:], value + "x", value.upper(), ""))
    return draw.choice((None, [], {}, 0))


def edit_safetensors(data: bytes, draw: Random) -> tuple[bytes, str]:
    """One edit of a safetensors file: its header's tree, its metadata, its tensors, or its bytes."""
    length = int.from_bytes(data[:8], "little")
    if chance(draw, 0.15) or length > len(data):
        return damaged(data, draw), "damaged"
    try:
        header = json.loads(data[8 : 8 + length])
    except ValueError:
        return damaged(data, draw), "damaged"
    if not isinstance(header, dict):
        return damaged(data, draw), "damaged"
    body = bytearray(data[8 + length :])
    kind = draw.choice(
        ("metadata", "metadata", "metadata", "tensor", "tensor", "values", "values", "tree", "rename", "rename", "drop")
    )
    names = [name for name in header if name != "__metadata__"]
    if kind == "metadata" and isinstance(header.get("__metadata__"), dict):
        done = _edit_metadata(header["__metadata__"], draw)
    elif kind == "values" and body:
        for _ in range(draw.choice((1, 4))):
            at = draw.randrange(len(body))
            body[at] = draw.choice((0, 127, 128, 255, body[at] ^ 1))
        done = "values"
    elif kind == "rename" and names:
        old = draw.choice(names)
        new = draw.choice((*TEXTS[:40], old + "x", old.replace("/", ""), old.replace("|", ""),
        old.replace("parameters", "statistics"),
                           old.replace("parameters", "optimiser"), old.replace("statistics", "parameters"),
                           "best|parameters/x",
                           "9|parameters/x", "x|y", "state|optimiser/x"))  # fmt: skip
        header = {new if name == old else name: value for name, value in header.items()}
        done = f"{old} renamed {new:.20}"
    elif kind == "drop" and names:
        body, done = _without(header, body, draw.choice(names))
    elif kind == "tensor" and names:
        body, done = _another(header, body, draw.choice(names), draw)
    else:
        done = _edit_tree(header, draw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + bytes(body), done


def _edit_metadata(metadata: dict[str, Any], draw: Random) -> str:
    """Metadata is text, in which JSON may be."""
    if not metadata:
        return "no metadata"
    key = draw.choice(sorted(metadata))
    if chance(draw, 0.7):
        text, done = edit_json(str(metadata[key]).encode(), draw)
        metadata[key] = text.decode(errors="replace")
        return f"{key}{done}"
    value = draw.choice((*TEXTS, *map(str, INTEGERS), "-1", None))
    if value is None:
        del metadata[key]
    else:
        metadata[key] = value
    return f"{key} another text"


def _without(header: dict[str, Any], body: bytearray, name: str) -> tuple[bytearray, str]:
    """A tensor left out, with the offsets of those behind it."""
    return _resized(header, body, name, b"", drop=True), f"{name} dropped"


SIZES = {"BOOL": 1, "U8": 1, "I8": 1, "F16": 2, "BF16": 2, "I16": 2, "F32": 4, "I32": 4, "I64": 8, "F64": 8, "U64": 8,
"F8_E4M3": 1,
         "F8_E5M2": 1, "U16": 2, "U32": 4}  # fmt: skip


def _another(header: dict[str, Any], body: bytearray, name: str, draw: Random) -> tuple[bytearray, str]:
    """A tensor of another type or shape, as long as its header says."""
    if not isinstance(header[name], dict):
        return body, "nothing"
    kind = draw.choice((*SIZES, "F32", "U8"))
    shape = draw.choice(((), (0,), (1,), (3,), (2, 2), (0, 5), (5, 0), (1, 1, 1), header[name].get("shape", ())))
    count = SIZES[kind]
    for n in shape:
        count *= n
    if count > 1 << 20:
        return body, "nothing"
    header[name] |= {"dtype": kind, "shape": list(shape)}
    return _resized(header, body, name, draw.randbytes(count), drop=False), f"{name} {kind} {shape}"


def _resized(header: dict[str, Any], body: bytearray, name: str, content: bytes, *, drop: bool) -> bytearray:
    """The bytes with those of one tensor replaced, and all offsets made to fit."""
    parts = [(key, value["data_offsets"]) for key, value in header.items()
             if key != "__metadata__" and isinstance(value, dict) and isinstance(value.get("data_offsets"),
             list)]  # fmt: skip
    parts = [part for part in parts if len(part[1]) == 2 and all(type(n) is int for n in part[1])]
    out = bytearray()
    for key, (start, end) in sorted(parts, key=lambda part: part[1]):
        piece = content if key == name else bytes(body[max(start, 0) : max(end, 0)])
        header[key]["data_offsets"] = [len(out), len(out) + len(piece)]
        out += piece
    if drop:
        del header[name]
    return out


def edit_npz(data: bytes, draw: Random) -> tuple[bytes, str]:
    """One edit of a run's arrays."""
    import io

    import numpy as np

    with np.load(io.BytesIO(data)) as found:
        files = {name: Npy.of(found[name]) for name in found}
    if not files or chance(draw, 0.2):
        return zips.damage_archive(data, draw)
    name = draw.choice(sorted(files))
    files[name], done = edit_npy(files[name], draw)
    members = [Member(f"{n}.npy", file.pack()) for n, file in files.items()]
    if chance(draw, 0.3):
        members, more = edit_members(members, draw)
        done += f" {more}"
    return zips.pack(members), f"{name} {done}"


def edit_file(tree: Tree, name: str, draw: Random) -> str:
    """One edit of a file by what it is."""
    data = tree[name]
    if not isinstance(data, bytes):
        return "nothing"
    try:
        edit = edit_json if name.endswith(".json") else edit_safetensors if name.endswith(SAFE) else edit_npz
        tree[name], done = edit(data, draw)
    except Exception:  # a second edit of what the first one left senseless
        tree[name], done = damaged(data, draw), "damaged"
    return f"{name}: {done}"


def make(draw: Random) -> Mutant:
    """A stored run in which some files or folders are not as they should be, most often not the tensors."""
    run = draw.choice(sorted(stored()))
    tree: Tree = dict(stored()[run])
    recipe = [run]
    names = [name for name in sorted(tree) if not name.endswith(SAFE)]
    recipe += [edit_file(tree, draw.choice(names), draw) for _ in range(draw.choice((0, 1, 1, 1, 2)))]
    if chance(draw, 0.25):
        recipe.append(_displace(tree, draw))
    return Mutant(tree, "", {}, tuple(recipe))


def make_safetensors(draw: Random) -> Mutant:
    """A stored run in which some files of tensors are changed, and which says that they were stored so."""
    mutant = _other_tensors(draw)
    tree = dict(mutant.tree)
    for place in [place for place in tree if place.endswith("/round.json")]:
        data = tree[place]
        assert isinstance(data, bytes)
        values, folder = json.loads(data), place.removesuffix("round.json")
        contents = {name: tree.get(folder + name) for name in values["files"]}
        values["files"] |= {n: hashlib.sha256(c).hexdigest() for n, c in contents.items() if isinstance(c, bytes)}
        tree[place] = json.dumps(values).encode()
    return replace(mutant, tree=tree)


def _other_tensors(draw: Random) -> Mutant:
    """A stored run in which some files of tensors are changed, with those that newer runs have beside them."""
    run = draw.choice([name for name in sorted(stored()) if "replicates" not in name])
    tree: Tree = dict(stored()[run])
    for place in sorted(tree):
        if place.endswith(f"/masks{SAFE}") and chance(draw, 0.2):
            for extra in ("begin_masks", "best_masks"):
                tree[place.replace("/masks", f"/{extra}")] = tree[place]
    names, recipe = [name for name in sorted(tree) if name.endswith(SAFE)], [run]
    recipe += [edit_file(tree, draw.choice(names), draw) for _ in range(draw.choice((1, 1, 1, 2)))]
    return Mutant(tree, "", {}, tuple(recipe))


def _displace(tree: Tree, draw: Random) -> str:
    """A file or a folder gone, doubled, or something else in its place."""
    name = draw.choice(sorted(tree))
    kind = draw.choice(("gone", "empty", "folder", "loop", "pipe", "round", "other", "cut", "extra"))
    data = tree.pop(name)
    if kind == "gone":
        return f"{name} gone"
    if kind == "round":
        tree[name] = data
        number = draw.choice(("03", "07", "1000", "0", "00x", "-1", "٣", "9" * 30, "99"))
        source = {path: tree[path] for path in tree if path.startswith("rounds/01/")}
        moved = chance(draw, 0.5)
        for path, content in source.items():
            tree[path.replace("rounds/01", f"rounds/{number}")] = content
            if moved:
                del tree[path]
        return f"round 1 {'moved' if moved else 'copied'} to {number}"
    if kind == "extra":
        tree[name] = data
        entries: tuple[tuple[str, Entry], ...] = (("rounds/02", Folder()), ("rounds/9", b"x"), ("seed-0/config.json",
        b"{}"),
            ("replicates.json", b'{"seeds": "x"}'), ("analysis/round-00.json", b"{}"), ("lock", Folder()), ("rounds/7",
            Link("00")))  # fmt: skip
        path, entry = draw.choice(
            [e for e in entries if not any(p == e[0] or p.startswith(e[0] + "/") for p in tree)] or entries[3:5]
        )
        tree[path] = entry
        return f"{path} added"
    others = [other for other in sorted(tree) if other.rpartition(".")[2] == name.rpartition(".")[2]] or [name]
    other = tree.get(draw.choice(others), b"")
    replaced: dict[str, Entry] = {"empty": b"", "folder": Folder(), "loop": Link(Path(name).name), "pipe": Pipe(),
    "other": other,
                                  "cut": data[: draw.randrange(len(data) + 1)] if isinstance(data,
                                  bytes) else b""}  # fmt: skip
    tree[name] = replaced[kind]
    return f"{name}: {kind}"


class _Opened:
    """The runs that the first door opened, for those behind it: opening takes longer than all that they read."""

    def __init__(self) -> None:
        self.runs: list[Run] = []

    def open(self, root: Path, settings: Mapping[str, Any]) -> object:
        """Open what lies at a path. Names may be any text: older runs stored what they read."""
        self.runs = []
        self.runs = RunFolder.at(root).runs
        return ()

    def each_run(self, read: Callable[[Run], object]) -> Door:
        """A door that reads something of each run."""

        def door(root: Path, settings: Mapping[str, Any]) -> object:
            for run in self.runs:
                read(run)
            return ()

        return door

    def each_round(self, read: Callable[[Run, int], object]) -> Door:
        """A door that reads something of each round."""
        return self.each_run(lambda run: [read(run, number) for number in run.rounds()])


OPENED = _Opened()


def _checkpoint(run: Run) -> object:
    rounds = run.rounds()
    return run.checkpoint(rounds[-1] + 1 if rounds else 0, run.masks(rounds[-1])) if rounds else None


def _seeds(root: Path, settings: Mapping[str, Any]) -> object:
    seeds_asked(root)
    return ()


def _page(root: Path, settings: Mapping[str, Any]) -> object:
    return RunFolder.at(root).report()


DOORS = (
    OPENED.open,
    OPENED.each_run(repr),
    OPENED.each_run(
        lambda run: (run.environment, run.feature("amx"), run.started, run.permuted, run.geometry.describe())
    ),
    OPENED.each_run(lambda run: (run.plan, [run.plan.kernel(d) for d in (1.0, 0.3, 0.0)])),
    OPENED.each_run(lambda run: run.inputs()),
    OPENED.each_run(lambda run: run.summaries()),
    OPENED.each_run(lambda run: run.rewind()),
    OPENED.each_run(lambda run: run.ticket()),
    OPENED.each_run(_checkpoint),
    OPENED.each_run(lambda run: verify(run)),
    OPENED.each_run(read_headline),
    OPENED.each_run(read_measured),
    OPENED.each_round(lambda run, number: run.history(number)),
    OPENED.each_round(
        lambda run, number: [run.masks(number, which) for which in ("masks", "begin_masks", "best_masks")]
    ),
    OPENED.each_round(lambda run, number: run.weights(number)),
    OPENED.each_round(lambda run, number: run.weights(number, "best")),
    OPENED.each_round(lambda run, number: run.weights(number, "scored")),
    OPENED.each_round(read_round_indices),
    OPENED.each_round(read_key),
    _seeds,
)
"""What reads a run: each by itself, because one that refuses would hide the others."""


def passes(folder: Path) -> bool:
    """Whether each file of the run is whole: JSON that Python reads, archives and headers that their libraries read."""
    from safetensors import safe_open

    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            continue
        if not path.is_file():
            return False
        if path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix == SAFE:
            with safe_open(path, framework="np") as file:
                list(file.keys())
        elif path.suffix == ".npz" and path.stat().st_size > 22 and not zips.passes(path):
            return False
    return True


def clean() -> Mutant:
    """A stored run as it was."""
    return Mutant(stored()["0.3.0"])


def make_either(draw: Random) -> Mutant:
    """A stored run in which files of any kind are changed."""
    return make(draw) if chance(draw, 0.5) else _other_tensors(draw)


TARGET = Target("run", make, DOORS, passes, clean)
SAFETENSORS = Target("safetensors", make_safetensors, DOORS, passes, clean)
PAGE = Target("page", make_either, (_page,), passes, clean)
