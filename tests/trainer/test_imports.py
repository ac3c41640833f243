"""The trainer runs where only its own packages are; what the command line imports of it is light."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

PROBE = """
import importlib, json, sys
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
print(json.dumps(sorted(sys.modules)))
"""


def imported(*names: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", PROBE, json.dumps(names)], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.fixture(scope="module")
def modules(root: Path) -> list[str]:
    paths = (root / "perceptdata" / "trainer").rglob("*.py")
    return [".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__") for path in paths]


def test_neither_workspace_nor_duckdb(modules: list[str]) -> None:
    assert not {"duckdb", "perceptdata.workspace", "perceptdata.view", "perceptdata.query"} & imported(*modules)


def test_only_core_and_engine_import_heavy_packages(modules: list[str]) -> None:
    light = [name for name in modules if ".core." not in name and ".engine" not in name]
    assert "perceptdata.trainer.run" in light
    assert not {"torch", "transformers", "trl", "peft", "accelerate", "datasets"} & imported(*light)


def imports_trl(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(alias.name.partition(".")[0] == "trl" for alias in node.names)
    return isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").partition(".")[0] == "trl"


def test_only_the_engine_imports_trl(root: Path) -> None:
    """Presets do inside their two functions, which are called once a run is due."""
    for path in (root / "perceptdata").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        top = any(map(imports_trl, tree.body))
        assert not top or path.parent.name == "engine", path
        inner = any(map(imports_trl, ast.walk(tree)))
        assert not inner or path.parent.name in ("engine", "presets"), path
