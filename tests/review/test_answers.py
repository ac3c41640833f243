"""Sheets out and answers in: blind, complete, and nothing twice."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import audited
import pytest

from perceptdata.errors import UsageError
from perceptdata.layers import text_sha256
from perceptdata.review import Sample, draw, progress, read_answers, write_last_words, write_sheets
from perceptdata.review.answers import as_reviews, merged
from perceptdata.review.sheets import caption_texts
from perceptdata.steps.reviews import PRODUCER, reviews_of, take_in
from perceptdata.workspace import Workspace


@pytest.fixture
def sample(ws: Workspace) -> Sample:
    return draw(ws, audited.design(), "one")


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]


def test_a_sheet_shows_what_is_asked_and_nothing_of_traps(ws: Workspace, sample: Sample, tmp_path: Path) -> None:
    files = write_sheets(ws, sample, tmp_path / "read")
    assert [file.name for file in files] == ["reader-1.jsonl", "reader-2.jsonl"]
    turns = {turn.item: turn for turn in sample.turns}
    seen = set()
    for file in files:
        rows = lines(file)
        assert [row["item"] for row in rows] == [turn.item for turn in sample.turns if turn.reader == file.stem]
        for row in rows:
            assert set(row) == {
                *("item", "image", "caption", "claim", "start", "end", "text_sha256", "verdict", "seconds")
            }
            assert row["caption"][row["start"] : row["end"]] == row["claim"]
            assert row["text_sha256"] == text_sha256(row["caption"])
            assert (row["verdict"], row["seconds"]) == (None, None)
            assert (file.parent / row["image"]).read_bytes()[:4] == b"\x89PNG"
            asked = sample.asked(turns[row["item"]])
            if turns[row["item"]].trap is not None:
                assert row["claim"] == asked.model_dump()["false"]
            seen.add(row["item"])
    assert seen == set(turns)
    places = [at for at, row in enumerate(lines(files[0])) if turns[row["item"]].trap is not None]
    assert places[0] < len(lines(files[0])) / 2 < places[-1]  # among the others, not behind them
    with pytest.raises(UsageError, match="is there already, and may hold answers"):
        write_sheets(ws, sample, tmp_path / "read")


def change(key: str, value: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda row: {**row, key: value}


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (change("item", "0" * 12), "is not of audit 'one'"),
        (change("caption", "Another caption."), "the caption of item .* was changed"),
        (change("claim", "Another claim."), "the claim of item .* was changed"),
        (change("text_sha256", "0" * 64), "the text_sha256 of item .* was changed"),
        (change("verdict", "yes"), "the verdict is 'yes'; write one of supported, contradicted, not_visible"),
        (change("seconds", -1), "seconds are a number of 0 or more"),
        (change("seconds", "12"), "seconds are a number of 0 or more"),
    ],
)
def test_answers_that_cannot_count_are_refused_with_their_line(
    ws: Workspace, sample: Sample, tmp_path: Path, edit: Callable[[dict[str, Any]], dict[str, Any]], message: str
) -> None:
    (file, _) = write_sheets(ws, sample, tmp_path / "read")
    rows = [{**row, "verdict": "supported"} for row in lines(file)]
    rows[3] = edit(rows[3])
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with pytest.raises(UsageError, match=f"line 4: .*{message}"):
        read_answers([file], sample, caption_texts(ws, sample))


@pytest.mark.parametrize(("text", "message"), [("{", "this is no JSON"), ("[]", "a line is one JSON object")])
def test_what_is_no_sheet_is_named(ws: Workspace, sample: Sample, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.jsonl").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_answers([tmp_path / "bad.jsonl"], sample, {})
    with pytest.raises(UsageError, match="cannot be read as a sheet"):
        read_answers([tmp_path / "none.jsonl"], sample, {})


def test_nothing_is_lost_and_nothing_counts_twice(ws: Workspace, sample: Sample, tmp_path: Path) -> None:
    texts = caption_texts(ws, sample)
    files = write_sheets(ws, sample, tmp_path / "read")
    rows = lines(files[0])
    some = [{**row, "verdict": "supported", "seconds": 10} if at < 5 else row for at, row in enumerate(rows)]
    files[0].write_text("".join(json.dumps(row) + "\n" for row in some), encoding="utf-8")
    given = as_reviews(sample, read_answers(files, sample, texts), "person", PRODUCER)
    assert len(given) == 5
    with ws.lock("test"):
        take_in(ws, "one", given)
        take_in(ws, "one", merged(reviews_of(ws, "one"), given))
    kept = reviews_of(ws, "one")
    assert kept == sorted(given, key=lambda row: row.meta["item"])
    stands = progress(sample, kept)
    assert (stands.read, stands.unread, stands.waiting, stands.seconds) == (5, len(sample.turns) - 5, (), 10.0)
    other = [given[0].model_copy(update={"verdict": "contradicted"})]
    with pytest.raises(UsageError, match="was answered supported before, and contradicted now"):
        merged(kept, other)
    machine = [given[0].model_copy(update={"meta": {**given[0].meta, "kind": "model"}})]
    with pytest.raises(UsageError, match="taken in as of a person reader, not model"):
        merged(kept, machine)
    doubled = tmp_path / "doubled.jsonl"
    doubled.write_text(
        "".join(json.dumps({**rows[0], "verdict": word}) + "\n" for word in ("supported", "not_visible"))
    )
    with pytest.raises(UsageError, match="has two answers, supported and not_visible"):
        read_answers([doubled], sample, texts)
    with pytest.raises(UsageError, match="readers are person, simulated, model"):
        as_reviews(sample, [], "expert", PRODUCER)


def test_what_somebody_failed_gets_a_last_word_traps_included(ws: Workspace, sample: Sample, tmp_path: Path) -> None:
    texts = caption_texts(ws, sample)
    files = write_sheets(ws, sample, tmp_path / "read")
    turns = {turn.item: turn for turn in sample.turns}
    trap = next(row["item"] for row in lines(files[0]) if turns[row["item"]].trap is not None)
    claim = next(row["item"] for row in lines(files[0]) if turns[row["item"]].trap is None)
    for file in files:
        answered = [
            {**row, "verdict": "not_visible" if row["item"] in (trap, claim) else "supported"} for row in lines(file)
        ]
        file.write_text("".join(json.dumps(row) + "\n" for row in answered), encoding="utf-8")
    rows = as_reviews(sample, read_answers(files, sample, texts), "person", PRODUCER)
    waiting = progress(sample, rows).waiting
    assert {(turn.claim, turn.trap) for turn in waiting} == {
        (turns[item].claim, turns[item].trap) for item in (trap, claim)
    }
    last = write_last_words(ws, sample, progress(sample, rows), tmp_path / "last")
    assert len(lines(last)) == 2
    last.write_text("".join(json.dumps({**row, "verdict": "contradicted"}) + "\n" for row in lines(last)))
    rows = merged(rows, as_reviews(sample, read_answers([last], sample, texts), "person", PRODUCER))
    assert progress(sample, rows).waiting == ()
    with pytest.raises(UsageError, match="waits for a last word"):
        write_last_words(ws, sample, progress(sample, rows), tmp_path / "again")
    other = draw(ws, audited.design(seed=8), "two")
    with pytest.raises(UsageError, match="is not of audit 'two'"):
        progress(other, rows)
