"""Build: first wins, nothing is lost, nothing is doubled; only what changed is made again."""

import json
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from toys import card, picture, write_cards, write_lines

from perceptdata.errors import UsageError
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import Outcome, plan_step, run_step
from perceptdata.workspace import EXAMPLES, Workspace

pytestmark = pytest.mark.usefixtures("with_toys")


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ws")


def build(ws: Workspace, source: Path, name: str = "cards", **options: Any) -> Outcome:
    step = make_step("build", {"use": "toy_cards", "path": source, **options})
    with ws.lock("build"):
        return run_step(ws, name, step)


def tag(ws: Workspace, **options: Any) -> Outcome:
    with ws.lock("tag"):
        return run_step(ws, "tags", make_step("tag", {"use": "toy_words", **options}))


def questions(ws: Workspace) -> dict[str, str]:
    """Question by key; no id stands twice."""
    rows = ws.examples().to_table(columns=["id", "question"]).to_pylist()
    assert max(Counter(row["id"] for row in rows).values(), default=1) == 1
    return {row["id"].rpartition("/")[2]: row["question"] for row in rows}


def contents(ws: Workspace) -> dict[str, bytes]:
    return {
        file.path: ws.file(file).read_bytes()
        for state in ws.manifest.steps.values()
        for entry in state.current.shards.values()
        for file in entry.files.values()
    }


# Duplicate ids


def test_nothing_is_lost_and_nothing_doubled(ws: Workspace, tmp_path: Path) -> None:
    rows = write_cards(tmp_path / "cards", shards=3, rows=12)
    outcome = build(ws, tmp_path / "cards")
    assert outcome.made["examples"] + sum(outcome.rejected.values()) == rows
    # Of each file: its first row again, the first file's first row again, a cut picture, a line that is not JSON.
    assert outcome.rejected == {"id.duplicate": 6, "image.truncated": 3, "row.unreadable": 3}
    assert ws.rejects().count_rows() == 12
    assert questions(ws)["0"] == "What is 0 + 0?"
    texts = ws.rejects().to_table(columns=["key", "code", "message"]).to_pylist()
    doubled = [row["key"] for row in texts if row["code"] == "id.duplicate"]
    assert Counter(doubled) == Counter({"0": 4, "12": 1, "24": 1})
    assert "cards/test/0; give rows distinct keys" in texts[0]["message"]


def test_sources_with_the_same_keys_do_not_meet(ws: Workspace, tmp_path: Path) -> None:
    """An id begins with its source's name."""
    for name in ("one", "two"):
        write_lines(tmp_path / name / "0.jsonl", [card(1), card(1), card(2)])
        assert build(ws, tmp_path / name, name).rejected == {"id.duplicate": 1}
    ids = ws.examples().to_table(columns=["id"]).column("id").to_pylist()
    assert ids == ["one/train/1", "one/train/2", "two/train/1", "two/train/2"]


def test_duplicates_that_come_and_go_settle_the_same_as_a_fresh_build(ws: Workspace, tmp_path: Path) -> None:
    """A refused row comes back when the row it stood behind goes; one that was let in gives way when one comes."""
    source = tmp_path / "cards"
    histories: list[dict[str, list[int]]] = [
        {"0": [1, 2], "1": [2, 3], "2": [3, 4]},
        {"0": [1], "1": [2, 3], "2": [3, 4]},  # 2 goes from the first file: the second file's comes back
        {"0": [1, 3, 4], "1": [2, 3], "2": [3, 4]},  # 3 and 4 come: both later files give way, 2 stays
        {"0": [1, 3, 4], "1": [2, 3, 5], "2": [3, 4, 5]},
        {"0": [5], "1": [5], "2": [5]},
        {"0": [6], "1": [5, 2], "2": [5, 3]},
    ]
    for number, files in enumerate(histories):
        for name, keys in files.items():
            rows = [card(key, question=f"{key} of file {name}") for key in keys]
            text = "".join(json.dumps(row) + "\n" for row in rows)
            path = source / f"{name}.jsonl"
            if not path.exists() or path.read_text() != text:
                write_lines(path, rows)
                os.utime(path, ns=(number, number))  # an edit within the clock's grain is still an edit
        outcome = build(ws, source)
        fresh = Workspace.create(tmp_path / f"fresh{number}")
        expected = build(fresh, source)
        assert questions(ws) == questions(fresh)
        assert (outcome.made, outcome.rejected) == (expected.made, expected.rejected)
        assert contents(ws) == contents(fresh)
        assert outcome.made["examples"] + sum(outcome.rejected.values()) == sum(map(len, files.values()))


