"""Wrong answers read by people: planned, pushed, pulled and adjudicated like any review, and what blame makes of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perceptdata import llm
from perceptdata.agreement.verdicts import compare_verdicts, read_verdicts
from perceptdata.errors import UsageError
from perceptdata.review import JsonLines, ReviewPlan, tasks_of
from perceptdata.steps.blame import attribute, blame, plan_audit, read_audit, wrong_answers
from perceptdata.steps.declared import make_format
from perceptdata.steps.reviews import adjudicate, pull, push
from perceptdata.workspace import Workspace

from diagnosis.conftest import FORMAT, Found  # isort: skip
from llm.server import Say, Server  # isort: skip
from review.reading import Row, fill_in, lines, plan  # isort: skip

FORM = make_format(FORMAT)


@pytest.fixture(scope="module")
def found(diagnosed_as: Callable[..., Found]) -> Found:
    """It sees 40 % of the grids; nobody writes to the workspace."""
    return diagnosed_as(("image",), a_p=0.4, a_r=0.9, items=80)


@pytest.fixture
def ws(found: Found, tmp_path: Path) -> Workspace:
    import shutil

    shutil.copytree(found.ws.path, tmp_path / "ws")
    return Workspace(tmp_path / "ws")


def blamed(**changed: Any) -> ReviewPlan:
    """All wrong answers, half of them read by both."""
    return plan(
        **{
            "name": "blamed",
            "screen": "errors",
            "layers": ("diag_image",),
            "budget": 200,
            "overlap": 2,
            "shared": 0.5,
            "blind": 1.0,
            **changed,
        }
    )


def true(at: int, row: Row) -> Row:
    """What the scene tells, read off the response: a misread grid stands before the question's own answer."""
    return {**row, "verdict": "perception", "seconds": 9, "spans": [{"text": "<description>", "label": "wrong"}]}


def other(at: int, row: Row) -> Row:
    """Another kind for each third."""
    return {**row, "verdict": "perception" if at % 3 else "knowledge"}


def read_by_both(
    ws: Workspace, folder: Path, first: Callable[[int, Row], Row], second: Callable[[int, Row], Row]
) -> Any:
    """Plan, push, fill in, pull."""
    with ws.lock("test"):
        plan_audit(ws, blamed(), FORM)
        place = JsonLines(ws, folder)
        push(ws, "blamed", place)
        fill_in(folder / "ann.jsonl", first)
        fill_in(folder / "bob.jsonl", second)
        return pull(ws, "blamed", place)


def test_readers_see_the_wrong_answers_alone_and_blind(ws: Workspace, tmp_path: Path) -> None:
    wrong = {each.address: each for each in wrong_answers(ws, "diag_image", FORM)}
    with ws.lock("test"):
        planned = plan_audit(ws, blamed(), FORM)
        push(ws, "blamed", JsonLines(ws, tmp_path / "sheets"))
    assert (planned.texts, planned.candidates) == (len(wrong), len(wrong))
    assert planned.tasks == len(wrong) + round(len(wrong) / 2)
    for row in lines(tmp_path / "sheets" / "ann.jsonl"):
        known = wrong[row["item"]]
        assert (row["question"], row["answer"], row["cot"]) == (
            known.example.question,
            known.example.answer.text,
            known.text,
        )
        assert (row["spans"], row["verdict"], row["done"], row["guessed_by"]) == ([], None, False, None)
        assert (tmp_path / "sheets" / row["image"]).read_bytes().startswith(b"\x89PNG")


def test_from_the_sheets_to_the_shares(ws: Workspace, tmp_path: Path) -> None:
    taken = read_by_both(ws, tmp_path / "sheets", true, other)
    assert taken.rejected == {}
    (said,) = read_verdicts(ws, ["blamed"])
    agreed = compare_verdicts(said, 0)["agreed", "blamed:ann~blamed:bob"].value
    assert (said.what, set(said.words)) == ("errors", {"perception", "knowledge"})
    assert 0.4 < agreed < 0.9
    wrong = wrong_answers(ws, "diag_image", FORM)
    rows = ws.layer("blamed", "reviews").to_table().to_pylist()
    assert {row["scheme"] for row in rows} == {"first_wrong@1"}
    (mark,) = next(row["spans"] for row in rows if row["reviewer"] == "ann")
    assert (mark["start"], mark["end"], mark["label"]) == (0, len("<description>"), "wrong")
    stands = read_audit(ws, "blamed", "diag_image", wrong)
    disputed = round((1 - agreed) * said.shared)
    assert len(stands) == len(wrong) - disputed
    with ws.lock("test"):
        assert adjudicate(ws, "blamed") == (disputed, disputed)
        place = JsonLines(ws, tmp_path / "sheets")
        push(ws, "blamed", place)
        (first, *_) = lines(tmp_path / "sheets" / "last.jsonl")
        assert first["readings"].startswith("reading 1: perception; wrong “<description>”\nreading 2: knowledge")
        fill_in(tmp_path / "sheets" / "last.jsonl", true)
        pull(ws, "blamed", place)
    stands = read_audit(ws, "blamed", "diag_image", wrong)
    assert len(stands) == len(wrong)
    shares = blame(ws, "diag", "diag_image", FORM, [], audited="blamed").attribution
    assert (shares.basis, shares.wrong, shares.unjudged, shares.enough) == ("said by people", len(wrong), 0, True)
    told = {each.kind: each.corrected for each in shares.shares}
    assert told["perception"] == pytest.approx(sum(kind == "perception" for kind in stands.values()) / len(wrong))
    assert told["knowledge"] == pytest.approx(1 - told["perception"])
    assert "none" not in told


