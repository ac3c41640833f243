"""An audit as a review: blind, complete, and an answer that was taken in stands."""

import json
from pathlib import Path

import audited
import pytest
from review.reading import fill_in, lines, plan

from perceptdata.errors import UsageError
from perceptdata.layers import Review, text_sha256
from perceptdata.review import JsonLines, Sample, load_plan, make_audit, make_plan, progress, tasks_of
from perceptdata.review.answers import Answer, as_reviews
from perceptdata.review.auditing import audit_tasks
from perceptdata.review.rows import PRODUCER
from perceptdata.steps.reviews import adjudicate, pull, push, reviews_of
from perceptdata.workspace import Workspace


@pytest.fixture
def sample(ws: Workspace) -> Sample:
    return make_audit(ws, audited.design(), "one")


@pytest.fixture
def place(ws: Workspace, sample: Sample, tmp_path: Path) -> JsonLines:
    found = JsonLines(ws, tmp_path / "read")
    push(ws, "one", found)
    return found


def taken(ws: Workspace, place: JsonLines, kind: str = "person") -> tuple[list[Review], dict[str, str]]:
    """Pull; the answers, and why others do not count."""
    with ws.lock("test"):
        pull(ws, "one", place, kind)
    rejects = ws.rejects("one").to_table().to_pylist() if ws.shards("rejects", "one") else []
    return reviews_of(ws, "one"), {row["code"]: row["message"] for row in rejects}


def test_a_sheet_shows_what_is_asked_and_nothing_of_traps(sample: Sample, place: JsonLines) -> None:
    turns = {turn.item: turn for turn in sample.turns}
    seen = set()
    keys = ["item", "screen", "content", "image", "caption", "claim", "start", "end", "text_sha256"]
    for reader in sample.design.readers:
        rows = lines(place.folder / f"{reader}.jsonl")
        assert [row["item"] for row in rows] == [turn.item for turn in sample.turns if turn.reader == reader]
        for row in rows:
            assert list(row) == [*keys, "verdict", "seconds", "note", "skipped"]
            assert row["caption"][row["start"] : row["end"]] == row["claim"]
            assert row["text_sha256"] == text_sha256(row["caption"])
            assert (row["verdict"], row["seconds"]) == (None, None)
            assert (place.folder / row["image"]).read_bytes()[:4] == b"\x89PNG"
            asked = sample.asked(turns[row["item"]])
            if turns[row["item"]].trap is not None:
                assert row["claim"] == asked.model_dump()["false"]
            seen.add(row["item"])
    assert seen == set(turns)
    rows = lines(place.folder / "reader-1.jsonl")
    places = [at for at, row in enumerate(rows) if turns[row["item"]].trap is not None]
    assert places[0] < len(rows) / 2 < places[-1]  # among the others, not behind them


def test_a_place_gets_the_claim_where_it_stands(ws: Workspace, sample: Sample) -> None:
    for task in tasks_of(ws, load_plan(ws, "one")):
        assert task.focus is not None
        assert task.texts["caption"][task.focus.start : task.focus.end] == task.texts["claim"]
        assert (task.guesses, task.verdict, task.guessed_by) == ((), None, None)
        assert task.image in ws.images


def test_answers_are_taken_in_once_and_stand(ws: Workspace, sample: Sample, place: JsonLines) -> None:
    file = place.folder / "reader-1.jsonl"
    fill_in(file, lambda at, row: {**row, "verdict": "supported", "seconds": 10} if at < 5 else row)
    rows, refused = taken(ws, place)
    assert (len(rows), refused) == (5, {})
    assert {(row.reviewer, row.scheme, row.meta["kind"]) for row in rows} == {("reader-1", "verdicts@1", "person")}
    stands = progress(sample, reviews_of(ws, "one"))
    assert (stands.read, stands.unread, stands.waiting, stands.seconds) == (5, len(sample.turns) - 5, (), 10.0)
    active = ws.manifest.steps["one"].active
    assert taken(ws, place, "model")[0] == rows  # the same answers again are the same
    assert ws.manifest.steps["one"].active == active
    fill_in(file, lambda at, row: {**row, "verdict": "contradicted"} if at == 0 else row)
    again, refused = taken(ws, place)
    assert again == rows
    assert "was answered supported before, and contradicted now" in refused["review.stands"]
    fill_in(file, lambda at, row: {**row, "verdict": None} if at == 1 else row)
    again, refused = taken(ws, place)
    assert again == rows
    assert "it was taken in and stands" in refused["review.gone"]


