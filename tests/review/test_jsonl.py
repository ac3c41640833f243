"""Files as a place to read: idempotent out, complete in, and nothing that somebody wrote is lost."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from review.reading import Row, agree, fill_in, lines

from perceptdata.errors import UsageError
from perceptdata.review import JsonLines, Pushed, Region, Task
from perceptdata.workspace import Workspace

COT = "<think>🙂 two\u2028cups\u0085, $x$ & <b>\n</think>"


def task(key: str = "t1", **changed: Any) -> Task:
    guess = (Region("cot", 7, 13, "perception", 0.5, "prediction"),)
    given: Row = {
        "key": key,
        "reader": "ann",
        "content": f"c{key}" * 8,
        "screen": "spans",
        "texts": {"question": "", "cot": COT},
        "guesses": guess,
        "guessed_by": "tags@1",
    }
    return Task(**{**given, **changed})


@pytest.fixture
def place(traces: Workspace, tmp_path: Path) -> JsonLines:
    return JsonLines(traces, tmp_path / "sheets")


def test_pushing_again_adds_what_is_missing_and_touches_no_answer(place: JsonLines) -> None:
    assert place.push([task("t1"), task("t2")]) == Pushed(new=2)
    file = place.folder / "ann.jsonl"
    fill_in(file, lambda at, row: agree(at, row) if at == 0 else row)
    before = file.read_bytes().split(b"\n")
    again = [task(name, guessed_by="tags@2", guesses=()) for name in ("t1", "t2", "t3")]
    assert place.push([*again, task("t9", reader="bob")]) == Pushed(new=2, known=2, guesses=1)
    after = file.read_bytes().split(b"\n")
    assert after[0] == before[0]  # answered: as it was
    assert [row["spans"] for row in lines(file)[1:]] == [[], []]
    assert [row["item"] for row in lines(file)] == ["t1", "t2", "t3"]
    assert place.push(again) == Pushed(known=3)
    assert file.read_bytes().split(b"\n") == after
    assert place.push([task("t1", content="other" * 8)]) == Pushed(revised=1)
    assert [row["content"][:5] for row in lines(file) if row["item"] == "t1"] == ["ct1ct", "other"]
    assert sorted(path.name for path in place.folder.iterdir()) == ["ann.jsonl", "bob.jsonl", "images"]


def test_a_line_that_nobody_can_read_is_kept_and_named(place: JsonLines) -> None:
    place.push([task("t1")])
    file = place.folder / "ann.jsonl"
    file.write_bytes(file.read_bytes() + b"{half a line\n\n[1]\n")
    assert place.push([task("t2")]) == Pushed(new=1)
    assert b"{half a line\n[1]\n" in file.read_bytes()
    pulled = place.pull(None, [])
    assert [*pulled.refused] == [f"{file}, line 2", f"{file}, line 3"]
    assert "this is no JSON" in pulled.refused[f"{file}, line 2"]
    (finding,) = (each for each in place.doctor() if each.name == "sheets")
    assert not finding.ok
    assert "line 2: this is no JSON" in finding.message


def test_answers_come_back_as_they_were_given(place: JsonLines) -> None:
    place.push([task(f"t{at}") for at in range(4)])
    file = place.folder / "ann.jsonl"
    assert place.pull(None, []).annotations == ()
    found = [{"start": 7, "end": 12, "label": "perception"}, {"text": "$x$ & <b>", "label": "reasoning"}]
    answers: list[Row] = [
        {"spans": found, "done": True, "seconds": 12.5, "note": "hm"},
        {"skipped": True, "note": "dark"},
        {"spans": found},  # not done: somebody is at it
        {},
    ]
    fill_in(file, lambda at, row: {**row, **answers[at]})
    pulled = place.pull(None, [])
    first, second = pulled.annotations
    assert [COT[each.start : each.end] for each in first.regions] == ["🙂 two", "$x$ & <b>"]
    assert (first.key, first.reader, first.seconds, first.note) == ("t0", "ann", 12.5, "hm")
    assert (second.skipped, second.note) == (True, "dark")
    assert sorted(place.waiting()) == [
        ("t0", "ann", True),
        ("t1", "ann", True),
        ("t2", "ann", False),
        ("t3", "ann", False),
    ]
    known = [each.id for each in pulled.annotations]
    fill_in(file, lambda at, row: {**row, "done": False, "skipped": False})
    assert place.pull(None, known).gone == tuple(known)
    file.write_text("")
    assert place.pull(None, known).gone == ()  # a line that is lost says nothing


def change(**changed: Any) -> Callable[[int, Row], Row]:
    return lambda at, row: {**agree(at, row), **changed}


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (change(cot="another text"), "the text of item t1 was changed; answers count for what was shown alone"),
        (change(screen="pictures"), "has no screen of ours"),
        (change(seconds="12"), "seconds are a number of 0 or more"),
        (change(seconds=-1), "seconds are a number of 0 or more"),
        (change(rating=9), "the rating of item t1 is 9; write 1 to 5"),
        (change(note=3), "the note of item t1 is 3"),
        (change(spans="x"), "the spans of item t1 are no list"),
        (change(spans=[{"start": 1}]), 'is no {"start", "end", "label"}'),
        (change(spans=[{"start": "1", "end": 2, "label": "other"}]), "start and end are whole numbers"),
        (change(spans=[{"text": "o", "label": "other"}]), "'o' is there 1 times|'o' is there 2 times"),
        (change(spans=[{"text": "no such", "label": "other"}]), "is there 0 times; give start and end"),
        (change(item=4), "one JSON object, with the item and content"),
    ],
)
def test_a_line_changed_by_hand_is_refused_with_its_place(
    place: JsonLines, edit: Callable[[int, Row], Row], says: str
) -> None:
    place.push([task("t1", texts={"cot": COT + "o"}), task("t2")])
    fill_in(place.folder / "ann.jsonl", lambda at, row: edit(at, row) if at == 0 else agree(at, row))
    pulled = place.pull(None, [])
    assert [each.key for each in pulled.annotations] == ["t2"]  # the rest goes on
    ((where, told),) = pulled.refused.items()
    assert where.endswith("ann.jsonl, line 1")
    import re

    assert re.search(says, told)


def test_two_answers_to_one_item_are_neither(place: JsonLines) -> None:
    place.push([task("t1")])
    file = place.folder / "ann.jsonl"
    fill_in(file, agree)
    line = json.loads(file.read_text())
    file.write_text(json.dumps(line) + "\n" + json.dumps({**line, "seconds": 3}) + "\n")
    assert len(place.pull(None, []).annotations) == 1  # the same answer twice is one
    other = {**line, "spans": [{"start": 0, "end": 3, "label": "other"}]}
    file.write_text("".join(json.dumps(each) + "\n" for each in (line, other, line)))
    pulled = place.pull(None, ["ann/t1/ct1ct1ct1ct1"])
    assert (pulled.annotations, pulled.gone) == ((), ())
    assert "item t1 has two answers that differ; keep one" in next(iter(pulled.refused.values()))


def test_a_blind_line_with_spans_says_when_it_is_done(place: JsonLines) -> None:
    place.push([task("t1", guesses=(), guessed_by=None)])
    fill_in(place.folder / "ann.jsonl", lambda at, row: {**row, "spans": [{"start": 0, "end": 3, "label": "other"}]})
    (told,) = place.pull(None, []).refused.values()
    assert "item t1 has spans and is not done; set done to true" in told


def test_what_is_no_folder_of_sheets_is_said(place: JsonLines, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no sheet in"):
        place.pull(None, [])
    assert place.doctor()[0].ok  # nothing has been pushed yet
    with pytest.raises(UsageError, match=r"is not in .* any more"):
        place.push([task("t1", image="f" * 64)])
    place.folder.mkdir(exist_ok=True)
    (place.folder / "bad.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read as a sheet"):
        place.pull(None, [])
