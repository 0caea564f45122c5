"""What lies in a folder of images, read once: folders, images, and what is left out, counted by kind."""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from siftnet.config.fields import require
from siftnet.wording import printable

SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".pnm", ".tif", ".tiff")
)
# What systems and programs put beside the images; names that begin with a dot besides.
SYSTEM = frozenset(
    ("__macosx", "@eadir", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "$recycle.bin", "recycler",
     "system volume information", "lost+found", "__pycache__", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r")
)  # fmt: skip
# Of these a run's folder is made; config.json is written last.
RUN_FILES = frozenset(
    ("config.json", "environment.json", "plan.json", "data.json", "data.npz", "lock", "report.html", "replicates.json")
)
SIGNATURES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")
DEEPEST = 60
"""Folders within folders; what is deeper has no end."""


# What entries are, and what is left out, for one and for several.
FOLDER, IMAGE = "folder|folders", "image|images"
OTHER = "file that is no image by its name|files that are no images by their names"
UNNAMED = (
    "image whose name does not end in .png, .jpg or the like|images whose names do not end in .png, .jpg or the like"
)
HIDDEN = "hidden or system file or folder|hidden or system files and folders"
BROKEN = "link that leads nowhere|links that lead nowhere"
CIRCLE = "link back to a folder around it|links back to folders around them"
SPECIAL = "device, pipe or socket|devices, pipes or sockets"
RUN = "folder of a siftnet run|folders of siftnet runs"
BESIDE_RUNS = "image beside siftnet runs|images beside siftnet runs"
LOOSE = "image in no class folder|images in no class folder"
EMPTY = "folder without images|folders without images"


@dataclass(eq=False)
class LeftOut:
    """What is not read, by kind, with the first of each."""

    counts: Counter[str] = field(default_factory=Counter)
    suffixes: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, path: Path | str, count: int = 1) -> None:
        """Count something as one of a kind, which is named in words for one and for several: 'link|links'."""
        if count:
            self.counts[kind] += count
            self.first.setdefault(kind, shown(path))

    def sentence(self) -> str:
        """All of it in one sentence; empty where nothing was left out."""
        told = []
        for kind, count in self.counts.items():
            one, many = kind.split("|")
            detail = f"first: {self.first[kind]}"
            if kind == OTHER:
                suffixes = self.suffixes.most_common()
                detail = ", ".join(f"{number:,} {suffix}" for suffix, number in suffixes[:5])
                detail += ", ..." if len(suffixes) > 5 else ""
            told.append(f"{count:,} {one if count == 1 else many} ({detail})")
        return f"left out: {', '.join(told)}" if told else ""


@dataclass(frozen=True, eq=False)
class Folder:
    """A folder as it was found, without what is left out."""

    path: Path
    folders: tuple[Folder, ...]
    """By name, empty ones too."""
    images: tuple[str, ...]
    """Names of the images that lie directly in it, in order."""
    runs: int
    """Folders of siftnet runs that lie in it, at any depth."""

    @property
    def name(self) -> str:
        """Its name as it is on disk."""
        return self.path.name

    @property
    def count(self) -> int:
        """Images in it, at any depth."""
        return len(self.images) + sum(folder.count for folder in self.folders)

    @property
    def filled(self) -> tuple[Folder, ...]:
        """Its folders that hold images, at any depth."""
        return tuple(folder for folder in self.folders if folder.count)

    def below(self) -> Iterator[Path]:
        """Every image in it, at any depth, by the parts of its path."""
        entries: list[Folder | str] = [*self.folders, *self.images]
        for entry in sorted(entries, key=lambda e: e if isinstance(e, str) else e.name):
            if isinstance(entry, str):
                yield self.path / entry
            else:
                yield from entry.below()


def shown(path: Path | str) -> str:
    """A file's name or path as text that can be printed: bytes that are not UTF-8 as \\xe9."""
    text = str(path)
    return text if text.isascii() and text.isprintable() else printable(decoded(text))


def decoded(name: str) -> str:
    """A file's name as text, unique where file names are but for such that spell \\xe9 themselves."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def scan(root: Path, left_out: LeftOut) -> Folder:
    """All that lies in `root`; links are followed, to files and to folders.

    Raises ValueError for a folder that is reached on two ways, for folders without end and for the folder of a siftnet
    run; OSError for such that may not be read.
    """
    found = _read(root, os.path.realpath(root), 0, _Walk(left_out, {}))
    require(
        found is not None, f"{shown(root)} is the folder of a siftnet run: set data.root to a folder of images by class"
    )
    assert found is not None
    return found


@dataclass(frozen=True, eq=False)
class _Walk:
    left_out: LeftOut
    reached: dict[str, Path]
    """Folders that were read, by their paths without links."""


def _read(path: Path, real: str, depth: int, walk: _Walk) -> Folder | None:
    """A folder with all below it; None for that of a siftnet run. real: its path without links."""
    require(depth <= DEEPEST, f"{shown(path)} lies in {DEEPEST} folders: move the images further up")
    before = walk.reached.setdefault(real, path)
    require(
        before is path,
        f"{shown(path)} and {shown(before)} are one folder, by a link, and its images would count twice: remove one",
    )
    with os.scandir(path) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    if _is_run({entry.name for entry in entries}):
        walk.left_out.add(RUN, path)
        return None
    folders: list[Folder] = []
    images: list[str] = []
    runs = 0
    for entry in entries:
        kind = HIDDEN if _is_hidden(entry.name) else _kind(entry)
        if kind == FOLDER:
            inside = os.path.realpath(entry.path) if entry.is_symlink() else f"{real.rstrip(os.sep)}/{entry.name}"
            if os.path.commonpath((real, inside)) == inside:
                walk.left_out.add(CIRCLE, entry.path)
            elif inner := _read(path / entry.name, inside, depth + 1, walk):
                folders.append(inner)
                runs += inner.runs
            else:
                runs += 1
        elif kind == IMAGE:
            images.append(entry.name)
        else:
            walk.left_out.add(kind, entry.path)
            if kind == OTHER:
                walk.left_out.suffixes[_suffix(entry.name) or "without a suffix"] += 1
    return Folder(path, tuple(folders), tuple(images), runs)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.casefold() in SYSTEM


def _is_run(names: set[str]) -> bool:
    """Whether these are the files of a siftnet run, one that has only begun, or replicates."""
    begun = "lock" in names and {name for name in names if not name.startswith(".")} <= RUN_FILES
    return {"config.json", "data.json", "environment.json"} <= names or "replicates.json" in names or begun


def _kind(entry: os.DirEntry[str]) -> str:
    """What an entry is, links by what they lead to."""
    try:
        mode = entry.stat().st_mode if entry.is_symlink() else None
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return BROKEN
        raise
    if stat.S_ISDIR(mode) if mode else entry.is_dir(follow_symlinks=False):
        return FOLDER
    if not (stat.S_ISREG(mode) if mode else entry.is_file(follow_symlinks=False)):
        return SPECIAL
    if _suffix(entry.name) in SUFFIXES:
        return IMAGE
    return UNNAMED if _begins_like_an_image(entry.path) else OTHER


def _suffix(name: str) -> str:
    stem, _, end = name.rpartition(".")
    return f".{end.lower()}" if stem else ""


def _begins_like_an_image(path: str) -> bool:
    try:
        with Path(path).open("rb", buffering=0) as file:
            head = file.read(16)
    except OSError:
        return False
    return head.startswith(SIGNATURES) or (head[:4], head[8:12]) == (b"RIFF", b"WEBP")