def test_answers_that_cannot_count_are_named_and_the_rest_goes_on(
    ws: Workspace, sample: Sample, place: JsonLines
) -> None:
    edits = [
        {"item": "0" * 12},
        {"caption": "Another caption."},
        {"claim": "Another claim."},
        {"text_sha256": "0" * 64},
        {"content": "0" * 64},
        {"verdict": "yes"},
        {"skipped": True},
    ]
    file = place.folder / "reader-1.jsonl"
    fill_in(file, lambda at, row: {**row, "verdict": "supported"} | (edits[at] if at < len(edits) else {}))
    rows, _ = taken(ws, place)
    assert len(rows) == len(lines(file)) - len(edits)
    told = sorted(row["message"] for row in ws.rejects("one").to_table().to_pylist())
    assert sum("was changed; answers count for what was shown alone" in each for each in told) == 3
    assert sum("which this review does not ask about" in each for each in told) == 1
    assert sum("as it was not planned" in each for each in told) == 1
    assert sum("the verdict 'yes'; it is one of supported, contradicted, not_visible" in each for each in told) == 1
    assert sum("skipped" in each for each in told) == 1


def test_what_somebody_failed_gets_a_last_word_traps_included(ws: Workspace, sample: Sample, place: JsonLines) -> None:
    turns = {turn.item: turn for turn in sample.turns}
    items = [row["item"] for row in lines(place.folder / "reader-1.jsonl")]
    trap = next(item for item in items if turns[item].trap is not None)
    claim = next(item for item in items if turns[item].trap is None)
    failed = {(turns[item].claim, turns[item].trap) for item in (trap, claim)}
    for reader in sample.design.readers:
        fill_in(
            place.folder / f"{reader}.jsonl",
            lambda at, row: {**row, "verdict": "not_visible" if row["item"] in (trap, claim) else "supported"},
        )
    taken(ws, place)
    assert {(turn.claim, turn.trap) for turn in progress(sample, reviews_of(ws, "one")).waiting} == failed
    with ws.lock("test"):
        assert adjudicate(ws, "one") == (2, 2)
        assert adjudicate(ws, "one") == (0, 2)
    push(ws, "one", place)
    last = lines(place.folder / "last.jsonl")
    assert [row["item"] for row in last] == sorted(row["item"] for row in last)  # an order that tells nothing
    fill_in(place.folder / "last.jsonl", lambda at, row: {**row, "verdict": "contradicted"})
    taken(ws, place)
    assert progress(sample, reviews_of(ws, "one")).waiting == ()


def test_a_name_that_is_taken_and_captions_that_changed_are_said(ws: Workspace, sample: Sample) -> None:
    with pytest.raises(UsageError, match="was drawn already, otherwise"):
        make_audit(ws, audited.design(seed=8), "one")
    with pytest.raises(UsageError, match="'caps' is a caption step"):
        make_audit(ws, audited.design(), "caps")
    assert make_audit(ws, audited.design(), "one") == sample
    make_plan(ws, plan(layers=(), captions="caps", screen="captions"))
    with pytest.raises(UsageError, match="'people' is another review"):
        make_audit(ws, audited.design(), "people")
    with pytest.raises(UsageError, match="readers are person, simulated, model"):
        as_reviews(sample, [Answer(sample.turns[0], "supported", None)], "expert", PRODUCER)
    (folder,) = (ws.path / "reviews/one",)
    assert json.loads((folder / "sample.json").read_text())["traps"]
    other = sample.model_copy(update={"claims": (sample.claims[0].model_copy(update={"text_sha256": "0" * 64}),)})
    with pytest.raises(UsageError, match="is another text than the one that audit 'one' was drawn from"):
        list(audit_tasks(ws, other, [turn for turn in sample.turns if turn.claim == 0]))
