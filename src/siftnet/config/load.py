"""Configurations as plain values: dictionaries, TOML files and presets, there and back."""

from __future__ import annotations

import codecs
import dataclasses
import difflib
import errno
import os
import tomllib
from pathlib import Path
from typing import Any, get_type_hints

from siftnet.config.fields import POINTS, RunConfig
from siftnet.config.values import RefusedError, converted, require, told
from siftnet.wording import named


def to_dict(config: Any) -> dict[str, Any]:
    """A configuration as nested plain values that JSON and TOML can hold. Raises ValueError for anything else."""
    require(
        dataclasses.is_dataclass(config) and not isinstance(config, type),
        f"a configuration is what siftnet.load or siftnet.from_dict makes, got {told(config)}",
    )

    def plain(value: Any) -> Any:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        if isinstance(value, tuple):
            return [plain(v) for v in value]
        return str(value) if isinstance(value, Path) else value

    values: dict[str, Any] = plain(config)
    return values


def from_dict(values: dict[str, Any], base: RunConfig | str | Path | None = None) -> RunConfig:
    """A configuration from nested plain values; what is absent comes from `base`, which may be a preset's name.

    Raises ValueError for a name that no field has and for a value of the wrong type.
    """
    require(isinstance(values, dict), f"a configuration is made of a dictionary of settings, got {told(values)}")
    built: RunConfig = _build(RunConfig() if base is None else as_config(base), values, "")
    return built


def _build(base: Any, values: dict[str, Any], prefix: str) -> Any:
    hints = get_type_hints(type(base))
    changes = {}
    for name, value in values.items():
        path = f"{prefix}{named(str(name))}"
        if name not in hints:
            close = difflib.get_close_matches(str(name), hints, 1)
            meant = f" - did you mean {prefix}{close[0]}?" if close else ""
            raise ValueError(f"there is no setting {path}; the settings here are {', '.join(hints)}{meant}")
        current = getattr(base, name)
        if dataclasses.is_dataclass(current):
            require(isinstance(value, dict), f"{path} is a group of settings, got {told(value)}")
            changes[name] = _build(current, value, path + ".")
        else:
            changes[name] = converted(value, hints[name], path)
    return dataclasses.replace(base, **changes)


# The longer first: the one of UTF-32 begins with that of UTF-16.
WIDE_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
PRESETS = Path(__file__).parent / "presets"


def preset_names() -> list[str]:
    """The presets that ship with siftnet."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def load(preset_or_file: str | Path) -> RunConfig:
    """The configuration of a preset by name, or of a TOML file by path.

    Raises ValueError where there is neither, and for a file that is not TOML or names unknown settings.
    """
    require(isinstance(preset_or_file, str | Path), f"a preset's name or a path is text, got {told(preset_or_file)}")
    name = str(preset_or_file)
    path = PRESETS / f"{name}.toml" if name in preset_names() else Path(preset_or_file)
    if not os.path.isfile(path):  # noqa: PTH113 which takes any text for a path, however long
        close = difflib.get_close_matches(name, preset_names(), 1)
        raise ValueError(
            f"{told(name)} is neither a preset ({', '.join(preset_names())}) nor a file; "
            f"{f'did you mean {close[0]}? Or ' if close else ''}"
            "name one of the presets or give the path of a TOML file"
        )
    text = _toml_text(path)
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a TOML file: {error}; correct it there") from None
    return from_dict(values)


def _toml_text(path: Path) -> str:
    """What a TOML file says. Raises ValueError where it is not UTF-8, which TOML is."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}): check its permissions") from None
    for mark, encoding in WIDE_MARKS.items():
        if data.startswith(mark):
            raise ValueError(f"{path} is not a TOML file: it is {encoding}, save it anew in UTF-8")
    if b"\0" in data:
        raise ValueError(f"{path} is not a TOML file: it holds zero bytes, as UTF-16 does, save it anew in UTF-8")
    try:
        # Editors put a mark in front that says no more than that it is UTF-8.
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path} is not a TOML file: line {line} is not UTF-8, save it anew in that encoding"
        ) from None


def as_config(config: RunConfig | str | Path) -> RunConfig:
    """A configuration, or what `load` finds under a name or a path. Raises ValueError for anything else."""
    if isinstance(config, RunConfig):
        return config
    if isinstance(config, str | Path):
        return load(config)
    raise RefusedError(
        f"a configuration must be a RunConfig, a preset's name or a TOML file's path, got {type(config).__name__}: "
        "make one with siftnet.load or siftnet.from_dict"
    )


def absolute_path(path: Path | str) -> Path:
    """The path from the root, with ~ written out. Raises ValueError for what is no path, or begins nowhere."""
    if not isinstance(path, str | Path):
        raise RefusedError(f"a path must be text or a pathlib.Path, got {told(path)}")
    if "\0" in str(path):
        raise RefusedError(f"no path holds a null character, as {told(str(path))} does: leave it out")
    try:
        found = Path(path).expanduser().absolute()
    except RuntimeError:
        raise RefusedError(f"there is no home folder for the first part of {path}: write its path out") from None
    except FileNotFoundError:
        raise RefusedError(
            f"{path} is looked for in the folder that this process stands in, which is gone: cd to another"
        ) from None
    try:
        found.exists()
    except OSError as error:
        # Whatever else there is, who opens it says.
        require(error.errno != errno.ENAMETOOLONG, f"{told(str(path))} is too long for a path: choose a shorter name")
    return found


def resolve_paths(config: RunConfig) -> RunConfig:
    """The configuration with absolute paths, so that a run can be resumed from anywhere."""

    def absolute(path: Path | None) -> Path | None:
        return None if path is None else absolute_path(path)

    geometry = config.data.geometry
    if geometry.startswith(POINTS):
        geometry = f"{POINTS}{absolute_path(geometry.removeprefix(POINTS))}"
    data = dataclasses.replace(
        config.data,
        root=absolute(config.data.root),
        superclass_file=absolute(config.data.superclass_file),
        geometry=geometry,
    )
    return dataclasses.replace(
        config, data=data, start=dataclasses.replace(config.start, run=absolute(config.start.run))
    )


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values keyed by dotted field path.

    >>> flatten({"seed": 3, "train": {"lr": 0.1}})
    {'seed': 3, 'train.lr': 0.1}
    """
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat
