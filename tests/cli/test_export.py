"""`perceptdata export` from a shell: what is written, what would be, and what is lost on the way."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from publishing.exports.conftest import built, write_talk
from toys import environment

from perceptdata.workspace import Workspace

PERCEPTDATA = str(Path(sys.executable).with_name("perceptdata"))


@pytest.fixture(scope="module")
def folder(toy_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the workspace `ws` of `write_talk`."""
    made = tmp_path_factory.mktemp("cli-export")
    built(toy_site, made, write_talk)
    return made


def run(folder: Path, site: Path, *words: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [PERCEPTDATA, "export", *words, "-w", "ws"], cwd=folder, env=environment(site), capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


def test_what_is_written_and_what_is_lost(folder: Path, toy_site: Path) -> None:
    code, said, _ = run(folder, toy_site, "easyr1", "--to", "easyr1")
    assert code == 0
    assert "export easyr1: 7 rows in 5 files, easyr1" in said
    assert "1 left out: export.history" in said
    assert "no other column" in said
    assert "cat easyr1/README.md" in said
    assert sorted(path.name for path in (folder / "easyr1").iterdir()) == [
        *("README.md", "export.json", "images", "reward.py", "skipped.jsonl", "test.parquet", "train.parquet"),
    ]


def test_a_dry_run_says_the_same_and_writes_nothing(folder: Path, toy_site: Path) -> None:
    words = ("ms_swift", "--to", "swift", "--set", "perception=2", "--dry-run")
    code, said, _ = run(folder, toy_site, *words)
    assert code == 0
    assert "view all: 6 rows would be written under swift" in said
    assert "train.jsonl: 5 rows" in said
    assert "images: 3, " in said
    assert "1 left out: export.placeholders" in said
    assert "carries no spans" in said
    assert not (folder / "swift").exists()
    code, said, _ = run(folder, toy_site, *words, "--json")
    planned = json.loads(said)
    assert (planned["rows"], planned["skipped"]["export.no_response"]) == (6, 1)
    code, said, _ = run(folder, toy_site, "ms_swift", "--to", "swift", "--set", "perception=2", "--json")
    done = json.loads(said)
    assert (done["rows"], done["notes"]) == (planned["rows"], planned["notes"])
    assert "swift/train.jsonl" in done["files"]


def test_other_formats_are_planned_too(folder: Path, toy_site: Path) -> None:
    code, said, _ = run(folder, toy_site, "parquet", "--to", "out", "--dry-run", "--json")
    assert (code, json.loads(said)["rows"]) == (0, 9)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("verl --to out --set image=path", "unknown key 'image' (did you mean 'images'?)"),
        ("ms_swift --to out --set perception=-1", "'perception': Input should be greater than or equal to 0"),
        ("llama_factory --to ws", "ws holds files that no export for a trainer wrote"),
        ("trl --to out --set format=thnk", "there is no format 'thnk'"),
        ("pairs --to out", "name the step that sampled them"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(folder: Path, toy_site: Path, words: str, message: str) -> None:
    code, _, error = run(folder, toy_site, *words.split())
    assert code == 2
    assert message in error
    assert "Traceback" not in error
    assert not (folder / "out").exists()


def test_a_recipes_outputs_are_exports(folder: Path, toy_site: Path) -> None:
    from perceptdata.steps.export import Export

    output = Export(export="llama_factory", view="all", to=folder / "recipe", options={"format": "think_boxed"})
    done = output.write(Workspace(folder / "ws"))
    assert (done.rows, output.plan(Workspace(folder / "ws")).rows) == (6, 6)
    assert done.notes[0].startswith("1 left out: export.marker")
