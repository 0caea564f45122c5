"""Downloads against a server on this machine, from small archives in the true layouts."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import os
import re
import shlex
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from siftnet.config.fields import DataConfig
from siftnet.data.download import fetch, tiny_imagenet
from siftnet.data.formats import imagenet

IDS = ["n02000003", "n02000001", "n02000002"]
CIFAR = fetch.SOURCES["cifar10"].targets["cifar-10-batches-py"]


class Server:
    """Serves a folder; `requests` counts, `cut` makes it break off half-way."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.requests, self.cut = folder, 0, False
        outer = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests += 1
                path = outer.folder / self.path.lstrip("/")
                if not outer.cut:
                    return super().do_GET()
                content = path.read_bytes()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2])
                return None

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def put(self, name: str, content: bytes) -> dict[str, str]:
        (self.folder / name).write_bytes(content)
        return {name: "sha256:" + hashlib.sha256(content).hexdigest()}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "served").mkdir()
    made = Server(tmp_path / "served")
    thread = threading.Thread(target=partial(made.http.serve_forever, poll_interval=0.01))
    thread.start()
    yield made
    made.http.shutdown()
    made.http.server_close()
    thread.join()


def tar_gz(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def cifar_files() -> dict[str, bytes]:
    return {f"cifar-10-batches-py/{name}": name.encode() * 1000 for name in CIFAR}


def jpeg(rng: np.random.Generator, grey: bool, side: int = 64) -> bytes:
    coarse = rng.integers(0, 256, (8, 8) if grey else (8, 8, 3), dtype=np.uint8)
    packed = io.BytesIO()
    Image.fromarray(coarse).resize((side, side)).save(packed, "JPEG")
    return packed.getvalue()


def tiny_files(per_class: int = 7, held_out: int = 5) -> dict[str, bytes]:
    """The true archive's names: 64 x 64 JPEG files, some grey, boxes, annotations, an unlabelled test set."""
    rng, top = np.random.default_rng(0), "tiny-imagenet-200/"
    files = {top + "wnids.txt": "\n".join(IDS).encode(), top + "words.txt": b"n02000001\tcat\n"}
    for wnid in IDS:
        files[f"{top}train/{wnid}/{wnid}_boxes.txt"] = b"0\t0\t1\t1\n"
        for k in range(per_class):
            files[f"{top}train/{wnid}/images/{wnid}_{k}.JPEG"] = jpeg(rng, grey=k == 0)
    lines = [f"val_{k}.JPEG\t{IDS[k * 2 % 3]}\t0\t32\t44\t62\n" for k in range(held_out)]
    files[top + "val/val_annotations.txt"] = "".join(lines).encode()
    for k in range(held_out):
        files[f"{top}val/images/val_{k}.JPEG"] = jpeg(rng, grey=False)
    return files | {top + "test/images/test_0.JPEG": jpeg(rng, grey=False)}


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def decoded(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).transpose(2, 0, 1)


def left_in(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir()) if root.exists() else []


def test_cifar_is_unpacked_once_and_the_words_name_its_folder(server: Server, tmp_path: Path) -> None:
    registry = server.put("cifar-10-python.tar.gz", tar_gz(cifar_files()))
    root, seen = tmp_path / "my data", []
    first = fetch.fetch("cifar10", root, base_url=server.url, registry=registry, progress=lambda *p: seen.append(p))
    assert first.path == root / "cifar-10-batches-py"
    assert shlex.split(first.words) == ["--data.format", "cifar10", "--data.root", str(first.path)]
    for name, content in cifar_files().items():
        assert (root / name).read_bytes() == content
    assert left_in(root) == ["cifar-10-batches-py"]
    size = (server.folder / "cifar-10-python.tar.gz").stat().st_size
    assert seen[-1] == ("bytes of cifar-10-python.tar.gz", size, size)
    again = fetch.fetch("cifar10", root, base_url=server.url, registry=registry)
    assert (first.was_there, again.was_there, again.path, server.requests) == (False, True, first.path, 1)


def test_archive_names_never_decide_where_files_go(server: Server, tmp_path: Path) -> None:
    evil = {
        "../../escaped": b"x",
        f"{tmp_path}/absolute": b"x",
        "cifar-10-batches-py/../../up": b"x",
        "other/extra": b"x",
    }
    registry = server.put("cifar-10-python.tar.gz", tar_gz(evil | cifar_files()))
    fetch.fetch("cifar10", tmp_path / "root", base_url=server.url, registry=registry)
    assert left_in(tmp_path) == ["root", "served"]
    assert left_in(tmp_path / "root") == ["cifar-10-batches-py"]
    assert left_in(tmp_path / "root" / "cifar-10-batches-py") == sorted(CIFAR)


def test_link_in_place_of_a_file_is_not_followed(server: Server, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        link = tarfile.TarInfo("cifar-10-batches-py/data_batch_1")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
    registry = server.put("cifar-10-python.tar.gz", packed.getvalue())
    with pytest.raises(ValueError, match=r"lacks cifar-10-batches-py/batches\.meta"):
        fetch.fetch("cifar10", tmp_path / "root", base_url=server.url, registry=registry)
    assert left_in(tmp_path / "root") == []


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_idx_files_are_kept_as_they_come(name: str, server: Server, tmp_path: Path) -> None:
    registry: dict[str, str] = {}
    for file in fetch.IDX_FILES:
        registry |= server.put(file, gzip.compress(file.encode()))
    fetched = fetch.fetch(name, tmp_path / "root", base_url=server.url + "/", registry=registry)
    assert fetched.options == ("--data.format", "idx", "--data.root", str(tmp_path / "root" / name))
    assert left_in(fetched.path) == sorted(fetch.IDX_FILES)
    assert gzip.decompress((fetched.path / fetch.IDX_FILES[3]).read_bytes()) == b"t10k-labels-idx1-ubyte.gz"
    assert (fetched.path / fetch.IDX_FILES[0]).stat().st_mode & 0o777 == 0o644


def test_superclasses_are_one_file(server: Server, tmp_path: Path) -> None:
    content = b"n02119789 0 1 kit_fox\n"
    registry = {"ImageNet_10cl.txt": "md5:" + hashlib.md5(content).hexdigest()}
    server.put("ImageNet_10cl.txt", content)
    fetched = fetch.fetch("superclasses", tmp_path, base_url=server.url, registry=registry)
    assert fetched.path.read_bytes() == content
    assert fetched.words.startswith("--data.labels superclasses --data.superclass_file ")


@pytest.mark.data
def test_official_checksum_is_that_of_the_real_table(server: Server, tmp_path: Path) -> None:
    if "SIFTNET_DATA" not in os.environ:
        pytest.skip("SIFTNET_DATA does not name the folder with the real data")
    real = Path(os.environ["SIFTNET_DATA"], "imagenet_10_superclasses.txt").read_bytes()
    server.put("ImageNet_10cl.txt", real)
    assert fetch.fetch("superclasses", tmp_path, base_url=server.url).path.read_bytes() == real


def test_wrong_checksum_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.put("cifar-10-python.tar.gz", tar_gz(cifar_files()))
    with pytest.raises(ValueError, match=r"cifar-10-python\.tar\.gz sent does not have the checksum sha256:6d958be"):
        fetch.fetch("cifar10", tmp_path / "root", base_url=server.url)
    assert left_in(tmp_path / "root") == []


def test_download_that_breaks_off_leaves_nothing_and_can_be_repeated(server: Server, tmp_path: Path) -> None:
    registry = server.put("cifar-10-python.tar.gz", tar_gz(cifar_files()))
    server.cut = True
    with pytest.raises(ValueError, match="broke off: run the same command again"):
        fetch.fetch("cifar10", tmp_path / "root", base_url=server.url, registry=registry)
    assert left_in(tmp_path / "root") == []
    server.cut = False
    assert fetch.fetch("cifar10", tmp_path / "root", base_url=server.url, registry=registry).path.is_dir()


def test_missing_file_and_missing_server_are_told_apart(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="answered with status 404"):
        fetch.fetch("mnist", tmp_path / "root", base_url=server.url)
    with pytest.raises(ValueError, match=r"could not be reached .*check the network connection"):
        fetch.fetch("mnist", tmp_path / "root", base_url="http://127.0.0.1:1")


def test_interruption_leaves_nothing_half_made(server: Server, tmp_path: Path) -> None:
    registry = server.put("tiny-imagenet-200.zip", zipped(tiny_files()))

    def interrupt(what: str, done: int, total: int) -> None:
        if what == "images written out":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.fetch("tiny-imagenet", tmp_path / "root", base_url=server.url, registry=registry, progress=interrupt)
    assert left_in(tmp_path / "root") == []


def test_workplace_of_a_killed_fetch_is_cleared_after_a_day(server: Server, tmp_path: Path) -> None:
    old, young = tmp_path / ".siftnet-fetch-old", tmp_path / ".siftnet-fetch-young"
    for folder in (old, young):
        (folder / "downloads").mkdir(parents=True)
    os.utime(old, (0, 0))
    registry = server.put("ImageNet_10cl.txt", b"n02119789 0 1 kit_fox\n")
    fetch.fetch("superclasses", tmp_path, base_url=server.url, registry=registry)
    assert (old.exists(), young.exists()) == (False, True)


def test_full_disk_and_unwritable_folder_are_one_sentence(server: Server, tmp_path: Path) -> None:
    registry = server.put("cifar-10-python.tar.gz", tar_gz(cifar_files()))

    def fill_the_disk(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(ValueError, match=r"cannot be written to .*root \(the disk is full\): make room"):
        fetch.fetch("cifar10", tmp_path / "root", base_url=server.url, registry=registry, progress=fill_the_disk)
    assert left_in(tmp_path / "root") == []
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match=r"cannot be written to .*name another folder"):
        fetch.fetch("cifar10", tmp_path / "file" / "root", base_url=server.url, registry=registry)


def test_incomplete_folder_and_unknown_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "cifar-100-python").mkdir()
    with pytest.raises(ValueError, match="cifar-100-python is there but lacks train: move it away"):
        fetch.fetch("cifar100", tmp_path)
    with pytest.raises(
        ValueError, match=re.escape("no data set 'svhn' to fetch: choose one of cifar10, cifar100, mnist")
    ):
        fetch.fetch("svhn", tmp_path)


def test_tiny_imagenet_comes_out_in_the_layout_the_reader_takes(server: Server, tmp_path: Path) -> None:
    files = tiny_files()
    registry = server.put("tiny-imagenet-200.zip", zipped(files))
    fetched = fetch.fetch("tiny-imagenet", tmp_path / "root", base_url=server.url, registry=registry)
    assert fetched.options == ("--data.format", "imagenet", "--data.root", str(tmp_path / "root" / "tiny-imagenet-32"))
    raw = imagenet.read(DataConfig(root=fetched.path))
    assert raw.class_names == tuple(IDS)
    assert raw.held_out_N is not None
    for row in raw.held_out_N:
        k = int(row - raw.held_out_N[0])
        image = decoded(files[f"tiny-imagenet-200/val/images/val_{k}.JPEG"])
        average = np.floor(image.reshape(3, 32, 2, 32, 2).mean((2, 4)) + 0.5)
        np.testing.assert_array_equal(raw.inputs_NI[row].reshape(3, 32, 32), average)
        assert raw.labels_N[row] == k * 2 % 3
    one = fetch.fetch("tiny-imagenet", tmp_path / "root", base_url=server.url, registry=registry)
    assert (one.was_there, server.requests) == (True, 1)


def test_tiny_imagenet_batches_hold_every_image_once_shuffled_with_the_mean_of_all(tmp_path: Path) -> None:
    files = tiny_files()
    (tmp_path / "tiny.zip").write_bytes(zipped(files))
    tiny_imagenet.write_layouts(tmp_path / "tiny.zip", tmp_path / "out", batch=8)
    folder = tmp_path / "out" / "tiny-imagenet-64"
    assert (folder / "wnids.txt").read_text().split() == IDS
    batches = [dict(np.load(folder / f"train_data_batch_{k}.npz")) for k in (1, 2, 3)]
    assert [len(batch["labels"]) for batch in batches] == [8, 8, 5]
    data, labels = (np.concatenate([batch[key] for batch in batches]) for key in ("data", "labels"))
    assert (data.dtype, labels.dtype) == (np.dtype(np.uint8), np.dtype(np.int64))
    expected = {
        decoded(content).tobytes(): IDS.index(name.split("/")[2]) + 1
        for name, content in files.items()
        if "/train/" in name and name.endswith(".JPEG")
    }
    assert {row.tobytes(): label for row, label in zip(data, labels, strict=True)} == expected
    # Class by class, the label would change twice; shuffled, at about two steps in three.
    assert np.count_nonzero(np.diff(labels)) > 8
    for batch in batches:
        np.testing.assert_allclose(batch["mean"], data.mean(0), rtol=1e-12)
    assert set(np.load(folder / "val_data.npz")) == {"data", "labels"}
    assert left_in(folder) == [*(f"train_data_batch_{k}.npz" for k in (1, 2, 3)), "val_data.npz", "wnids.txt"]


def test_halves_are_rounded_up() -> None:
    image = np.zeros((1, 2, 8), np.uint8)
    image[0] = [[0, 1, 0, 1, 255, 255, 1, 1], [0, 0, 1, 0, 255, 255, 1, 0]]
    np.testing.assert_array_equal(tiny_imagenet.halve(image), [[[0, 1, 255, 1]]])


TOP = "tiny-imagenet-200/"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({TOP + "val/images/val_1.JPEG": b"not an image"}, "val_1.JPEG in the archive is not an image"),
        ({TOP + "val/images/val_1.JPEG": jpeg(np.random.default_rng(0), False, 32)}, "is 32 x 32 and not 64 x 64"),
        ({TOP + "val/val_annotations.txt": b"val_0.JPEG\tn09999999\t0\n"}, "wnids.txt does not list n09999999"),
        ({TOP + "val/val_annotations.txt": b"val_77.JPEG\tn02000001\t0\n"}, "no item named .*val_77.JPEG"),
        ({TOP + "wnids.txt": "\n".join([*IDS, "n02000004"]).encode()}, "no training images of n02000004"),
    ],
)
def test_damaged_tiny_imagenet_is_one_sentence(change: dict[str, bytes], message: str, tmp_path: Path) -> None:
    (tmp_path / "tiny.zip").write_bytes(zipped(tiny_files() | change))
    with pytest.raises(ValueError, match=message):
        tiny_imagenet.write_layouts(tmp_path / "tiny.zip", tmp_path / "out")


def test_file_that_is_no_archive_is_one_sentence(server: Server, tmp_path: Path) -> None:
    for name, file in (("cifar10", "cifar-10-python.tar.gz"), ("tiny-imagenet", "tiny-imagenet-200.zip")):
        registry = server.put(file, b"hello")
        with pytest.raises(ValueError, match=f"{file} is not"):
            fetch.fetch(name, tmp_path / "root", base_url=server.url, registry=registry)
    half = tar_gz(cifar_files())
    registry = server.put("cifar-10-python.tar.gz", half[: len(half) // 2])
    with pytest.raises(ValueError, match="is not an archive that can be unpacked"):
        fetch.fetch("cifar10", tmp_path / "root", base_url=server.url, registry=registry)