# Images


def test_images_are_stored_once_a_shard_and_found_whatever_shard_brought_them(ws: Workspace, tmp_path: Path) -> None:
    for shard in range(2):
        seen = {"stage": "visual_reasoning", "question": "<image>What?", "images": ["same.png"]}
        write_lines(tmp_path / "cards" / f"{shard}.jsonl", [card(shard * 10 + place, **seen) for place in range(5)])
    (tmp_path / "cards" / "same.png").write_bytes(picture(3))
    outcome = build(ws, tmp_path / "cards")
    assert outcome.made["images"] == 2  # one a pack
    assert len(ws.images) == 1
    rows = ws.examples().to_table(columns=["images"]).to_pylist()
    (sha256,) = {row["images"][0]["sha256"] for row in rows}
    assert ws.images[sha256].to_pybytes() == picture(3)


# What is made again


def test_a_second_run_does_nothing(ws: Workspace, tmp_path: Path) -> None:
    write_cards(tmp_path / "cards", shards=2, rows=4)
    first = build(ws, tmp_path / "cards"), tag(ws)
    before = {path: path.stat().st_mtime_ns for path in ws.path.rglob("*") if path.is_file() and path.name != ".lock"}
    second = build(ws, tmp_path / "cards"), tag(ws)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    for one, two in zip(first, second, strict=True):
        assert (two.made, two.rejected, two.skipped) == (one.made, one.rejected, one.shards)


def test_a_changed_row_makes_its_own_shard_again(ws: Workspace, tmp_path: Path) -> None:
    for shard in range(3):
        write_lines(tmp_path / "cards" / f"{shard}.jsonl", [card(shard * 10 + place) for place in range(4)])
    build(ws, tmp_path / "cards")
    tag(ws)
    before = {path: (path.stat().st_ino, path.read_bytes()) for path in ws.path.rglob("*.parquet")}
    write_lines(tmp_path / "cards" / "1.jsonl", [card(10, response="I see more now."), card(11)])
    assert build(ws, tmp_path / "cards").skipped == 2
    assert tag(ws).skipped == 2
    after = {path: (path.stat().st_ino, path.read_bytes()) for path in ws.path.rglob("*.parquet")}
    changed = {path.stem for path in after if after[path] != before[path]}
    assert changed == {"00001", "cards-00001-response"}
    assert ws.examples().count_rows() == 10


def test_a_touched_file_is_read_again_and_gives_the_same_bytes(ws: Workspace, tmp_path: Path) -> None:
    write_lines(tmp_path / "cards" / "0.jsonl", [card(1)])
    build(ws, tmp_path / "cards")
    tag(ws)
    before = contents(ws)
    os.utime(tmp_path / "cards" / "0.jsonl", ns=(1, 1))
    assert build(ws, tmp_path / "cards").skipped == 0
    assert tag(ws).skipped == 1  # the examples are the same, so nothing after them is made again
    assert contents(ws) == before


def test_a_source_that_shrinks_leaves_no_rows_behind(ws: Workspace, tmp_path: Path) -> None:
    for shard in range(3):
        write_lines(tmp_path / "cards" / f"{shard}.jsonl", [card(shard)])
    build(ws, tmp_path / "cards")
    (tmp_path / "cards" / "2.jsonl").unlink()
    step = make_step("build", {"use": "toy_cards", "path": tmp_path / "cards"})
    assert plan_step(ws, "cards", step).settled(ws) is None
    outcome = build(ws, tmp_path / "cards")
    assert (outcome.made, outcome.shards, outcome.skipped) == ({"examples": 2}, 2, 2)
    assert len(ws.view("all")) == 2


def test_images_that_an_option_names_are_watched_too(ws: Workspace, tmp_path: Path) -> None:
    row = card(1, stage="visual_reasoning", question="<image>What?", images=["late.png"])
    write_lines(tmp_path / "cards" / "0.jsonl", [row])
    (tmp_path / "pictures").mkdir()
    assert build(ws, tmp_path / "cards", images=tmp_path / "pictures").rejected == {"image.missing": 1}
    (tmp_path / "pictures" / "late.png").write_bytes(picture(1))
    outcome = build(ws, tmp_path / "cards", images=tmp_path / "pictures")
    assert (outcome.made, outcome.rejected) == ({"examples": 1, "images": 1}, {})


