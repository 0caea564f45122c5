"""Configurations: round trips, refusals, and what the digest covers."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from siftnet.config.fields import DataConfig, PruneConfig, RunConfig, TrainConfig
from siftnet.config.identity import NOT_IN_DIGEST, digest
from siftnet.config.load import flatten, from_dict, load, preset_names, to_dict

EVERYTHING: dict[str, Any] = {
    "seed": 3,
    "device": "cpu",
    "threads": 2,
    "kernel": "dense",
    "data": {
        "format": "nlgp",
        "root": "/data/images",
        "validation": 100,
        "labels": "modulo",
        "modulo": 7,
        "seed": 9,
        "products": {"geometry": "ring:1x60", "order": 3, "noise": 0.25, "hidden": False},
        "synthetic": {"shape": [5, 6], "channels": 2, "xi": [1.0, 2.0], "mixing": [[1.0, 0.5], [0.5, 1.0]]},
        "table": {"target": "price", "missing": "mean"},
    },
    "network": {"layers": "c3-4:p2:f6:x", "norm": False, "init_scale": 0.25},
    "train": {"steps": 70, "rewind": 7, "optimiser": "adamw", "lr": 0.001, "precision": "bf16"},
    "prune": {"rounds": 4, "fraction": 0.3, "scope": "global", "score": "movement", "at_step": 50},
    "start": {"run": "runs/other", "round": 4, "weights": "redraw"},
    "analysis": {"samples": 19, "headline": 2},
}
PATHS = list(flatten(to_dict(RunConfig())))


@pytest.mark.parametrize("values", [{}, EVERYTHING, *[to_dict(load(name)) for name in preset_names()]])
def test_a_configuration_survives_json(values: dict[str, Any]) -> None:
    config = from_dict(values)
    assert from_dict(json.loads(json.dumps(to_dict(config)))) == config
    flat = flatten(to_dict(config))
    assert all(flat[path] == value for path, value in flatten(values).items())


def test_what_is_absent_comes_from_the_base() -> None:
    base = from_dict(EVERYTHING)
    changed = from_dict({"train": {"lr": 0.5}}, base)
    assert changed.train.lr == 0.5
    assert dataclasses.replace(changed, train=base.train) == base


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"trian": {}}, "there is no setting trian; the settings here are seed, device"),
        ({"train": {"stpes": 3}}, "there is no setting train.stpes; the settings here are steps, batch"),
        ({"train": {"steps": "3"}}, "train.steps takes an int, got '3'"),
        ({"train": {"steps": 3.0}}, "train.steps takes an int, got 3.0"),
        ({"train": {"steps": True}}, "train.steps takes an int, got True"),
        ({"train": {"lr": True}}, "train.lr takes a float, got True"),
        ({"train": {"lr": math.inf}}, "train.lr takes a finite number, got inf"),
        ({"train": {"weight_decay": math.nan}}, "train.weight_decay takes a finite number, got nan"),
        ({"train": {"schedule": "linear"}}, "train.schedule must be one of constant, cosine, got 'linear'"),
        ({"train": {"nesterov": 1}}, "train.nesterov takes a bool, got 1"),
        ({"train": 3}, "train is a group of settings, got 3"),
        ({"data": {"root": 3}}, "data.root takes a path, got 3"),
        ({"data": {"synthetic": {"shape": 5}}}, "data.synthetic.shape takes a list, got 5"),
        ({"data": {"synthetic": {"mixing": [1.0]}}}, "data.synthetic.mixing takes a list, got 1.0"),
        ({"network": {"layers": 5}}, "network.layers takes a str, got 5"),
    ],
)
def test_wrong_names_and_types_give_one_sentence(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        from_dict(values)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("seed", -1), ("threads", -1), ("data.validation", 0), ("data.holdout", 1.0), ("data.share", 0.0),
        ("data.share", 1.1), ("data.modulo", 1), ("data.shift", -1), ("data.seed", -1), ("data.synthetic.shape", []),
        ("data.synthetic.shape", [2, 2, 2, 2]), ("data.synthetic.xi", []), ("data.synthetic.xi", [1.0, 0.0]),
        ("data.synthetic.gain", 0.0), ("data.synthetic.mixing", [[1.0, 1.0]]), ("data.synthetic.test", 0),
        ("network.norm_epsilon", 0.0), ("network.norm_decay", 1.0), ("network.init_scale", 0.0), ("train.steps", 0),
        ("train.batch", 1), ("train.lr", 0.0), ("train.momentum", 1.0), ("train.nesterov", True),
        ("train.weight_decay", -0.1), ("train.rewind", -1), ("train.rewind", 1001), ("train.validate_every", 0),
        ("prune.rounds", -1), ("prune.fraction", 0.0), ("prune.fraction", 1.0), ("prune.at_step", -2),
        ("prune.at_step", 1001), ("prune.init_density", 0.0), ("prune.min_density", 1.0), ("prune.min_connected", 1.0),
        ("start.round", -1), ("analysis.samples", 0), ("analysis.samples_other", -1), ("analysis.headline", -2),
        ("analysis.bootstrap", 99), ("analysis.samples", 10**6 + 1), ("analysis.bootstrap", 10**7),
        ("data.labels", "superclasses"), ("data.products.order", 1), ("data.products.noise", -0.1),
        ("data.products.noise", 0.6),
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused_by_name(path: str, value: object) -> None:
    nested: Any = value
    for name in reversed(path.split(".")):
        nested = {name: nested}
    with pytest.raises(ValueError, match=path.replace(".", r"\.")) as caught:
        from_dict(nested)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"format": "nlgp", "synthetic": {"xi": [1.0]}},
            r"data\.synthetic\.xi needs one length per class of .* nlgp, tw",
        ),
        (
            {"format": "field", "labels": "products"},
            r"xi takes a single length with data\.format = field, .* leave one",
        ),
        (
            {"format": "field", "synthetic": {"xi": [1.0]}},
            r"makes inputs alone, and .* is given: set data\.labels products",
        ),
        (
            {"format": "planted", "synthetic": {"periodic": False}},
            r"periodic = false is for .*, and .* planted touch: set it",
        ),
        (
            {"labels": "products", "flip": True},
            r"data\.labels = products goes by: set data\.flip false and data\.shift 0",
        ),
        (
            {"labels": "products", "shift": 1},
            r"data\.labels = products goes by: set data\.flip false and data\.shift 0",
        ),
    ],
)
def test_what_synthetic_inputs_and_labels_made_of_inputs_do_not_take(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_dict({"data": values})


def test_inputs_of_ones_own_take_the_labels_of_a_preset_that_makes_fields() -> None:
    data = from_dict({"data": {"format": "cifar10", "root": "images"}}, "two-rings").data
    assert (data.labels, data.synthetic.xi, data.is_synthetic) == ("products", (1.0,), False)


def test_augmentation_of_permuted_inputs_is_refused() -> None:
    for augmentation in ({"flip": True}, {"shift": 2}):
        with pytest.raises(ValueError, match=r"need to know the neighbours.*set data\.flip false and data\.shift 0"):
            DataConfig(permute="fixed", **augmentation)


@pytest.mark.parametrize(
    "values",
    [
        {"train": {"optimiser": "adamw", "momentum": 0.9}},
        {"start": {"round": 3}},
        {"start": {"weights": "redraw"}},
        {"start": {"run": "runs/a"}, "prune": {"init_density": 0.5}},
        {"data": {"superclass_file": "classes.txt"}},
    ],
)
def test_settings_that_would_be_silently_ignored_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        from_dict(values)


def test_the_fraction_means_what_is_written() -> None:
    assert str(PruneConfig(fraction=0.3).exact_fraction) == "3/10"
    assert str(PruneConfig(fraction=1e-3).exact_fraction) == "1/1000"


def other(value: Any, hint: Any) -> Any:
    """A value of the same type that differs, and that any field accepts."""
    if get_origin(hint) is Literal:
        return next(choice for choice in get_args(hint) if choice != value)
    if hint == Path | None:
        return Path("elsewhere")
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 0.5 + 0.01
    if isinstance(value, tuple):
        empty = ("other",) if get_args(hint)[0] is str else ((1.0, 0.0), (0.0, 1.0))
        return (*value, value[-1]) if value else empty
    return value + "-other"


def changed(config: Any, path: str) -> Any:
    """The configuration with one field changed, past validation, which other fields would need to be changed for."""
    name, _, rest = path.partition(".")
    value = getattr(config, name)
    value = changed(value, rest) if rest else other(value, get_type_hints(type(config))[name])
    copy = object.__new__(type(config))
    for field in dataclasses.fields(config):
        object.__setattr__(copy, field.name, value if field.name == name else getattr(config, field.name))
    return copy


@pytest.mark.parametrize("path", PATHS)
def test_the_digest_changes_with_every_field_but_paths_and_stop_rules(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected_out = {
        "data.root", "data.superclass_file", "start.run", "threads", "prune.rounds", "prune.min_density",
        "prune.min_connected", "analysis.samples", "analysis.samples_other", "analysis.headline",
        "analysis.bootstrap", "analysis.ablation",
    }  # fmt: skip
    for part in (DataConfig, TrainConfig, PruneConfig, RunConfig, *map(type, _groups(RunConfig()))):
        monkeypatch.setattr(part, "__post_init__", lambda self: None, raising=False)
    config = RunConfig()
    found = changed(config, path)
    assert flatten(to_dict(found)).keys() - {path} == flatten(to_dict(config)).keys() - {path}
    assert to_dict(found) != to_dict(config)
    assert (digest(found, "data") == digest(config, "data")) == (path in expected_out)


def _groups(config: Any) -> list[Any]:
    values = [getattr(config, field.name) for field in dataclasses.fields(config)]
    groups = [value for value in values if dataclasses.is_dataclass(value)]
    return groups + [inner for group in groups for inner in _groups(group)]


def test_every_name_left_out_of_the_digest_is_a_field() -> None:
    for name in NOT_IN_DIGEST:
        assert any(path == name or path.startswith(name + ".") for path in PATHS), name


def test_the_digest_covers_data_source_and_algorithm(monkeypatch: pytest.MonkeyPatch) -> None:
    config = RunConfig()
    found = {digest(config, "a"), digest(config, "b"), digest(config, "a", "source"), digest(config, "a", "other")}
    monkeypatch.setattr("siftnet.config.identity.ALGORITHM", -1)
    found.add(digest(config, "a"))
    assert len(found) == 5


def test_a_whole_number_written_for_a_float_gives_the_same_digest_as_when_it_is_read_back() -> None:
    config = RunConfig(train=TrainConfig(lr=1))
    assert digest(config, "a") == digest(from_dict(to_dict(config)), "a")
    assert digest(config, "a") == digest(RunConfig(train=TrainConfig(lr=1.0)), "a")


def test_files_are_read_and_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("seed = 5\n[train]\nlr = 1\n")
    assert load(path) == from_dict({"seed": 5, "train": {"lr": 1.0}})
    path.write_text("seed = = 5")
    with pytest.raises(ValueError, match=r"mine\.toml is not a TOML file"):
        load(path)
    path.write_bytes(b"seed = '\xff'")
    with pytest.raises(ValueError, match=r"mine\.toml is not a TOML file"):
        load(path)
    with pytest.raises(ValueError, match=r"'absent' is neither a preset \(.*\) nor a file"):
        load("absent")


@pytest.mark.parametrize(
    "data",
    [b"\xef\xbb\xbfseed = 5\n", b"seed = 5\r\n", b"\xef\xbb\xbf# th\xc3\xa9\r\nseed = 5"],
    ids=["mark", "CRLF", "both"],
)
def test_files_are_read_as_editors_write_them(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(data)
    assert load(path).seed == 5


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
def test_files_in_other_encodings_are_told_so(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    for mark in ("", "\ufeff"):
        if mark and encoding == "latin-1":
            continue
        path.write_bytes(f"{mark}# the\nseed = 5 # thé\n".encode(encoding))
        with pytest.raises(ValueError, match=r"mine\.toml is not a TOML file: .*save it anew in") as found:
            load(path)
        told = {"utf-16": "UTF-16", "utf-32": "UTF-32", "latin-1": "line 2"}.get(encoding, "UTF-16")
        assert told in str(found.value)
        # The remedy works.
        path.write_bytes(path.read_bytes().decode(encoding).removeprefix("\ufeff").encode())
        assert load(path).seed == 5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "[train]\nlr = 2024-01-01",
            r"train\.lr takes a float, got the date or time 2024-01-01 \(text stands in quotes",
        ),
        ("[data]\nroot = 07:32:00", r"data\.root takes a path, got the date or time 07:32:00"),
        ("kernel = 1979-05-27T07:32:00Z", r"kernel takes a str, got the date or time 1979-05-27 07:32:00\+00:00"),
        ("train = 2024-01-01", r"train is a group of settings, got the date or time"),
        ("[[train]]\nlr = 1.0", r"train is a group of settings, got \[\{'lr': 1\.0\}\]"),
        ("[data.synthetic]\nshape = [2024-01-01, 3]", r"data\.synthetic\.shape takes an int, got the date or time"),
        ("[train]\nlr = 1" + 400 * "0", r"train\.lr takes a finite number, got inf"),
        ("seed = 1" + 5000 * "0", r"is not a TOML file"),
        ("kernel = 0x" + 9000 * "f", r"kernel takes a str, got a int too long to be shown"),
        ("x = " + 20_000 * "[" + 20_000 * "]", r"is not a TOML file"),
        ("data = " + 300 * "[" + 300 * "]", r"data is a group of settings, got .{,200}$"),
        ("[train]\nlr = nan", r"train\.lr takes a finite number, got nan"),
        ("seed = 3\0", r"is not a TOML file: it holds zero bytes"),
        ("[train]\nsetps = 3", r"there is no setting train\.setps; .* - did you mean train\.steps\?"),
    ],
)
def test_what_toml_can_say_and_no_setting_takes_is_one_sentence(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=says) as found:
        load(path)
    assert len(str(found.value)) < 1000


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", ".", "../presets/images", "imges"])
def test_what_is_no_file_is_said_of_any_name(name: str) -> None:
    with pytest.raises(ValueError, match=r"is neither a preset \(.*\) nor a file") as found:
        load(name)
    assert len(str(found.value)) < 500
    assert ("did you mean images?" in str(found.value)) == (name == "imges")


def test_a_file_without_permission_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "mine.toml").touch()
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ValueError, match=r"mine\.toml cannot be read \(Permission denied\): check its permissions"):
        load(tmp_path / "mine.toml")


def test_what_values_say_stands_on_one_line_of_a_message() -> None:
    with pytest.raises(ValueError, match=r"data.time = a\\nb orders the examples"):
        DataConfig(time="a\nb")
    with pytest.raises(ValueError, match=r"data.time = a{200}… orders") as error:
        DataConfig(time="a" * 5000)
    assert len(str(error.value)) < 500
