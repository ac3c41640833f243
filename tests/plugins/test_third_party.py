"""A stranger's package, installed beside perceptdata, is found and used; a broken one is named and breaks nothing."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ENGINE_OWN = {"geometry3k", "graph_coloring", "gsm8k", "nlvr", "sudoku"}

# Runs where both packages are installed, and prints what the tests below look at.
PROBE = """
import dataclasses, json, sys
from pathlib import Path
import numpy as np
from perceptdata import registry
from perceptdata.errors import PerceptDataError
from perceptdata.plugins import TextItem

def complaint(call, *args):
    try:
        call(*args)
    except PerceptDataError as error:
        return [type(error).__name__, str(error)]

builder = registry.make("builders", "flashcards")
drafts = [row for part in builder.parts(Path(sys.argv[1])) for row in builder.read(part)]
text = "I see 3 dots, so 3 + 1 = 4. Yes = no."
start, end = np.array([0, 14, 28], np.int32), np.array([12, 27, 37], np.int32)
item = TextItem("e#response", text, None, start, end, np.array([-1, -1, 0], np.int8), np.zeros(3, np.float32))
(spans,) = registry.make("taggers", "equations", {"score": 0.5}).tag([item])
print(json.dumps({
    "builders": [dataclasses.asdict(entry) for entry in registry.entries("builders", check=True)],
    "taggers": [dataclasses.asdict(entry) for entry in registry.entries("taggers", check=True)],
    "unchecked": [dataclasses.asdict(entry) for entry in registry.entries("builders")],
    "drafts": [dataclasses.asdict(draft) for draft in drafts],
    "spans": [[text[span.start:span.end], span.label, span.score, span.tagger] for span in spans],
    "load_wreck": complaint(registry.load, "builders", "wreck"),
    "misspelt": complaint(registry.load, "builders", "flashcard"),
    "wrong_option": complaint(registry.make, "builders", "flashcards", {"textua": False}),
    "no_cards": complaint(builder.parts, Path(sys.argv[2])),
}, default=str))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process sees that has both test packages on its path."""
    work = tmp_path_factory.mktemp("plugins")
    for name in ("flashcards", "broken"):  # copied, for setuptools builds beside the source
        shutil.copytree(HERE / name, work / name, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    run(*pip, "--target", str(work / "site"), str(work / "flashcards"), str(work / "broken"))
    cards, empty = work / "cards", work / "empty"
    cards.mkdir()
    empty.mkdir()
    lines = [
        {"id": 1, "question": "How many dots?", "answer": "3", "image": "1.png", "shows": "three dots"},
        {"id": 2, "question": "Is it red?", "answer": "no", "image": "2.png"},
        {"id": 3, "question": "No answer?", "image": "3.png"},
    ]
    text = "\n".join(map(json.dumps, lines)) + "\n{not json\n"
    (cards / "cards.jsonl").write_text(text, encoding="utf-8")
    return json.loads(run(sys.executable, "-c", PROBE, str(cards), str(empty), PYTHONPATH=str(work / "site")))


def run(*command: str, **env: str) -> str:
    """Its output; the test fails with what it said when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def by_name(entries: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in entries}


def test_the_package_is_listed_with_what_it_provides(found: dict[str, Any]) -> None:
    entry = by_name(found["builders"])["flashcards"]
    assert entry == {
        "kind": "builders",
        "name": "flashcards",
        "target": "perceptdata_flashcards.builder:Flashcards",
        "package": "perceptdata-flashcards",
        "package_version": "0.3.0",
        "error": None,
    }
    assert by_name(found["taggers"])["equations"]["package"] == "perceptdata-flashcards"


def test_the_engine_s_own_stay_and_come_from_perceptdata(found: dict[str, Any]) -> None:
    listed = by_name(found["builders"])
    assert listed.keys() >= ENGINE_OWN
    assert {listed[name]["package"] for name in ENGINE_OWN} == {"perceptdata"}


def test_a_package_that_cannot_be_imported_is_listed_with_its_error(found: dict[str, Any]) -> None:
    wreck = by_name(found["builders"])["wreck"]
    assert wreck["package"] == "perceptdata-broken"
    assert "RuntimeError: the wreck's engine is flooded" in wreck["error"]
    assert by_name(found["unchecked"])["wreck"]["error"] is None  # listing alone imports nothing
    catalogue = by_name(found["taggers"])["perceptdata-broken:catalogue"]
    assert "RuntimeError: the wreck's engine is flooded" in catalogue["error"]
    kind, message = found["load_wreck"]
    assert kind == "PluginError"
    assert "perceptdata-broken" in message


def test_its_builder_reads(found: dict[str, Any]) -> None:
    seen, told, second, no_answer, no_json = found["drafts"]
    assert (seen["stage"], seen["question"], seen["group"]) == (
        "visual_reasoning",
        "<image>How many dots?",
        "flashcards/1",
    )
    assert seen["images"][0]["name"] == "1.png"
    assert (told["stage"], told["twin"], told["images"]) == ("textual_reasoning", "text", [])
    assert told["question"] == "How many dots?\n\nThe figure shows:\nthree dots"
    assert (second["key"], second["facts"]) == ("2", None)
    assert (no_answer["key"], no_answer["code"]) == ("line-3", "row.unreadable")
    assert no_answer["message"] == "line 3 of cards.jsonl: KeyError: 'answer'"
    assert no_json["key"] == "line-4"


def test_its_tagger_labels_what_is_still_open(found: dict[str, Any]) -> None:
    assert found["spans"] == [["so 3 + 1 = 4.", "reasoning", 0.5, "equations"]]


def test_its_options_and_names_are_checked_like_our_own(found: dict[str, Any]) -> None:
    kind, message = found["wrong_option"]
    assert kind == "UsageError"
    assert "unknown key 'textua' (did you mean 'textual'?)" in message
    assert "did you mean 'flashcards'?" in found["misspelt"][1]
    kind, message = found["no_cards"]
    assert kind == "UsageError"
    assert message.endswith("has no cards.jsonl; --source names the folder that holds it")


@pytest.mark.parametrize("module", ["builder", "tagger"])
def test_contributing_shows_this_very_code(root: Path, module: str) -> None:
    shown = re.findall(r"^```python\n(.*?)^```$", (root / "CONTRIBUTING.md").read_text(), re.MULTILINE | re.DOTALL)
    code = (HERE / "flashcards" / "perceptdata_flashcards" / f"{module}.py").read_text()
    assert code in shown
    assert len(code.splitlines()) <= 60