def test_a_judge_is_corrected_by_what_stands(ws: Workspace, tmp_path: Path) -> None:
    # It calls every answer calculation, and people say that none is: theirs counts, and how often it is right is told.
    read_by_both(ws, tmp_path / "sheets", true, true)

    def judge(asked: dict[str, Any], times: int) -> Say:
        return Say.text(json.dumps({"first_wrong": 1, "kind": "calculation"}))

    with Server(judge) as server, ws.lock("test"):
        endpoint = llm.Endpoint(urls=(server.url,), model="judge")
        done = blame(ws, "diag", "diag_image", FORM, [endpoint], audited="blamed")
    row = done.words.to_pylist()[0]
    assert (row["said"], row["people"], row["scene"]) == ("calculation", "perception", "perception")
    assert row["words"] == [{"judge": "judge", "kind": "calculation", "piece": "<description>"}]
    found = done.attribution
    assert found.basis == "said by people of some, and by the judge of all"
    assert {each.kind: each.corrected for each in found.shares}["perception"] == 1.0
    assert found.accuracy is not None
    assert found.accuracy.value == 0.0
    assert found.confusion == {"perception": {"calculation": found.wrong}}


@pytest.mark.parametrize(
    ("answer", "code", "why"),
    [
        ({"verdict": "fate"}, "review.verdict", "the verdict 'fate'; it is one of perception, reasoning"),
        (
            {"verdict": "none", "spans": [{"start": 0, "end": 4, "label": "wrong"}]},
            "review.verdict",
            "nothing is wrong",
        ),
        ({"verdict": "reasoning", "spans": [{"start": 0, "end": 4, "label": "bad"}]}, "review.label", "is no label"),
        ({"verdict": "reasoning", "cot": "x"}, "review.place", "answers count for what was shown alone"),
    ],
)
def test_what_cannot_count_says_why(ws: Workspace, tmp_path: Path, answer: Row, code: str, why: str) -> None:
    taken = read_by_both(
        ws, tmp_path / "sheets", lambda at, row: {**row, **answer} if at == 0 else row, lambda _, row: row
    )
    assert taken.rejected == {code: 1}
    (message,) = ws.rejects("blamed").to_table().column("message").to_pylist()
    assert why in message


def test_none_is_a_kind_where_somebody_says_it(ws: Workspace, tmp_path: Path) -> None:
    read_by_both(ws, tmp_path / "sheets", lambda _, row: {**row, "verdict": "none"}, lambda _, row: row)
    shares = blame(ws, "diag", "diag_image", FORM, [], audited="blamed").attribution
    assert {each.kind: each.corrected for each in shares.shares}["none"] == 1.0
    assert shares.unjudged > 0  # bob has read nothing


def test_wrong_use(ws: Workspace, tmp_path: Path) -> None:
    wrong = wrong_answers(ws, "diag_image", FORM)
    with pytest.raises(UsageError, match="there is no review 'blamed'"):
        read_audit(ws, "blamed", "diag_image", wrong)
    with ws.lock("test"):
        plan_audit(ws, blamed(), FORM)
    with pytest.raises(UsageError, match="nobody has answered review 'blamed' yet"):
        read_audit(ws, "blamed", "diag_image", wrong)
    with pytest.raises(UsageError, match="asks other things than what went wrong in 'other_image'"):
        read_audit(ws, "blamed", "other_image", wrong)
    assert len(tasks_of(ws, blamed()))
    for more in ({"gold": "diag_image"}, {"blind": 0.5}, {"select": "uncertainty"}):
        with pytest.raises(ValueError, match="is read blind, drawn by chance, and has no known answers"):
            blamed(**more)


def test_answers_that_are_others_by_now_do_not_count(ws: Workspace, tmp_path: Path) -> None:
    read_by_both(ws, tmp_path / "sheets", true, true)
    now = [each._replace(text=f"{each.text} again") for each in wrong_answers(ws, "diag_image", FORM)]
    with pytest.raises(UsageError, match="is of other answers than those of 'diag_image' today"):
        read_audit(ws, "blamed", "diag_image", now)
    half = now[:3] + wrong_answers(ws, "diag_image", FORM)[3:]
    assert len(read_audit(ws, "blamed", "diag_image", half)) == len(half) - 3


def test_few_readings_leave_the_correction_to_known_scenes(ws: Workspace) -> None:
    from perceptdata.diagnosis.attribution import Labelled

    known = [Labelled(address=str(at), group=str(at), said="perception", truth="perception") for at in range(40)]
    open_ones = [Labelled(address=f"n{at}", group=f"n{at}", said="perception") for at in range(40)]
    few = {f"n{at}": "reasoning" for at in range(5)}
    assert attribute([*known, *open_ones], few).basis == "corrected by exact labels"
    assert attribute(open_ones, few).basis == "said by people of some, and by the judge of all"
    assert not attribute(open_ones, few).enough
    silent = [each.model_copy(update={"said": None}) for each in (*known, *open_ones)]
    assert attribute(silent, few).basis == "said by people"
