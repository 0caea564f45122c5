"""Downloads of the field's data, verified by checksum and laid out for siftnet's readers."""

from __future__ import annotations

import errno
import logging
import shutil
import tarfile
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pooch
import requests

from siftnet.config.load import absolute_path
from siftnet.data.download.tiny_imagenet import FOLDERS, Progress, write_layouts
from siftnet.wording import shell_word

WORKPLACE = ".siftnet-fetch-"
DAY = 86_400.0
IDX_FILES = tuple(f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A data set on disk, and what to type to use it."""

    name: str
    path: Path
    """Absolute path of the folder or file."""
    options: tuple[str, ...]
    """Options of 'siftnet run' that use it, e.g. --data.format cifar10 --data.root PATH."""
    was_there: bool
    """Whether it had been fetched before, so that nothing was downloaded."""

    @property
    def words(self) -> str:
        """The options as one line for a shell."""
        return " ".join(map(shell_word, self.options))


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a data set comes from, and what becomes of it."""

    base_url: str
    files: Mapping[str, str]
    """sha256 of each file to download."""
    targets: Mapping[str, tuple[str, ...]]
    """Names made in the root, each with the files that such a folder must hold; none for a plain file."""
    make: Callable[[Path, Path, Progress | None], None]
    """Makes the targets in the second folder from the downloads in the first."""
    main: str
    """The target to use."""
    options: tuple[str, ...]
    """Words before the main target's path."""


def fetch(
    name: str,
    root: Path | str,
    *,
    base_url: str | None = None,
    registry: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Fetched:
    """Download a data set into `root`, verify it, and lay it out; what is already there is left alone.

    name: one of SOURCES; base_url: where to take the files from instead of the official address; registry: checksums by
    file name ('sha256:...', 'md5:...') instead of the official ones; progress: told what is being done, how much of it
    is done and how much there is. Interrupted at any moment, it leaves nothing that looks finished.
    Raises ValueError, one sentence with the remedy, for an unknown name, no connection, a broken or altered download, a
    folder that cannot be written, and an incomplete folder in the data's place.
    """
    if name not in SOURCES:
        raise ValueError(f"there is no data set {name!r} to fetch: choose one of {', '.join(SOURCES)}")
    source, root = SOURCES[name], absolute_path(root)
    missing = _missing(source, root)
    if missing:
        files = {file: (registry or {}).get(file, official) for file, official in source.files.items()}
        try:
            with _workplace(root) as (downloads, made):
                for file, checksum in files.items():
                    _download(
                        f"{(base_url or source.base_url).rstrip('/')}/{file}", checksum, downloads / file, progress
                    )
                source.make(downloads, made, progress)
                for target in missing:
                    (made / target).rename(root / target)
        except OSError as error:
            reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
            raise ValueError(
                f"{name} cannot be written to {root} ({reason}): make room or name another folder"
            ) from None
    path = root / source.main
    return Fetched(name=name, path=path, options=(*source.options, str(path)), was_there=not missing)


def _missing(source: Source, root: Path) -> list[str]:
    """The targets that aren't in the root yet."""
    for target, files in source.targets.items():
        absent = [file for file in files if not (root / target / file).is_file()]
        if (root / target).exists() and absent:
            raise ValueError(f"{root / target} is there but lacks {absent[0]}: move it away and fetch again")
    return [target for target in source.targets if not (root / target).exists()]


@contextmanager
def _workplace(root: Path) -> Iterator[tuple[Path, Path]]:
    """Two folders, for downloads and for what is made of them, on the root's own disk; both gone afterwards."""
    root.mkdir(parents=True, exist_ok=True)
    for left_behind in root.glob(f"{WORKPLACE}*"):
        # A killed fetch could not clean up. A young folder may belong to one that is still at work.
        if time.time() - left_behind.stat().st_mtime > DAY:
            shutil.rmtree(left_behind, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=WORKPLACE, dir=root, ignore_cleanup_errors=True) as folder:
        downloads, made = Path(folder, "downloads"), Path(folder, "made")
        downloads.mkdir()
        made.mkdir()
        yield downloads, made


class _Meter:
    """pooch's interface for progress bars, passed on to a function."""

    def __init__(self, what: str, progress: Progress) -> None:
        self.total = 0
        self._what, self._progress, self._done = what, progress, 0

    def update(self, count: int) -> None:
        self._done += count
        self._progress(self._what, min(self._done, self.total or self._done), self.total)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        pass


def _download(url: str, checksum: str, to: Path, progress: Progress | None) -> None:
    meter = _Meter(f"bytes of {to.name}", progress) if progress else False
    # Compressed on the way, a text file's length would not be what the server says.
    downloader = pooch.HTTPDownloader(
        progressbar=meter, chunk_size=1 << 16, timeout=30, headers={"Accept-Encoding": "identity"}
    )
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        pooch.retrieve(url, checksum, fname=to.name, path=to.parent, downloader=downloader)
        to.chmod(0o644)  # pooch's temporary files may be read by their owner alone
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else "unknown"
        raise ValueError(f"{url} answered with status {status}: try again later") from None
    except requests.exceptions.ChunkedEncodingError:
        raise ValueError(f"the download of {url} broke off: run the same command again") from None
    except requests.RequestException as error:
        raise ValueError(
            f"{url} could not be reached ({type(error).__name__}): check the network connection and try again"
        ) from None
    except ValueError:
        raise ValueError(
            f"what {url} sent does not have the checksum {checksum}, so it is damaged or altered: try again"
        ) from None
    finally:
        logger.setLevel(level)


def _unpack_tar(archive: str, folder: str, files: tuple[str, ...], downloads: Path, made: Path, _: object) -> None:
    """Write out the files that are wanted alone, so that no name in the archive decides where anything is written."""
    (made / folder).mkdir()
    wanted = {f"{folder}/{file}": made / folder / file for file in files}
    try:
        with tarfile.open(downloads / archive) as packed:
            for member in packed:
                content = packed.extractfile(member) if member.isfile() and member.name in wanted else None
                if content is not None:
                    with content, wanted.pop(member.name).open("wb") as out:
                        shutil.copyfileobj(content, out, 1 << 20)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise ValueError(f"{archive} is not an archive that can be unpacked ({error}): try again") from None
    if wanted:
        raise ValueError(f"{archive} lacks {min(wanted)}: try again, or tell siftnet's authors if it stays so")


def _keep(target: str, downloads: Path, made: Path, _: object) -> None:
    downloads.rename(made / target)


def _keep_one(file: str, target: str, downloads: Path, made: Path, _: object) -> None:
    (downloads / file).rename(made / target)


def _make_tiny_imagenet(downloads: Path, made: Path, progress: Progress | None) -> None:
    write_layouts(downloads / "tiny-imagenet-200.zip", made, progress)


def _cifar(format_: str, archive: str, sha256: str, folder: str, files: tuple[str, ...]) -> Source:
    return Source(
        base_url="https://www.cs.toronto.edu/~kriz",
        files={archive: f"sha256:{sha256}"},
        targets={folder: files},
        make=partial(_unpack_tar, archive, folder, files),
        main=folder,
        options=("--data.format", format_, "--data.root"),
    )


def _idx(target: str, base_url: str, sha256: tuple[str, ...]) -> Source:
    return Source(
        base_url=base_url,
        files={file: f"sha256:{digest}" for file, digest in zip(IDX_FILES, sha256, strict=True)},
        targets={target: IDX_FILES},
        make=partial(_keep, target),
        main=target,
        options=("--data.format", "idx", "--data.root"),
    )


SOURCES: dict[str, Source] = {
    "cifar10": _cifar(
        "cifar10",
        "cifar-10-python.tar.gz",
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        "cifar-10-batches-py",
        (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch", "batches.meta"),
    ),
    "cifar100": _cifar(
        "cifar100",
        "cifar-100-python.tar.gz",
        "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
        "cifar-100-python",
        ("train", "test", "meta"),
    ),
    "mnist": _idx(
        "mnist",
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    "fashion-mnist": _idx(
        "fashion-mnist",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
    "tiny-imagenet": Source(
        base_url="http://cs231n.stanford.edu",
        files={
            "tiny-imagenet-200.zip": "sha256:6198c8ae015e2b3e007c7841da39ec069199b9aa3bfa943a462022fe5e43c821",
        },
        targets=dict.fromkeys(FOLDERS.values(), ("train_data_batch_1.npz", "val_data.npz", "wnids.txt")),
        make=_make_tiny_imagenet,
        main=FOLDERS[32],
        options=("--data.format", "imagenet", "--data.root"),
    ),
    "superclasses": Source(
        base_url="https://raw.githubusercontent.com/phiandark/SiftingFeatures/"
        "386b61745042333d3b0767d89f9c9ac05b14c313/SupplementaryMaterial",
        files={"ImageNet_10cl.txt": "sha256:c0392e5ca6c9eb87d9afd51b09000f51dc39b75086526d7b4833be9fd0c53a0c"},
        targets={"imagenet_10_superclasses.txt": ()},
        make=partial(_keep_one, "ImageNet_10cl.txt", "imagenet_10_superclasses.txt"),
        main="imagenet_10_superclasses.txt",
        options=("--data.labels", "superclasses", "--data.superclass_file"),
    ),
}
