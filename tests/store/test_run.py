"""Runs on disk: what is written, what is read back, what damaged files say."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save

from builders import config, dataset
from siftnet.geometry import Grid, torus
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.evaluation import Evaluation, Record
from siftnet.pruning.training import History, Progress
from siftnet.runs.single import run
from siftnet.store import run as store
from siftnet.store.checkpoint import CHECKPOINT_FORMAT
from siftnet.store.round_files import RoundFiles
from siftnet.store.run import Run
from siftnet.store.tensors import read_tensors, unpack_state


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(config(prune__at_step=7), tmp_path_factory.mktemp("store") / "run", dataset=dataset(torus(4, 4)))


@pytest.fixture
def copy(stored: Run, tmp_path: Path) -> Run:
    shutil.copytree(stored.path, tmp_path / "run")
    return Run(tmp_path / "run")


def test_a_run_is_read_back_as_it_was_configured(stored: Run) -> None:
    assert stored.config == config(prune__at_step=7)
    assert stored.rounds() == [0, 1, 2, 3]
    assert stored.geometry == torus(4, 4)
    assert stored.environment["threads"] == 1
    assert repr(stored) == f"Run({str(stored.path)!r}, small, rounds 0 to 3, down to 34% density)"
    variance = dataset(torus(4, 4)).inputs_NI[dataset().splits["train"]].var(0)
    np.testing.assert_allclose(stored.inputs()["variance_I"], variance, rtol=1e-5)
    assert Run.exists(stored.path)
    assert not Run.exists(stored.path / "rounds")


def test_masks_keep_their_order_which_says_what_is_ranked_first(stored: Run) -> None:
    expected = [f"layers.{i}.{part}" for i in (0, 1) for part in ("weight", "bias")]
    assert all(list(stored.masks(number)) == expected for number in stored.rounds())


def test_masks_of_many_layers_keep_their_order(copy: Run) -> None:
    names = [f"layers.{i}.{part}" for i in (10, 2, 0) for part in ("weight", "bias")]
    masks = Masks({name: torch.tensor([[True, False], [False, True]]) for name in names})
    state = masks.apply(State({name: torch.ones(2, 2) for name in names}))
    copy.write_round(replace(copy.summary(3), round=4), RoundFiles(masks, state, History()))
    assert list(copy.masks(4)) == names
    assert copy.masks(4).equals(masks)
    assert copy.weights(4).equals(state)


def test_a_round_holds_survivors_only(stored: Run) -> None:
    for number in stored.rounds():
        masks = stored.masks(number)
        path = stored.round_path(number) / "weights.safetensors"
        with safe_open(path, framework="pt") as file:
            sizes = {key: file.get_tensor(key).numel() for key in file.keys()}  # noqa: SIM118
        for name, mask in masks.items():
            assert sizes[f"parameters/{name}"] == int(mask.sum())
        assert path.stat().st_size < 4 * sum(sizes.values()) + 2500
        bits = (stored.round_path(number) / "masks.safetensors").stat().st_size
        assert bits < masks.entries / 8 + 800
    weights = [(stored.round_path(n) / "weights.safetensors").stat().st_size for n in (0, 3)]
    assert weights[0] - weights[1] > 0.95 * 4 * (stored.masks(0).survivors - stored.masks(3).survivors)


def test_every_file_can_be_read_without_unpickling(stored: Run) -> None:
    seen = set()
    for path in stored.path.rglob("*"):
        if path.is_dir():
            continue
        seen.add(path.suffix or path.name)
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                assert all(arrays[name].dtype != object for name in arrays)
        elif path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                assert list(file.keys())
        else:
            assert path.read_bytes() == b""
    assert seen == {".json", ".npz", ".safetensors", "lock"}


def test_weights_are_dense_again_with_zeros_where_pruned(stored: Run) -> None:
    for which in ("weights", "best", "scored"):
        state, masks = stored.weights(2, which), stored.masks(2)
        assert masks.apply(state).equals(state)
        assert all((state.parameters[name] != 0).sum() == mask.sum() for name, mask in masks.items())
    assert stored.weights(2).step == 20
    best = stored.summary(2).best
    assert best is not None
    assert stored.weights(2, "best").step == best.step
    assert not stored.weights(2, "scored").equals(stored.weights(2))


def test_a_ticket_is_all_of_a_round(stored: Run) -> None:
    ticket = stored.ticket()
    assert ticket.provenance.round == 3
    assert ticket.masks.equals(stored.masks(3))
    assert ticket.trained.equals(stored.weights(3))
    assert ticket.best is not None
    assert ticket.best.equals(stored.weights(3, "best"))
    assert ticket.geometry == torus(4, 4)
    assert stored.ticket(1).masks.equals(stored.masks(1))
    with pytest.raises(ValueError, match="has no round 8; its rounds are 0 to 3"):
        stored.ticket(8)


def test_a_run_without_a_round_says_how_to_go_on(copy: Run) -> None:
    shutil.rmtree(copy.path / "rounds")
    with pytest.raises(ValueError, match="has no finished round yet: siftnet resume"):
        copy.ticket()
    with pytest.raises(ValueError, match="has no round 0; its rounds are none yet"):
        copy.masks(0)


def test_a_checkpoint_brings_back_every_bit(copy: Run) -> None:
    draws = torch.Generator().manual_seed(0)

    masks = Masks({"w": torch.rand(30, 20, generator=draws) < 0.1, "b": torch.rand(30, generator=draws) < 0.5})

    def tensors() -> dict[str, torch.Tensor]:
        drawn = {"w": torch.randn(30, 20, generator=draws), "b": torch.randn(30, generator=draws)}
        return masks.apply(State(drawn | {"free": torch.randn(30, 20, generator=draws)})).parameters

    def state(step: int, *, bare: bool = False) -> State:
        buffers = {"exp_avg": tensors(), "step": {"w": torch.tensor(3.0)}}
        return State(tensors()) if bare else State(tensors(), {"w.mean": torch.rand(2)}, buffers, step)

    best = state(5)
    history = History(
        records=[Record(5, 0.1 + 0.2, Evaluation(1 / 3, 0.5, None, 7))],
        best=State(best.parameters, best.statistics, step=5),
        snapshots={0: state(0, bare=True), 3: State(best.parameters)},
        pending=[0.1, 1e-300, 1 / 3],
        seconds=1.5,
    )
    progress = Progress(state(8), history)
    copy.write_checkpoint(2, masks, progress)
    assert copy.checkpoint(1, masks) is copy.checkpoint(3, masks) is None, "it belongs to its round"
    found = copy.checkpoint(2, masks)
    assert found is not None
    assert found.state.equals(progress.state)
    assert found.history.best is not None
    assert found.history.best.equals(history.best)
    assert found.history.snapshots.keys() == {0, 3}
    assert all(found.history.snapshots[k].equals(history.snapshots[k]) for k in (0, 3))
    assert (found.history.records, found.history.pending) == (history.records, history.pending)
    path = copy.path / "checkpoint" / "progress.safetensors"
    names = {"parameters/w", "parameters/b", "parameters/free", "statistics/w.mean", "optimiser/step.w"}
    names |= {f"optimiser/exp_avg.{name}" for name in ("w", "b", "free")}
    stored = read_tensors(path)[0]
    assert {key.removeprefix("state|") for key in stored if key.startswith("state|")} == names, "as siftnet 0.3 has it"
    assert {key.split("|")[0] for key in stored} == {"state", "best", "0", "3"}
    size = path.stat().st_size
    # State, its buffers, best and two snapshots, and 600 free values in each.
    assert size < 4 * 5 * (masks.survivors + 600) + 3500
    others = Masks({"w": ~masks["w"], "b": masks["b"]})
    with pytest.raises(ValueError, match=r"progress\.safetensors has \d+ values of \S*w, whose mask keeps \d+"):
        copy.checkpoint(2, others)
    copy.clear_checkpoint()
    assert copy.checkpoint(2, masks) is None


@pytest.mark.parametrize(("found", "age"), [(None, "an older"), (1, "an older"), (3, "a newer")])
def test_a_checkpoint_of_another_format_is_refused_and_names_the_folder(copy: Run, found: int | None, age: str) -> None:
    masks = copy.masks(3)
    copy.write_checkpoint(4, masks, Progress(copy.weights(3), History()))
    path = copy.path / "checkpoint" / "progress.safetensors"
    tensors, metadata = read_tensors(path)
    facts = json.loads(metadata["facts"])
    assert facts.pop("format") == CHECKPOINT_FORMAT
    path.write_bytes(save(tensors, {"facts": json.dumps(facts if found is None else facts | {"format": found})}))
    message = f"{path.parent} was written by {age} siftnet: remove it, and the round begins anew"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        copy.checkpoint(4, masks)
    # It is in nobody's way where the round is another one.
    assert copy.checkpoint(5, masks) is None


def test_survivors_keep_their_type(copy: Run) -> None:
    masks = Masks({"w": torch.tensor([True, False, True])})
    state = State({"w": torch.tensor([1 / 3, 0.0, 2 / 3], dtype=torch.float64)})
    copy.write_checkpoint(4, masks, Progress(state, History()))
    found = copy.checkpoint(4, masks)
    assert found is not None
    assert found.state.parameters["w"].dtype == torch.float64
    assert torch.equal(found.state.parameters["w"], state.parameters["w"])


def test_a_damaged_plan_is_one_sentence_that_names_it(copy: Run) -> None:
    for text in ("{}", "[]", '{"given": null, "why": "", "threads": 1, "milliseconds_an_update": [{"p": 1}]}'):
        (copy.path / "plan.json").write_text(text)
        with pytest.raises(ValueError, match=r"plan\.json is not a plan .*restore it from a copy"):
            assert copy.plan
    (copy.path / "plan.json").unlink()
    copy.update_config(replace(copy.config, kernel="auto"))
    with pytest.raises(ValueError, match=r"plan\.json cannot be read .*restore it from a copy"):
        assert copy.plan


def test_files_are_flushed_before_they_are_renamed(copy: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    fsync, move = os.fsync, Path.replace

    def flushed(descriptor: int) -> None:
        events.append("flush " + Path(f"/proc/self/fd/{descriptor}").resolve().name)
        fsync(descriptor)

    def renamed(draft: Path, final: Path) -> Path:
        events.append(f"rename {final.name}")
        return move(draft, final)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", renamed)
    copy.write_report("<html>")
    assert events == ["flush .report.html.draft", "rename report.html", "flush run"]
    events.clear()
    masks = copy.masks(3)
    copy.write_round(replace(copy.summary(3), round=4), RoundFiles(masks, copy.weights(3), History()))
    assert events[-2:] == ["rename 04", "flush rounds"]
    assert events[:3] == ["flush .masks.safetensors.draft", "rename masks.safetensors", "flush .04.draft"]


def test_a_full_disk_is_one_sentence(copy: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ValueError, match=r"report\.html could not be written \(No space left on device\): make room"):
        copy.write_report("<html>")
    assert not (copy.path / "report.html").exists()


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (PermissionError(13, "Permission denied"), "let its folder be written to"),
        (OSError(30, "Read-only file system"), "let its folder be written to"),
        (IsADirectoryError(21, "Is a directory"), "something else lies in its place, move it away"),
        (OSError(122, "Disk quota exceeded"), "make room, then siftnet resume"),
    ],
)
def test_what_cannot_be_written_has_a_remedy_that_applies(
    error: OSError, remedy: str, copy: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise error

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(ValueError, match=rf"report\.html could not be written \({error.strerror}\): {remedy}"):
        copy.write_report("<html>")


def test_a_folder_in_the_place_of_a_page_or_a_file_in_that_of_measures_is_said(copy: Run) -> None:
    (copy.path / "report.html" / "x").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"report\.html could not be written .*: something else lies in its place"):
        copy.write_report("<html>")
    shutil.rmtree(copy.path / "analysis", ignore_errors=True)
    (copy.path / "analysis").touch()
    with pytest.raises(ValueError, match=r"could not be written .*: something else lies in its place"):
        copy.write_analysis("round-00", {}, {})


READERS: dict[str, Callable[[Path], object]] = {
    "config.json": lambda path: Run(path),
    "data.json": lambda path: Run(path),
    "plan.json": lambda path: Run(path).plan,
    "environment.json": lambda path: Run(path).environment,
    "data.npz": lambda path: Run(path).inputs(),
    "rewind/state.safetensors": lambda path: Run(path).rewind(),
    "rounds/01/round.json": lambda path: Run(path).summary(1),
    "rounds/01/history.json": lambda path: Run(path).history(1),
    "rounds/01/masks.safetensors": lambda path: Run(path).masks(1),
    "rounds/01/weights.safetensors": lambda path: Run(path).weights(1),
    "rounds/01/best.safetensors": lambda path: Run(path).weights(1, "best"),
    "rounds/01/scored.safetensors": lambda path: Run(path).weights(1, "scored"),
}


@pytest.mark.parametrize("damage", ["cut", "empty", "garbage", "turned"])
@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_one_sentence_that_names_it(copy: Run, name: str, damage: str) -> None:
    path = copy.path / name
    data = path.read_bytes()
    damaged = {
        "cut": data[: len(data) // 2],
        "empty": b"",
        "garbage": b"\x80\x04garbage" * 20,
        "turned": bytes(reversed(data)),
    }[damage]
    path.write_bytes(damaged)
    with pytest.raises(ValueError) as caught:
        READERS[name](copy.path)
    message = str(caught.value)
    assert Path(name).name in message
    assert "restore it from a copy" in message
    assert "\n" not in message


@pytest.mark.parametrize("change", [{"examples": 0}, {"examples": -3}, {"score": 1.01}, {"score": -0.01}])
@pytest.mark.parametrize("where", ["best", "test_best"])
def test_a_score_that_is_none_is_refused(copy: Run, where: str, change: dict[str, float]) -> None:
    path = copy.round_path(1) / "round.json"
    stored = json.loads(path.read_text())
    (stored[where]["validation"] if where == "best" else stored[where]).update(change)
    path.write_text(json.dumps(stored))
    with pytest.raises(ValueError, match=r"round\.json is not what a round stores .*(a score of|an accuracy below 0)"):
        copy.summary(1)


def test_a_round_without_the_digest_of_its_masks_is_refused(copy: Run) -> None:
    path = copy.round_path(1) / "round.json"
    stored = json.loads(path.read_text())
    del stored["files"]["masks.safetensors"]
    path.write_text(json.dumps(stored))
    with pytest.raises(ValueError, match=r"round\.json is not what a round stores .*masks\.safetensors among its"):
        copy.summary(1)


@pytest.mark.parametrize("density", [0.0, -0.0, -0.25, 1.5])
def test_a_density_that_is_none_is_refused(copy: Run, density: float) -> None:
    path = copy.round_path(1) / "round.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"density": density}))
    with pytest.raises(ValueError, match=r"round\.json is not what a round stores .*a density of .*restore it from a"):
        copy.summary(1)


@pytest.mark.parametrize("name", ["masks", "weights", "best"])
def test_a_file_of_another_round_is_refused(copy: Run, name: str) -> None:
    shutil.copy(copy.round_path(1) / f"{name}.safetensors", copy.round_path(2) / f"{name}.safetensors")
    with pytest.raises(
        ValueError, match=rf"02/{name}\.safetensors was changed or damaged after it was stored: restore"
    ):
        copy.masks(2) if name == "masks" else copy.weights(2, name)


def test_weights_that_do_not_fit_their_masks_are_named(copy: Run) -> None:
    message = r"01/weights\.safetensors has \d+ values of layers\.\d\.\w+, whose mask keeps \d+"
    with pytest.raises(ValueError, match=message):
        unpack_state(copy.round_path(1) / "weights.safetensors", copy.masks(2))


@pytest.mark.parametrize("change", ["dropped", "reshaped", "not finite"])
def test_a_rewind_point_that_does_not_fit_the_masks_is_named(copy: Run, change: str) -> None:
    rewind = copy.rewind()
    assert rewind is not None
    parameters = dict(rewind.parameters)
    weight = parameters.pop("layers.0.weight")
    if change != "dropped":
        parameters["layers.0.weight"] = weight[:1] if change == "reshaped" else weight / 0
    copy.write_rewind(State(parameters, rewind.statistics))
    says = {
        "dropped": r"has no layers\.0\.weight, whose mask is of",
        "reshaped": rf"has \(1, {weight.shape[1]}\) of layers\.0\.weight, whose mask is of",
        "not finite": r"has values of layers\.0\.weight that are not finite: restore",
    }
    with pytest.raises(ValueError, match=rf"state\.safetensors {says[change]}"):
        copy.ticket(1)


def test_what_is_not_a_run_or_a_newer_one_is_refused(copy: Run, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no run .*absent: check the path"):
        Run(tmp_path / "absent")
    (copy.path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match=r"config\.json is not a run's configuration"):
        Run(copy.path)
    values = {"schema": store.SCHEMA + 1, "config": {}, "digest": ""}
    (copy.path / "config.json").write_text(json.dumps(values))
    with pytest.raises(ValueError, match=rf"written in format {store.SCHEMA + 1}, newer than {store.SCHEMA}: update"):
        Run(copy.path)


def test_analyses_are_stored_and_absent_ones_are_none(copy: Run) -> None:
    copy.write_analysis("round-00", {"index": 5.25}, {"counts": np.arange(6).reshape(2, 3)})
    assert copy.analysis_numbers("round-00") == {"index": 5.25}
    np.testing.assert_array_equal(copy.analysis_arrays("round-00")["counts"], np.arange(6).reshape(2, 3))
    assert copy.analysis_numbers("round-01") is None


def test_permuted_inputs_are_put_back_in_the_ticket(tmp_path: Path) -> None:
    data = dataset(Grid((4, 4)))
    order = np.random.default_rng(0).permutation(16)
    object.__setattr__(data, "permutation_I", order)
    found = run(config(prune__rounds=0), tmp_path / "run", dataset=data).ticket()
    np.testing.assert_array_equal(found.permutation_I, order)
