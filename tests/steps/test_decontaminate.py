"""Decontaminate: leaks with their evidence, order kept, shared images, and what its fingerprint is made of."""

from pathlib import Path

import pytest
from curation import pictures
from curation.cards import LONG, built, known, run, shown
from toys import card, write_lines

from perceptdata.curation.guard import GuardSet
from perceptdata.errors import UsageError
from perceptdata.execution.local import Local
from perceptdata.steps.declared import make_step
from perceptdata.steps.guarding import make_guard
from perceptdata.view import View, ViewSpec
from perceptdata.workspace import Workspace

pytestmark = pytest.mark.usefixtures("with_toys")


@pytest.fixture
def guards(tmp_path: Path) -> Path:
    """A test set of a long text, of a short question with its picture, and of a train split that is left out."""
    folder = tmp_path / "test_set"
    folder.mkdir()
    (folder / "t.png").write_bytes(pictures.png(pictures.jpeg(pictures.drawing(1))))
    rows = [
        card(0, question=LONG, split="test"),
        shown(1, "t.png", "What colour is the disc?", "red", split="test"),
        card(2, question="What is 3 + 4?", split="train"),
    ]
    write_lines(folder / "a.jsonl", rows)
    told = GuardSet(name="bench")
    count, done = make_guard("toy_cards", folder, tmp_path / "guards" / "bench.parquet", told, splits=["test"])
    assert (count, done.made["examples"]) == (2, 3)
    return tmp_path / "guards"


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    return built(tmp_path)


def test_what_leaks_goes_with_its_evidence(ws: Workspace, guards: Path) -> None:
    outcome = run(ws, "clean", "decontaminate", guards=guards)
    assert outcome.made == {"layers/scores": 18}
    found = known(ws, "clean")
    gone = {number: row["meta"]["matches"][0] for number, row in found.items() if row["value"] == 0}
    assert {number: match["rule"] for number, match in gone.items()} == {
        0: "exact",
        1: "exact",
        2: "exact",
        3: "gram13",
        4: "gram13",
        5: "gram13",
        10: "exact+image",
        11: "exact+image",
        13: "exact",
    }
    assert all(match["guard"] == "bench" and len(match["item"]) == 16 and match["score"] > 0 for match in gone.values())
    assert found[6]["meta"]["reported"][0]["rule"] == "short_question"  # another picture
    assert found[14]["meta"] == {}  # of a split that is not guarded
    assert View(ws, "v", ViewSpec(where="clean.kept")).dropped == {"not chosen": 9}


def test_rows_keep_their_order(ws: Workspace, guards: Path) -> None:
    run(ws, "clean", "decontaminate", guards=guards)
    ids = ws.examples().to_table(columns=["id"]).column("id").to_pylist()
    assert ws.layer("clean", "scores").to_table(columns=["example_id"]).column("example_id").to_pylist() == ids


def test_images_that_another_shard_stores_are_seen(ws: Workspace, guards: Path, tmp_path: Path) -> None:
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "1.png").write_bytes(pictures.png(pictures.drawing(1)))
    write_lines(folder / "a.jsonl", [shown(30, "1.png", "What colour is the disc?", "red")])
    run(ws, "more", "build", use="toy_cards", path=folder)
    run(ws, "clean", "decontaminate", guards=guards)
    assert known(ws, "clean")[30]["meta"]["matches"][0]["rule"] == "exact+image"
    run(ws, "dedup", "dedup")
    assert known(ws, "dedup")[30]["meta"]["of"] == "cards/train/10"


def test_the_same_bytes_from_two_workers_and_nothing_twice(ws: Workspace, guards: Path, tmp_path: Path) -> None:
    run(ws, "clean", "decontaminate", guards=guards)
    other = built(tmp_path / "other")
    run(other, "clean", "decontaminate", Local(workers=2), guards=guards)
    one, two = (
        [some.file(file).read_bytes() for _, _, _, file in some.shards("layers/scores", "clean")]
        for some in (ws, other)
    )
    assert one == two
    assert run(ws, "clean", "decontaminate", guards=guards).skipped == 2


def test_guards_make_the_fingerprint_wherever_they_lie(guards: Path, tmp_path: Path) -> None:
    step = make_step("decontaminate", {"guards": guards})
    moved = tmp_path / "moved"
    guards.rename(moved)
    assert make_step("decontaminate", {"guards": moved}).fingerprint == step.fingerprint
    assert make_step("decontaminate", {"guards": moved, "n": 8}).fingerprint != step.fingerprint
    copy = moved / "copy.parquet"
    copy.write_bytes((moved / "bench.parquet").read_bytes())
    with pytest.raises(UsageError, match=r"two files of .* guard 'bench'"):
        make_step("decontaminate", {"guards": moved})
    with pytest.raises(UsageError, match="has no guard files"):
        make_step("decontaminate", {"guards": guards})
