"""The rules of the house that no single file shows: who may import whom, how long files are, what importing costs."""

import ast
import json
import re
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = {
    "perceptdata": "perceptdata",
    "builders": "perceptdata.builders",
    "annotators": "perceptdata.annotators",
    "schemas": "perceptdata.schemas",
}
PLUGIN_ROOMS = set(ROOMS) - {"perceptdata"}

# The engine from ground to roof: a module may import those before it. One that is not named here may stand anywhere
# that makes no cycle.
FLOORS = """
    errors records spans texts segmentation example layers draft plugins formats registry
    manifest images packs shard workspace query resolution captions view recipe kernels execution answers llm vlm
    alignment agreement curation verification review rewards trainer diagnosis comparison evaluation publishing
    report steps cli
"""

# Imports upwards, each with its reason. They stand inside functions: loading a module still loads only lower ones.
DOORS = {
    ("workspace", "query"): "Workspace(path).sql(question) is the promised way to ask",
    ("workspace", "view"): "Workspace(path).view(name) is the promised way in",
    ("view", "publishing"): "View.to_dataset() is the promised way out",
}

LONGEST = 450
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "misc"}
SILENCED = re.compile(
    r"#\s*type:\s*ignore|#\s*pragma:\s*no cover|\bTODO\b|\bFIXME\b|except:|except (Base)?Exception:\s*pass"
)
HEAVY = {"torch", "spacy", "datasets", "pandas", "openai", "transformers", "matplotlib"}
# Imported when they are used, with their libraries: exporters write for other programs; kernels, losses and engines are
# torch from end to end; what stands in a spaCy pipeline is spaCy's.
LATE = (
    "perceptdata.publishing.",
    "perceptdata.kernels",
    "perceptdata.trainer.core",
    "perceptdata.trainer.engine",
    "perceptdata.annotators.spacy",
)


@cache
def sources() -> dict[str, Path]:
    """Installed module name to file, for the four rooms."""
    found = {}
    for room, package in ROOMS.items():
        for path in sorted((ROOT / room).rglob("*.py")):
            inner = path.relative_to(ROOT / room).with_suffix("").parts
            found[".".join([package, *(part for part in inner if part != "__init__")])] = path
    return found


def imports(name: str) -> set[str]:
    """The modules of ours that a module imports, in functions too; what only type checkers see loads nothing."""
    path = sources()[name]
    package = (name if path.name == "__init__.py" else name.rpartition(".")[0]).split(".")
    found: set[str] = set()
    open_nodes: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while open_nodes:
        node = open_nodes.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            open_nodes += node.orelse
        else:
            open_nodes += ast.iter_child_nodes(node)
    return {module for module in found if module in sources() and module not in (name, "perceptdata")}


def noun(module: str) -> str:
    """`perceptdata.report.page` is of `report`."""
    return module.split(".")[1]


def engine() -> dict[str, set[str]]:
    """What each noun of the engine imports of the others, doors apart."""
    nouns: dict[str, set[str]] = {}
    for name in sources():
        if name.count(".") and noun(name) not in PLUGIN_ROOMS:
            nouns.setdefault(noun(name), set()).update(noun(used) for used in imports(name))
    return {name: {other for other in used - {name} if (name, other) not in DOORS} for name, used in nouns.items()}


def test_imports_are_seen_as_they_are() -> None:
    assert {"errors", "example", "draft", "spans"} <= engine()["plugins"]
    assert "perceptdata.schemas" in imports("perceptdata.schemas.__main__")  # `from . import …`


def test_the_engine_never_imports_plugins_or_schemas() -> None:
    assert {name: used & PLUGIN_ROOMS for name, used in engine().items() if used & PLUGIN_ROOMS} == {}


def test_lower_floors_never_import_higher_ones() -> None:
    height = {name: at for at, name in enumerate(FLOORS.split())}
    upward = [
        f"{name} imports {used}"
        for name, others in engine().items()
        for used in others
        if name in height and used in height and height[used] > height[name]
    ]
    assert upward == []


def test_no_two_nouns_of_the_engine_import_each_other() -> None:
    try:
        tuple(TopologicalSorter(engine()).static_order())
    except CycleError as error:
        pytest.fail(f"an import cycle: {' -> '.join(error.args[1])}")


def test_plugins_import_their_siblings_relatively() -> None:
    """Type checkers see `builders`, not `perceptdata.builders`, and could not follow the full name."""
    rooms = tuple(f"perceptdata.{room}" for room in PLUGIN_ROOMS)
    wrong = [
        f"{name} imports {node.module}"
        for name, path in sources().items()
        if name.startswith(rooms)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith(rooms)
    ]
    assert wrong == []


def test_files_are_short_and_named_for_something() -> None:
    ours = [path for room in (*ROOMS, "tests", "benchmarks", "examples") for path in (ROOT / room).rglob("*.py")]
    assert ours
    long = {
        path.name: lines for path in ours if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST
    }
    assert long == {}
    assert [path.name for path in ours if path.stem in NAMES_THAT_SAY_NOTHING] == []


def test_nothing_is_silenced_or_left_for_later() -> None:
    found = {
        name: match.group()
        for name, path in sources().items()
        if (match := SILENCED.search(path.read_text(encoding="utf-8")))
    }
    assert found == {}


# Imports every module in one fresh process, in an empty folder, and says what changed besides `sys.modules`.
PROBE = """
import importlib, json, multiprocessing, os, random, signal, sys, threading, warnings, logging
def state():
    return {
        "environment": dict(os.environ),
        "files": os.listdir(),
        "threads": threading.active_count(),
        "start method": multiprocessing.get_start_method(allow_none=True),
        "random": repr(random.getstate()),
        "signals": [repr(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)],
        "log handlers": len(logging.getLogger().handlers),
        "warning filters of ours": [repr(item) for item in warnings.filters if "perceptdata" in repr(item)],
        "excepthook": repr(sys.excepthook),
    }
before, failed, heavy = state(), {}, {}
ours, late, weights = json.loads(sys.argv[1])
for name in ours + late:
    try:
        importlib.import_module(name)
    except Exception as error:
        failed[name] = f"{type(error).__name__}: {error}"
    if name not in late:
        for module in set(weights) & sys.modules.keys():
            heavy.setdefault(module, name)
        after = state()  # what the libraries of the late ones change is theirs
print(json.dumps({"failed": failed, "heavy": heavy, "changed": [key for key in before if before[key] != after[key]]}))
"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What importing everything does."""
    names = [name for name in sources() if not name.endswith("__main__")]
    late = [name for name in names if name.startswith(LATE)]
    ours = [name for name in names if name not in late]
    probe = [sys.executable, "-c", PROBE, json.dumps([ours, late, sorted(HEAVY)])]
    done = subprocess.run(probe, capture_output=True, text=True, cwd=tmp_path_factory.mktemp("empty"))
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_every_module_can_be_imported(imported: dict[str, object]) -> None:
    assert imported["failed"] == {}


def test_importing_anything_changes_nothing(imported: dict[str, object]) -> None:
    assert imported["changed"] == []


def test_importing_anything_imports_nothing_heavy(imported: dict[str, object]) -> None:
    assert imported["heavy"] == {}, "imported when first needed, not at the top of the module named here"
