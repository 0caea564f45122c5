"""The README's and the guide's commands and programs run, with fewer steps."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import siftnet
from siftnet.commands import cli
from siftnet.config.fields import RunConfig
from siftnet.config.load import flatten, load, to_dict
from siftnet.data.download.fetch import SOURCES, Fetched

ROOT = Path(__file__).parent.parent
SHORT = [
    *("--train.steps", "30", "--train.batch", "20", "--train.rewind", "5", "--train.validate-every", "15"),
    *(
        "--prune.rounds",
        "2",
        "--network.layers",
        "f24:f16:x",
        "--analysis.samples",
        "19",
        "--analysis.samples-other",
        "3",
    ),
    *("--analysis.bootstrap", "100", "--threads", "1"),
]


def blocks(name: str, language: str) -> list[str]:
    """The code blocks of one language in a document."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def write_official_layout(folder: Path) -> None:
    """A few random images in the layout of downsampled ImageNet, 32x32."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, count in (("train_data_batch_1", 200), ("val_data", 40)):
        data = rng.integers(0, 256, (count, 3072), dtype=np.uint8)
        np.savez(folder / f"{name}.npz", data=data, labels=1 + np.arange(count) % 4, mean=data.mean(0))


def short(config: RunConfig) -> RunConfig:
    """The same configuration with little to do."""
    return replace(
        config,
        threads=1,
        network=replace(config.network, layers="f24:f16:x"),
        train=replace(config.train, steps=30, batch=20, rewind=5, validate_every=15),
        data=replace(config.data, synthetic=replace(config.data.synthetic, examples=1000, test=100)),
        analysis=replace(config.analysis, samples=19, samples_other=3, bootstrap=100),
    )


def test_the_readmes_commands_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def fetch(name: str, root: Path, *, progress: object = None) -> Fetched:
        path = root / SOURCES[name].main
        write_official_layout(path)
        return Fetched(name=name, path=path, options=("--data.root", str(path)), was_there=False)

    monkeypatch.setattr("siftnet.data.download.fetch.fetch", fetch)
    lines = [line for block in blocks("README.md", "bash") for line in block.splitlines()]
    assert len(lines) >= 3
    for command in lines:
        program, *words = shlex.split(command)
        assert program == "siftnet"
        extra = [*SHORT, "--data.synthetic.examples", "1000"] if words[0] == "run" else []
        with pytest.raises(SystemExit) as stopped:
            cli.main([*words, *extra])
        assert not stopped.value.code, command
    assert (tmp_path / "runs/images/report.html").exists()
    assert (tmp_path / "runs/nlgp/report.html").exists()


def test_the_readmes_data_look_as_it_shows_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn")
    monkeypatch.chdir(tmp_path)
    [block] = [block for block in blocks("README.md", "console") if "siftnet data" in block]
    first, second, *expected = block.splitlines()
    program, option, code = shlex.split(first.removeprefix("$ "))
    assert (program, option) == ("python", "-c")
    exec(compile(code, "README.md", "exec"), {})
    with pytest.raises(SystemExit) as stopped:
        cli.main(shlex.split(second.removeprefix("$ "))[1:])
    assert not stopped.value.code
    assert capsys.readouterr().out.splitlines() == expected


@pytest.mark.parametrize("document", ["README.md", "docs/guide.md"])
def test_the_documents_programs_run(
    document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(siftnet, "load", lambda name: short(load(name)))
    programs = blocks(document, "python")
    assert programs
    for program in programs:
        exec(compile(program, document, "exec"), {})
    assert capsys.readouterr().out.strip()


def test_every_option_that_the_documents_name_exists() -> None:
    known = flatten(to_dict(RunConfig())).keys()
    for document in ("README.md", "docs/guide.md"):
        text = (ROOT / document).read_text(encoding="utf-8")
        for option in re.findall(r"--((?:data|network|train|prune|start|analysis)\.[a-z_.-]+)", text):
            name = option.rstrip(".").replace("-", "_").replace(".no_", ".")
            assert name in known, f"{document} names --{option}"
