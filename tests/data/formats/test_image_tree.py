from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from images import RGB, pixels, png
from siftnet.data.formats.image_tree import Folder, LeftOut, scan

IMAGE = png(pixels((2, 2, 3)), RGB)


def put(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(IMAGE)


def found(root: Path) -> tuple[list[str], str]:
    left_out = LeftOut()
    tree = scan(root, left_out)
    return [path.relative_to(root).as_posix() for path in tree.below()], left_out.sentence().replace(f"{root}/", "")


def test_images_stand_in_the_order_of_the_parts_of_their_paths(tmp_path: Path) -> None:
    names = ["b/1.png", "a/2.png", "a.png", "a/10.png", "a/b/1.JPG", "a-b/1.tiff", "Z.jpeg", "é/1.webp"]
    put(tmp_path, *names)
    images, left_out = found(tmp_path)
    assert images == sorted(names, key=lambda name: name.split("/"))
    assert images == [p.relative_to(tmp_path).as_posix() for p in sorted(tmp_path.rglob("*")) if p.is_file()]
    assert left_out == ""


def test_hidden_and_system_entries_are_left_out_at_any_depth(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.png")
    for name in (
        ".DS_Store", ".Trash/1.png", "__MACOSX/cat/._1.png", "cat/._1.png", "cat/@eaDir/1.png/thumb.jpg",
        "#recycle/1.png", "cat/.ipynb_checkpoints/1-checkpoint.png", "@Recycle/1.png", "$RECYCLE.BIN/1.png",
        "cat/Thumbs.db", "desktop.ini", "lost+found/1.png", "__pycache__/a.pyc", "System Volume Information/1.png",
    ):  # fmt: skip
        put(tmp_path, name)
    images, left_out = found(tmp_path)
    assert images == ["cat/1.png"]
    assert left_out == "left out: 14 hidden or system files and folders (first: #recycle)"


def test_files_that_are_no_images_are_counted_by_suffix(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.png")
    for name in ("a.txt", "b.TXT", "c.npy", "readme", "cat/d.txt"):
        (tmp_path / name).write_bytes(b"no image at all")
    assert found(tmp_path)[1] == (
        "left out: 5 files that are no images by their names (3 .txt, 1 .npy, 1 without a suffix)"
    )


def test_more_suffixes_than_one_reads_are_cut_short(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.png")
    for suffix in "abcdefg":
        (tmp_path / f"x.{suffix}").touch()
    assert found(tmp_path)[1].endswith("(1 .a, 1 .b, 1 .c, 1 .d, 1 .e, ...)")


def test_images_whose_names_do_not_say_so_are_told(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.png", "cat/hash", "cat/2.dat")
    assert found(tmp_path) == (
        ["cat/1.png"],
        "left out: 2 images whose names do not end in .png, .jpg or the like (first: cat/2.dat)",
    )


def test_links_are_followed_to_files_and_folders(tmp_path: Path) -> None:
    put(tmp_path / "pool", "1.png", "dogs/2.png")
    root = tmp_path / "root"
    (root / "cat").mkdir(parents=True)
    (root / "cat" / "a.png").symlink_to("../../pool/1.png")
    (root / "dog").symlink_to(tmp_path / "pool" / "dogs")
    assert found(root) == (["cat/a.png", "dog/2.png"], "")


def test_links_that_lead_nowhere_or_back_are_left_out(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.png")
    (tmp_path / "cat" / "gone.png").symlink_to("nowhere.png")
    (tmp_path / "cat" / "self.png").symlink_to("self.png")
    (tmp_path / "cat" / "all").symlink_to("..")
    (tmp_path / "cat" / "cat").symlink_to(tmp_path / "cat")
    assert found(tmp_path) == (
        ["cat/1.png"],
        "left out: 2 links back to folders around them (first: cat/all), 2 links that lead nowhere (first: "
        "cat/gone.png)",
    )


@pytest.mark.parametrize("link", ["cat/more", "twin", "zoo"])
def test_a_folder_that_is_reached_on_two_ways_is_refused(tmp_path: Path, link: str) -> None:
    put(tmp_path, "cat/1.png", "dog/2.png")
    (tmp_path / link).symlink_to(tmp_path / "dog")
    with pytest.raises(ValueError, match=r"are one folder, by a link, and its images would count twice: remove one"):
        found(tmp_path)


def test_links_that_lead_to_each_other_come_to_an_end(tmp_path: Path) -> None:
    put(tmp_path / "a", "1.png")
    put(tmp_path / "b", "2.png")
    (tmp_path / "a" / "b").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "a").symlink_to(tmp_path / "a")
    with pytest.raises(ValueError, match="are one folder"):
        found(tmp_path / "a")


def test_pipes_are_not_opened(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.png")
    os.mkfifo(tmp_path / "cat" / "2.png")
    assert found(tmp_path) == (["cat/1.png"], "left out: 1 device, pipe or socket (first: cat/2.png)")


def test_a_folder_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "/".join("a" * 70)).mkdir(parents=True)
    with pytest.raises(ValueError, match="lies in 60 folders: move the images further up"):
        found(tmp_path)


RUNS: dict[str, tuple[str, ...]] = {
    "a run": ("lock", "config.json", "data.json", "environment.json", "report.html", "figure.png", "rounds/00/a.png"),
    "one that has only begun": ("lock",),
    "one whose configuration is under way": ("lock", "environment.json", ".config.json.draft"),
    "one that was copied": ("config.json", "data.json", "environment.json", "plan.json"),
    "replicates": ("replicates.json", "report.html", "seed-0/config.json"),
}


@pytest.mark.parametrize("files", RUNS.values(), ids=RUNS)
def test_runs_are_left_out(tmp_path: Path, files: Any) -> None:
    put(tmp_path, "cat/1.png")
    put(tmp_path / "runs" / "mine", *files)
    left_out = LeftOut()
    tree = scan(tmp_path, left_out)
    assert [path.name for path in tree.below()] == ["1.png"]
    runs: Folder = tree.folders[1]
    assert (runs.name, runs.runs, runs.count, tree.runs) == ("runs", 1, 0, 1)
    assert left_out.sentence() == f"left out: 1 folder of a siftnet run (first: {tmp_path}/runs/mine)"
    with pytest.raises(ValueError, match=r"mine is the folder of a siftnet run: set data.root to a folder of images"):
        scan(tmp_path / "runs" / "mine", LeftOut())


def test_a_class_may_have_a_file_that_is_called_lock(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.png", "cat/lock")
    assert found(tmp_path)[0] == ["cat/1.png"]


def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    place = tmp_path / os.fsdecode(b"th\xe9")
    put(place, os.fsdecode(b"\xff.png"))
    (place / os.fsdecode(b"\xff.npy")).touch()
    (tmp_path / "cat").symlink_to("nowhere\udce9")
    images, left_out = found(tmp_path)
    assert [os.fsencode(name) for name in images] == [b"th\xe9/\xff.png"]
    assert left_out == (
        "left out: 1 link that leads nowhere (first: cat), 1 file that is no image by its name (1 .npy)"
    )
