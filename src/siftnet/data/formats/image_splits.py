"""Which folders of a tree of images are training, validation and test, and which are the classes."""

from __future__ import annotations

from dataclasses import dataclass

from siftnet.config.fields import require
from siftnet.data.formats.image_tree import BESIDE_RUNS, EMPTY, LOOSE, Folder, LeftOut, shown
from siftnet.data.formats.split_names import Role, is_general, is_unlabelled, roles_of

LIKE_THIS = "ROOT/CLASS/1.png, or ROOT/train/CLASS/1.png and ROOT/test/CLASS/2.png"


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Folders whose folders are the classes."""

    train: Folder
    validation: Folder | None = None
    test: Folder | None = None
    notes: tuple[str, ...] = ()


def divide(top: Folder, left_out: LeftOut) -> Parts:
    """The splits that folders are named after, or all for training where none is.

    Where there is no test set, a validation set is taken for it. Raises ValueError, with what to move or rename, where
    names leave in doubt what is a split and what a class.
    """
    inner = _without_wrapping(top)
    roles = _roles(inner)
    if not roles:
        return Parts(train=top)
    _refuse_doubt(inner, roles)
    notes: tuple[str, ...] = ()
    if inner is not top:
        notes = (f"the images are read from {shown(inner.path)}, where the splits lie",)
    parts: dict[Role, Folder] = {}
    for folder in inner.folders:
        role = roles.get(folder.name)
        if role is None:
            left_out.add(LOOSE, folder.path, folder.count)
            left_out.add(EMPTY, folder.path, int(folder.count == folder.runs == 0))
            continue
        found, more = _of_split(folder, role, left_out)
        notes += more
        if found is not None:
            parts[role] = found
    left_out.add(LOOSE, inner.path, len(inner.images))
    parts, more = _class_levels(parts, left_out)
    notes += more
    test, validation = parts.pop("test", None), parts.pop("validation", None)
    if validation and not test:
        test, validation = validation, None
        notes += (
            f"{shown(test.path)} is the test set, as there is no other; validation is drawn from the training images",
        )
    return Parts(train=parts["train"], validation=validation, test=test, notes=notes)


def class_folders(part: Folder, left_out: LeftOut) -> tuple[Folder, ...]:
    """The class folders of a split, or of all images; empty ones too, but for those that hold siftnet's runs.

    Raises ValueError for a folder named after no split that holds splits, and where a class holds runs.
    """
    left_out.add(LOOSE, part.path, len(part.images))
    classes = []
    for folder in part.folders:
        _refuse_division(folder)
        if not folder.runs:
            classes.append(folder)
        elif folder.count:
            # The default folder of runs, in which pictures of them may lie.
            require(
                folder.name == "runs",
                f"{shown(folder.path)} holds siftnet runs and {folder.count:,} images: move the runs elsewhere if it "
                "is a class, or the images if it is none",
            )
            left_out.add(BESIDE_RUNS, folder.path, folder.count)
    return tuple(classes)


def _refuse_division(folder: Folder) -> None:
    """Raise ValueError where a folder taken for a class holds splits: two of them, or any with folders in them."""
    roles = roles_of(inner.name for inner in folder.filled)
    splits = [inner for inner in folder.filled if inner.name in roles]
    within = [inner for inner in splits if inner.filled]
    told = f"{shown(folder.path)} holds folders named after splits ({_names(splits)})"
    require(
        not within or bool(folder.images),
        f"{told}, and they hold folders: if those are the classes, set data.root to {shown(folder.path)}, else move "
        f"what is in {shown(within[0].path) if within else ''} into {shown(folder.path)}",
    )
    require(
        len(set(roles.values())) < 2,
        f"{told}: put them the other way round, as {LIKE_THIS}, or rename them if they are no splits",
    )


def _class_levels(parts: dict[Role, Folder], left_out: LeftOut) -> tuple[dict[Role, Folder], tuple[str, ...]]:
    """Each split's folder whose folders are the classes, which may lie in one around them all, as train/images/cat.

    One around the training classes is told by a general name, or by another split's that holds the same classes. A test
    or validation set that has a folder of a general name alone, with images and no folders, has no labels.
    """
    level, others = _level(parts["train"], frozenset()), [parts[role] for role in parts if role != "train"]
    between = level.path.relative_to(parts["train"].path).parts
    alike = any(_level(other, _folded(level)) is not other for other in others)
    found: dict[Role, Folder] = {"train": level if alike or all(map(is_general, between)) else parts["train"]}
    known, notes = _folded(found["train"]), tuple[str, ...]()
    for role, part in parts.items():
        if role != "train":
            only = part.filled[0]
            general = len(part.filled) == 1 and is_general(only.name) and only.name.casefold() not in known
            if general and only.images and not part.images and not only.filled:
                notes += _told_of_no_labels(only, role, left_out)
                continue
            found[role] = _level(part, known)
        notes += (f"the classes are read from {shown(found[role].path)}",) if found[role] is not part else ()
    return found, notes


def _level(part: Folder, known: frozenset[str]) -> Folder:
    """The first folder with such among its folders, or with two of any name, where each before it has one alone."""
    folder = part
    while not (_folded(folder) & known if known else len(folder.filled) > 1):
        if len(folder.filled) != 1 or folder.images:
            return part
        folder = folder.filled[0]
    return folder


def _folded(folder: Folder) -> frozenset[str]:
    return frozenset(inner.name.casefold() for inner in folder.filled)


def _without_wrapping(top: Folder) -> Folder:
    """The folder in which the splits lie, where it is the only one, or the only one in the only one, and so on."""
    folder = top
    while not _roles(folder):
        if len(folder.filled) != 1 or folder.images:
            return top
        folder = folder.filled[0]
    return folder


def _roles(folder: Folder) -> dict[str, Role]:
    """The splits among its folders. Those without images do not change what the others are."""
    roles = roles_of(inner.name for inner in folder.filled)
    empty = [inner.name for inner in folder.folders if inner.count == inner.runs == 0]
    return roles and {name: role for name in empty for role in roles_of([name]).values()} | roles


def _refuse_doubt(top: Folder, roles: dict[str, Role]) -> None:
    splits = [folder for folder in top.folders if folder.name in roles]
    others = [f for f in top.filled if f.name not in roles and not is_unlabelled(f.name)]
    require(
        not others,
        f"{shown(splits[0].path)} is named after a split and {shown(others[0].path) if others else ''} after a class: "
        f"put the folders of all classes into {shown(top.path / 'train')}, also one that is really called "
        f"{shown(splits[0].name)}, and move what is no class out of {shown(top.path)}",
    )
    for folder in splits:
        twin = next(other for other in splits if roles[other.name] == roles[folder.name])
        require(
            twin is folder,
            f"{shown(twin.path)} and {shown(folder.path)} both look like {roles[folder.name]} images: put one of them "
            f"elsewhere, or rename both if they are classes, so that no word says {roles[folder.name]}",
        )
    require(
        "train" in roles.values(),
        f"{shown(top.path)} has {_names(splits)} and no folder of training images: name it train, as "
        f"{shown(top.path / 'train' / 'CLASS')}, or rename {_names(splits)} if those are classes",
    )


def _of_split(folder: Folder, role: Role, left_out: LeftOut) -> tuple[Folder | None, tuple[str, ...]]:
    """The folder in a split's folder that holds the classes; None where there are none but for training."""
    require(folder.count > 0, f"{shown(folder.path)} holds no images: add those of its classes, or remove it")
    inner = folder
    while len(inner.filled) == 1 and not inner.images and _is_again(inner.filled[0], inner, role):
        inner = inner.filled[0]
    notes = (f"the classes are read from {shown(inner.path)}",) if inner is not folder else ()
    if inner.filled:
        if role == "train":
            _refuse_splits_for_classes(inner)
        return inner, notes
    require(
        role != "train",
        f"{shown(inner.path)} holds images and no folders: put the images of each class into a folder of its own, as "
        f"{LIKE_THIS}",
    )
    return None, _told_of_no_labels(inner, role, left_out)


def _told_of_no_labels(folder: Folder, role: Role, left_out: LeftOut) -> tuple[str, ...]:
    left_out.add(LOOSE, folder.path, folder.count)
    return (
        f"{shown(folder.path)} is no {role} set, as its {folder.count:,} images lie in no class folder and have no "
        "labels",
    )


def _is_again(inner: Folder, outer: Folder, role: Role) -> bool:
    return inner.name == outer.name or roles_of([inner.name]).get(inner.name) == role


def _refuse_splits_for_classes(part: Folder) -> None:
    names = [folder.name for folder in part.filled]
    require(
        len(names) < 2 or len(roles_of(names)) < len(names),
        f"{shown(part.path)} holds {_names(part.filled)}, which are named after splits: set data.root to "
        f"{shown(part.path)} if they are, or rename them if they are classes",
    )


def _names(folders: list[Folder] | tuple[Folder, ...]) -> str:
    told = ", ".join(shown(folder.name) for folder in folders[:4])
    return told + (", ..." if len(folders) > 4 else "")
