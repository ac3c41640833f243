"""Planning: the same tasks every time, checks that nobody can tell apart, revisions beside what was read."""

import json
from collections import Counter
from typing import Any

import pytest
from pydantic import ValidationError
from review.reading import plan

from perceptdata.errors import UsageError
from perceptdata.layers import SpanRecord
from perceptdata.review import ReviewPlan, Task, load_plan, make_plan, revise, tasks_of
from perceptdata.review.checks import painted, turned
from perceptdata.spans import PRO
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.workspace import Workspace


def rows(ws: Workspace, planned: ReviewPlan) -> list[dict[str, Any]]:
    return list(tasks_of(ws, planned).rows())


def test_a_plan_draws_the_same_tasks_to_the_byte(traces: Workspace) -> None:
    planned = plan(overlap=2, shared=0.5, layers=("tags", "rough"), select="disagreement")
    found = make_plan(traces, planned)
    assert (found.candidates, found.texts, found.tasks, found.strata) == (24, 10, 15, {"own": 10})
    assert sorted(found.people.values()) == [7, 8]
    path = tasks_of(traces, planned).path
    before = path.read_bytes()
    path.unlink()
    path.with_name("plan.json").unlink()  # killed before it was whole
    make_plan(traces, planned)
    assert path.read_bytes() == before
    assert make_plan(traces, planned) == found
    assert load_plan(traces, "people") == planned
    with pytest.raises(UsageError, match="was planned already, otherwise; people may be reading it"):
        make_plan(traces, plan(budget=3))
    with pytest.raises(UsageError, match="was planned already, otherwise"):
        make_plan(traces, planned.model_copy(update={"backend": "label-studio"}))
    make_plan(traces, planned.model_copy(update={"options": {"people": {"ann": "ann@example.org"}}}))
    assert load_plan(traces, "people").options == {"people": {"ann": "ann@example.org"}}
    assert path.read_bytes() == before
    with pytest.raises(UsageError, match="'tags' is a tag step"):
        make_plan(traces, plan(name="tags"))


def test_tasks_show_text_question_and_pre_annotation_and_nothing_else(traces: Workspace) -> None:
    planned = plan(blind=0.5)
    make_plan(traces, planned)
    tasks = tasks_of(traces, planned)
    assert len(tasks) == 10
    assert [tasks[at] for at in range(len(tasks))] == list(tasks) == list(tasks[0:10])
    assert tasks[-1] == tasks[9]
    spans = {row["text_id"]: row["spans"] for row in traces.layer("tags", "spans").to_table().to_pylist()}
    hidden = 0
    for task, row in zip(tasks, rows(traces, planned), strict=True):
        assert "\r" not in task.texts["cot"]
        assert task.texts["question"].startswith("How many?")
        own = [(each["start"], each["end"], each["label"]) for each in spans[task.key]]
        assert [(each["start"], each["end"], each["label"]) for each in row["guesses"]] == own
        hidden += row["blind"]
        assert len(task.guesses) == (0 if row["blind"] else len(own))
        assert (task.guessed_by is None) == row["blind"]
    assert hidden == 5
    assert {row["probability"] for row in rows(traces, planned)} == {10 / 24}


def test_checks_come_first_or_unseen_and_are_pre_annotated_wrongly(traces: Workspace) -> None:
    planned = plan(gold="tags", qualify=2, traps=3, overlap=2, shared=0.0)
    found = make_plan(traces, planned)
    assert (found.texts, found.checks, found.tasks) == (10, 5, 20)
    told = rows(traces, planned)
    for person in planned.people:
        own = [row for row in told if row["reader"] == person]
        assert [row["check"] for row in own][:2] == ["qualification"] * 2
        assert Counter(row["check"] for row in own) == {"qualification": 2, "trap": 3, None: 5}
        assert [row["place"] for row in own] == list(range(10))
    assert len({row["key"] for row in told}) == 15  # what is a check is not among the texts chosen
    for row in told:
        if row["check"] == "trap":
            text = row["texts"]["cot"]
            gold, shown = painted(text, row["gold"], PRO), painted(text, row["guesses"], PRO)
            assert (gold != shown)[gold >= 0].mean() > 0.2  # whoever only agrees fails at .8
    one = next(task for task, row in zip(tasks_of(traces, planned), told, strict=True) if row["check"] == "trap")
    other = next(task for task, row in zip(tasks_of(traces, planned), told, strict=True) if row["check"] is None)
    assert isinstance(one, Task)
    assert one.guessed_by == other.guessed_by
    assert one.texts.keys() == other.texts.keys()


