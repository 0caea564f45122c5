"""The house keeps its layout: few modules at the root, short files, no name twice, results read in two rooms alone."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import siftnet

SOURCE = Path(siftnet.__file__).parent
MODULES = sorted(SOURCE.rglob("*.py"))
# Where dictionaries that were read from a run's files are taken apart; everywhere else they are types.
READERS = ("store", "studies")
# Types of results, whose fields are the keys of those files.
RESULTS = ("analysis", "store/summary.py", "pruning/evaluation.py", "studies")
# Words that are keys of other dictionaries too: of plotly, of tables of data, of splits, of benchmarks' settings.
NOT_ONLY_OF_RESULTS = {"x", "y", "name", "shape", "text", "size", "values", "kind", "channels", "siftnet", "test"}


def relative(path: Path) -> str:
    """A module's path from the package, e.g. 'store/run.py'."""
    return path.relative_to(SOURCE).as_posix()


def test_the_root_holds_at_most_eight_modules() -> None:
    assert len(list(SOURCE.glob("*.py"))) <= 8


def test_no_file_is_longer_than_350_lines() -> None:
    lengths = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert not {name: length for name, length in lengths.items() if length > 350}


def packages() -> list[str]:
    """The package and all packages within it, by dotted name."""
    found = (m.name for m in pkgutil.walk_packages([str(SOURCE)], "siftnet.") if m.ispkg)
    return ["siftnet", *found]


@pytest.mark.parametrize("package", packages())
def test_no_function_bears_the_name_of_a_module_beside_it(package: str) -> None:
    module = importlib.import_module(package)
    beside = {found.name for found in pkgutil.iter_modules(module.__path__)}
    public = [name for name in dir(module) if not name.startswith("_")]
    assert not [name for name in public if name in beside and not inspect.ismodule(getattr(module, name))]
    if package == "siftnet":
        assert not set(siftnet.__all__) & beside


def fields_of_results() -> set[str]:
    """Names of the fields of every type that holds results."""
    paths = [path for path in MODULES if relative(path).startswith(RESULTS)]
    classes = [node for path in paths for node in ast.walk(parsed(path)) if isinstance(node, ast.ClassDef)]
    fields = [part.target for node in classes for part in node.body if isinstance(part, ast.AnnAssign)]
    return {target.id for target in fields if isinstance(target, ast.Name)} - NOT_ONLY_OF_RESULTS


def parsed(path: Path) -> ast.Module:
    """A module as a tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def keys_read(tree: ast.AST) -> set[str]:
    """Keys written out where something is read, x["key"] or x.get("key"), except by a type that reads itself."""
    found: set[str] = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "from_dict":
            continue
        found |= keys_read(node) | ({key} if (key := _key(node)) else set())
    return found


def _key(node: ast.AST) -> str | None:
    key: ast.expr | None = None
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        key = node.slice
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        key = node.args[0]
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None


def test_keys_of_results_are_found_where_they_are_read() -> None:
    reads = 'def f(): a["round"]; b.get("p"); c["new"] = d[e]["low"]\ndef from_dict(v): v["high"]'
    assert keys_read(ast.parse(reads)) == {"round", "p", "low"}
    assert {"round", "density", "seconds"} <= fields_of_results()


def test_results_are_read_by_key_in_store_and_studies_alone() -> None:
    others = [path for path in MODULES if not relative(path).startswith(READERS)]
    fields = fields_of_results()
    read = {relative(path): keys_read(parsed(path)) & fields for path in others}
    assert not {name: keys for name, keys in read.items() if keys}