def test_the_corpus_may_move(ws: Workspace, tmp_path: Path) -> None:
    write_lines(tmp_path / "cards" / "0.jsonl", [card(1)])
    build(ws, tmp_path / "cards")
    shutil.move(tmp_path / "cards", tmp_path / "moved")
    assert build(ws, tmp_path / "moved").skipped == 1


def test_other_options_stand_beside(ws: Workspace, tmp_path: Path) -> None:
    write_lines(tmp_path / "cards" / "0.jsonl", [card(1)])
    build(ws, tmp_path / "cards")
    ((_, _, _, old),) = ws.shards(EXAMPLES)
    build(ws, tmp_path / "cards", note="new")
    ((_, _, _, new),) = ws.shards(EXAMPLES)
    assert old.path != new.path
    assert ws.file(old).exists()
    assert [row["meta"] for row in ws.examples().to_table().to_pylist()] == ['{"note":"new"}']
    build(ws, tmp_path / "cards")  # and back: nothing is made
    assert ws.shards(EXAMPLES)[0][3] == old
    assert ws.examples().to_table().to_pylist()[0]["meta"] == "{}"


def test_a_limit_reads_the_first_rows_over_all_parts(ws: Workspace, tmp_path: Path) -> None:
    for shard in range(3):
        write_lines(tmp_path / "cards" / f"{shard}.jsonl", [card(shard * 10 + place) for place in range(4)])
    outcome = build(ws, tmp_path / "cards", limit=6)
    assert outcome.shards == 1
    assert list(questions(ws)) == ["0", "1", "2", "3", "10", "11"]


def test_a_crash_between_a_file_and_the_manifest_is_mended(
    ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever save of the manifest is the last one, the next run ends where an undisturbed one does."""
    source = tmp_path / "cards"
    write_lines(source / "0.jsonl", [card(1), card(2)])
    write_lines(source / "1.jsonl", [card(2, question="again"), card(3)])
    fresh = Workspace.create(tmp_path / "fresh")
    build(fresh, source)
    save = Workspace.save
    for last in range(1, 12):
        crashing = Workspace.create(tmp_path / f"crash{last}")
        calls = iter(range(last))

        def dying(self: Workspace, calls: Any = calls) -> None:
            if next(calls, None) is None:
                raise KeyboardInterrupt
            save(self)

        with monkeypatch.context() as patch:
            patch.setattr(Workspace, "save", dying)
            try:
                build(crashing, source)
            except KeyboardInterrupt:
                crashed = True
            else:
                crashed = False
        again = Workspace(crashing.path)
        build(again, source)
        assert contents(again) == contents(fresh)
        assert entries(again) == entries(fresh)
        if not crashed:
            break
    else:
        raise AssertionError("every run crashed")


def entries(ws: Workspace) -> dict[str, Any]:
    """What the manifest says of the shards, apart from times."""
    shards = ws.manifest.steps["cards"].current.shards
    return {name: entry.model_dump(exclude={"seconds", "finished"}) for name, entry in shards.items()}


def test_zero_rows_are_a_whole_step(ws: Workspace, tmp_path: Path) -> None:
    write_lines(tmp_path / "cards" / "0.jsonl", [])
    assert build(ws, tmp_path / "cards").made == {}
    assert tag(ws).made == {}
    assert ws.manifest.steps["cards"].current.complete
    assert len(ws.view("all")) == 0


def test_a_missing_source_says_what_to_name(ws: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere does not exist; --source names the folder or file of Toys"):
        build(ws, tmp_path / "nowhere")
    with pytest.raises(UsageError, match="toy_cards reads files: name their folder with --source"):
        plan_step(ws, "cards", make_step("build", {"use": "toy_cards"}))
    assert ws.manifest.steps == {}


def test_a_name_belongs_to_one_kind_of_step(ws: Workspace, tmp_path: Path) -> None:
    write_lines(tmp_path / "cards" / "0.jsonl", [card(1)])
    build(ws, tmp_path / "cards", "tags")
    with pytest.raises(UsageError, match=r"'tags' is a build step in .*; give the tag step another name"):
        tag(ws)