def test_a_third_of_a_known_answer_is_turned_round() -> None:
    spans = [SpanRecord(start=at * 10, end=at * 10 + 10, label="perception", score=1, tagger="") for at in range(9)]
    shown = turned(spans, "t", seed=0)
    assert Counter(each.label for each in shown) == {"perception": 5, "reasoning": 4}
    assert [(each.start, each.end) for each in shown] == [(span.start, span.end) for span in spans]


def test_texts_that_change_become_new_revisions(traces: Workspace) -> None:
    planned = plan()
    make_plan(traces, planned)
    before = rows(traces, planned)
    assert revise(traces, planned) == {"revised": 0, "guesses": 0, "gone": 0}
    source = traces.path.parent / "own.jsonl"
    kept = [row["key"].split("/")[2].partition("#")[0] for row in before]
    changed = {"question": "How many?", "answer": "5"}
    lines = [json.dumps({**changed, "id": key, "response": f"I see {key}. So it is 5."}) for key in kept[:-1]]
    source.write_text("\n".join(lines))
    with traces.lock("test"):
        run_step(traces, "own", make_step("build", {"use": "auto", "path": source}))
        run_step(traces, "tags", make_step("tag", {"from": ["response"], "use": ["structure", "cues"]}))
    assert revise(traces, planned)["gone"] == 1
    after = rows(traces, planned)
    assert after[:10] == before
    assert len(after) == 19
    assert {row["key"] for row in after[10:]} < {row["key"] for row in before}
    assert all(row["texts"]["cot"].startswith("I see q") for row in after[10:])


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"people": ("ann", "Ann")}, "names of their own"),
        ({"people": ("last",)}, "none is 'last'"),
        ({"people": ()}, "at least 1"),
        ({"overlap": 3}, "cannot read a text 3 times"),
        ({"traps": 2}, "need known answers"),
        ({"by": ("colour",)}, "not by colour"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        plan(**changed)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"select": "disagreement"}, "name a second one with --from"),
        ({"layers": ("own",)}, "has no spans or responses"),
        ({"layers": ("none",)}, "has no spans or responses"),
        ({"gold": "tags", "traps": 40}, "knows the answers of 24 texts"),
        ({"gold": "none", "traps": 4}, "has no spans or reviews"),
        ({"layers": (), "captions": "none", "screen": "captions"}, "has no captions"),
        ({"layers": (), "captions": "x", "screen": "captions", "select": "uncertainty"}, "name them with --judges"),
    ],
)
def test_layers_that_do_not_fit_are_named(traces: Workspace, changed: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        make_plan(traces, plan(**changed))


def test_captions_and_pairs_of_both(ws: Workspace) -> None:
    asked = plan(layers=(), captions="caps", screen="captions", judges=("panel",), select="disagreement")
    found = make_plan(ws, asked)
    assert (found.candidates, found.texts) == (70, 10)
    told = rows(ws, asked)
    assert all(0 < row["score"] <= 1 for row in told)
    verdicts = {(row["text_id"], row["claim"]): [] for row in ws.layer("panel", "verdicts").to_table().to_pylist()}
    for row in ws.layer("panel", "verdicts").to_table().to_pylist():
        verdicts[row["text_id"], row["claim"]].append(row["verdict"] == "supported")
    for row in told:
        votes = [verdicts[row["caption_id"], number] for number in range(len(row["claims"]))]
        assert row["score"] == pytest.approx(sum(len(set(each)) > 1 for each in votes) / len(votes))
        wrong = [sum(each) < len(each) / 2 for each in votes]
        assert len(row["guesses"]) == sum(wrong)
        assert row["guess_verdict"] == ("correct" if not any(wrong) else "wrong" if all(wrong) else "partially")
        assert row["image"] in ws.images
    with ws.lock("test"):
        run_step(ws, "tags", make_step("tag", {"from": ["response"]}))
    both = plan(name="both", captions="caps", screen="combined", budget=6)
    make_plan(ws, both)
    told = rows(ws, both)
    assert len({row["caption_id"] for row in told}) == 6  # a caption is read once
    for row in told:
        assert row["caption_id"].startswith(f"img:{row['image']}#caps/")
        assert set(row["texts"]) == {"question", "cot", "caption"}


def test_traps_of_captions_are_shown_as_what_they_are_not(ws: Workspace) -> None:
    asked = plan(layers=(), captions="caps", screen="captions", judges=("panel",), gold="exact/oracle", traps=6)
    make_plan(ws, asked)
    traps = [row for row in rows(ws, asked) if row["check"] == "trap"]
    assert {(row["gold_verdict"], row["guess_verdict"]) for row in traps} == {
        ("correct", "partially"),
        ("wrong", "correct"),
    }
    assert all(bool(row["guesses"]) == (row["guess_verdict"] == "partially") for row in traps)
