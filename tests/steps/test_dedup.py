"""Dedup: every kind of duplicate with its evidence; what only looks like one stays; the same whoever makes it."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from curation import pictures
from curation.cards import LONG, built, known, run
from toys import card, write_lines

from perceptdata.curation.keys import bands
from perceptdata.curation.wording import words
from perceptdata.execution.local import Local
from perceptdata.execution.task import Task, run_shard
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import plan_step, run_step
from perceptdata.view import View, ViewSpec
from perceptdata.workspace import Workspace

pytestmark = pytest.mark.usefixtures("with_toys")


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    return built(tmp_path)


def gone(ws: Workspace, step: str = "dedup") -> dict[int, tuple[int, str]]:
    """The cards that go: of which card each is a duplicate, and by which rule."""
    return {
        number: (int(row["meta"]["of"].rpartition("/")[2]), row["meta"]["rule"])
        for number, row in known(ws, step).items()
        if row["value"] == 0
    }


def test_each_kind_of_duplicate_goes_by_its_rule(ws: Workspace) -> None:
    outcome = run(ws, "dedup", "dedup")
    assert outcome.made == {"layers/scores": 18}
    assert gone(ws) == {
        1: (0, "exact"),
        2: (0, "exact"),
        3: (0, "near_text"),
        7: (6, "near_image"),
        11: (10, "exact"),
        13: (0, "exact"),
    }
    found = known(ws, "dedup")
    assert found[2]["meta"]["answer_differs"] is True
    assert "answer_differs" not in found[1]["meta"]
    assert found[3]["meta"]["jaccard"] >= 0.8
    assert found[7]["meta"]["hash"] <= 24
    assert found[7]["meta"]["correlation"] > 0.99
    assert {row["name"] for row in found.values()} == {"unique"}


def test_what_is_near_hangs_together_in_clusters(ws: Workspace) -> None:
    run(ws, "dedup", "dedup")
    clusters = {number: row["meta"].get("cluster") for number, row in known(ws, "dedup").items()}
    assert len({clusters[number] for number in (0, 1, 2, 3, 13)}) == 1
    assert len({clusters[number] for number in (6, 7, 8, 9)}) == 1  # pictures, whatever is asked of them
    assert clusters[10] == clusters[11] != clusters[12]
    assert clusters[12] is None


def test_rows_of_one_template_are_reported_and_stay(ws: Workspace) -> None:
    run(ws, "dedup", "dedup")
    twins = {number for number, row in known(ws, "dedup").items() if row["meta"].get("template_twin")}
    assert twins == {0, 4, 14, 15}


def test_exact_alone(ws: Workspace) -> None:
    run(ws, "dedup", "dedup", near=False)
    assert gone(ws) == {1: (0, "exact"), 2: (0, "exact"), 11: (10, "exact"), 13: (0, "exact")}


def test_preferred_sources_stay_and_then_the_smallest_id(ws: Workspace, tmp_path: Path) -> None:
    write_lines(tmp_path / "more" / "a.jsonl", [card(50, question=LONG), card(51, question=LONG)])
    run(ws, "more", "build", use="toy_cards", path=tmp_path / "more")
    run(ws, "dedup", "dedup", near=False)
    assert gone(ws)[50] == (0, "exact")
    run(ws, "dedup", "dedup", near=False, prefer=["more"])
    assert gone(ws)[0] == (50, "exact")
    assert 50 not in gone(ws)


def test_no_row_goes_for_one_that_goes(tmp_path: Path) -> None:
    """Each is near the next and not the one after: with every other one gone, the rest stay."""
    text = [f"word{at}" for at in range(60)]
    rows = []
    for number in range(4):
        text[number * 15 + 5] = "changed"
        rows.append(card(number, question=" ".join(text).replace("word", "wo"), answer={"text": "1", "kind": "number"}))
    write_lines(tmp_path / "cards" / "a.jsonl", rows)
    ws = Workspace.create(tmp_path / "ws")
    run(ws, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    run(ws, "dedup", "dedup", jaccard=0.9)
    dropped = gone(ws)
    assert not {of for of, _ in dropped.values()} & dropped.keys()


def test_an_exact_duplicate_of_a_row_that_goes_names_both(tmp_path: Path) -> None:
    near = LONG.replace("lunch", "supper")
    rows = [
        card(number, question=text, answer={"text": "21", "kind": "number"})
        for number, text in enumerate((LONG, near, near))
    ]
    write_lines(tmp_path / "cards" / "a.jsonl", rows)
    ws = Workspace.create(tmp_path / "ws")
    run(ws, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    run(ws, "dedup", "dedup")
    assert gone(ws) == {1: (0, "near_text"), 2: (0, "exact")}
    assert known(ws, "dedup")[2]["meta"]["through"] == "cards/train/1"


def test_rows_keep_their_order_and_the_view_says_which_stay(ws: Workspace) -> None:
    run(ws, "dedup", "dedup")
    ids = ws.examples().to_table(columns=["id"]).column("id").to_pylist()
    assert ws.layer("dedup", "scores").to_table(columns=["example_id"]).column("example_id").to_pylist() == ids
    view = View(ws, "kept", ViewSpec(where="dedup.kept"))
    assert view.rows.column("example_id").to_pylist() == sorted(
        each for each in ids if int(each.rpartition("/")[2]) not in gone(ws)
    )
    assert view.dropped == {"not chosen": 6}


def test_the_same_bytes_from_two_workers(ws: Workspace, tmp_path: Path) -> None:
    run(ws, "dedup", "dedup")
    one = [ws.file(file).read_bytes() for _, _, _, file in ws.shards("layers/scores", "dedup")]
    other = built(tmp_path / "other")
    run(other, "dedup", "dedup", Local(workers=2))
    assert [other.file(file).read_bytes() for _, _, _, file in other.shards("layers/scores", "dedup")] == one


def test_nothing_is_done_again_and_a_new_row_is_seen(ws: Workspace, tmp_path: Path) -> None:
    run(ws, "dedup", "dedup")
    before = {path: path.stat().st_mtime_ns for path in (ws.path / "cache").rglob("*.parquet")}
    assert run(ws, "dedup", "dedup").skipped == 2
    write_lines(tmp_path / "more" / "a.jsonl", [card(50, question=LONG)])
    run(ws, "more", "build", use="toy_cards", path=tmp_path / "more")
    run(ws, "dedup", "dedup")
    assert gone(ws)[50] == (0, "exact")
    kept = {path: path.stat().st_mtime_ns for path in before}
    assert kept == before  # prints and keys were made once


def test_a_run_that_was_killed_before_its_closing_pass_goes_on(ws: Workspace) -> None:
    step = make_step("dedup", {})
    with ws.lock("test"):
        state = ws.begin("dedup", step.fingerprint, "dedup", step.identity(), 2)
        for task in plan_step(ws, "dedup", step).shards:
            state.shards[task.name] = run_shard(
                Task(ws.path, "dedup", step.fingerprint, task.name, task.digest, task.about, task.work)
            )
        ws.save()
    assert ws.layer("dedup", "scores").count_rows() == 0
    with ws.lock("test"):
        run_step(ws, "dedup", step)
    assert len(known(ws, "dedup")) == 18


def test_a_picture_that_cannot_be_decoded_is_compared_by_its_bytes(tmp_path: Path) -> None:
    broken = bytearray(pictures.png(pictures.drawing(0)))
    at = broken.index(b"IDAT") + 30
    broken[at : at + 40] = b"\0" * 40  # header and end are sound
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "x.png").write_bytes(bytes(broken))
    row = {"question": "<image>What?", "images": ["x.png"], "stage": "perception"}
    write_lines(
        tmp_path / "cards" / "a.jsonl",
        [card(0, **row, answer={"text": "1", "kind": "text"}), card(1, **row, answer={"text": "1", "kind": "text"})],
    )
    ws = Workspace.create(tmp_path / "ws")
    run(ws, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    run(ws, "dedup", "dedup")
    assert gone(ws) == {1: (0, "exact")}
    prints = pq.read_table(next((ws.path / "cache" / "prints").glob("*.parquet"))).to_pylist()
    assert prints[0]["problem"].startswith("image.")


def test_near_texts_share_a_band() -> None:
    made = bands([words(LONG), words(LONG.replace("lunch", "supper")), words("something else altogether")])
    assert (made[0] == made[1]).any()
    assert not (made[0] == made[2]).any()
