"""From sheets to layers: what people marked is what agreement, consensus, taggers and views read, whatever happens."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from review.reading import Row, agree, fill_in, lines, plan, think

from perceptdata.agreement import compare, read
from perceptdata.errors import UsageError
from perceptdata.labelled import from_layer
from perceptdata.layers import text_sha256
from perceptdata.review import (
    Annotation,
    Finding,
    JsonLines,
    Pulled,
    Pushed,
    Region,
    ReviewPlan,
    Task,
    last_tasks_of,
    make_plan,
    read_claims,
    standing,
    tasks_of,
)
from perceptdata.review.calibrations import bindings
from perceptdata.review.log import Log
from perceptdata.steps import reviews
from perceptdata.steps.declared import make_step
from perceptdata.steps.reviews import adjudicate, disputed, materialise, pull, push
from perceptdata.steps.run import run_step
from perceptdata.workspace import Workspace


class Desk:
    """A place in memory. `moment` is its clock; what was changed since the cursor comes."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.notes: dict[str, Annotation] = {}
        self.moment = 0

    def push(self, tasks: Sequence[Task], on_progress: Callable[[int], None] = lambda done: None) -> Pushed:
        have = {(task.key, task.reader, task.content) for task in self.tasks}
        new = [task for task in tasks if (task.key, task.reader, task.content) not in have]
        self.tasks += new
        return Pushed(new=len(new), known=len(tasks) - len(new))

    def pull(self, cursor: str | None, known: Sequence[str]) -> Pulled:
        late = tuple(note for note in self.notes.values() if note.updated > (cursor or ""))
        return Pulled(late, tuple(each for each in known if each not in self.notes), {}, f"{self.moment:04}")

    def waiting(self) -> Iterator[tuple[str, str, bool]]:
        done = {(note.key, note.reader) for note in self.notes.values()}
        return ((task.key, task.reader, (task.key, task.reader) in done) for task in self.tasks)

    def doctor(self) -> list[Finding]:
        return []

    def say(self, name: str, task: Task, *marks: tuple[int, int, str], **more: Any) -> None:
        """Somebody annotates."""
        self.moment += 1
        regions = tuple(Region("cot", *mark, origin="manual") for mark in marks)
        given: Row = {"regions": regions, "seconds": 10.0, "updated": f"{self.moment:04}"}
        self.notes[name] = Annotation(name, task.key, task.reader, task.content, **{**given, **more})


@pytest.fixture
def desk() -> Desk:
    return Desk()


def planned(ws: Workspace, **changed: Any) -> ReviewPlan:
    made = plan(backend="label-studio", **changed)
    make_plan(ws, made)
    return made


def table(ws: Workspace, step: str, kind: Any = "reviews") -> list[Row]:
    return ws.layer(step, kind).to_table().to_pylist()


def everything(ws: Workspace, *steps: str) -> dict[str, bytes]:
    """The current files of some steps."""
    return {
        f"{name}/{room}/{shard}": ws.file(file).read_bytes()
        for name in steps
        for shard, entry in ws.manifest.steps[name].current.shards.items()
        for room, file in entry.files.items()
    }


@pytest.fixture
def sheets(traces: Workspace, tmp_path: Path) -> JsonLines:
    return JsonLines(traces, tmp_path / "sheets")


def read_by_both(ws: Workspace, place: JsonLines, alike: bool = False) -> ReviewPlan:
    """Eight texts, all read by both: ann agrees with what is shown, bob thinks for himself, or is `alike` on one."""
    made = plan(overlap=2, budget=8)
    make_plan(ws, made)
    push(ws, "people", place)
    fill_in(place.folder / "ann.jsonl", agree)
    first = lines(place.folder / "ann.jsonl")[0]["item"]
    fill_in(place.folder / "bob.jsonl", lambda at, row: (agree if row["item"] == first and alike else think)(at, row))
    with ws.lock("test"):
        pull(ws, "people", place)
    return made


def test_what_people_mark_is_what_layers_hold(traces: Workspace, sheets: JsonLines) -> None:
    read_by_both(traces, sheets)
    rows = {(row["text_id"], row["reviewer"]): row for row in table(traces, "people")}
    assert len(rows) == 16
    shown = {line["item"]: line for line in lines(sheets.folder / "bob.jsonl")}
    for (key, who), row in rows.items():
        cot = shown[key]["cot"]
        assert row["text_sha256"] == text_sha256(cot)
        assert (row["scheme"], row["verdict"], row["seconds"]) == ("pro@1", None, 20 if who == "ann" else 40)
        said = [(cot[span["start"] : span["end"]], span["label"]) for span in row["spans"]]
        if who == "bob":
            thought = cot[cot.index("<think>") + 7 : cot.index("</think>")]
            assert [label for _, label in said] == ["perception", "reasoning"]
            assert said[0][0].startswith("No. ")
            assert thought.strip() == (said[0][0] + thought[len(said[0][0]) :]).strip()
            assert said[1][0] == said[1][0].strip()
            assert said[1][0] in cot
        meta = json.loads(row["meta"])
        assert (meta["kind"], meta["blind"], meta["probability"]) == ("person", False, 8 / 24)
        assert list(meta["origins"]) == (["prediction"] if who == "ann" else ["manual"])
    assert {key for key, _ in rows} == {row["text_id"] for row in table(traces, "people_ann", "spans")}
    assert table(traces, "people_bob", "spans")[0]["spans"][0]["tagger"] == "bob"


def test_layers_feed_agreement_consensus_taggers_and_views(traces: Workspace, sheets: JsonLines) -> None:
    read_by_both(traces, sheets)
    joined = read(traces, ["people"])
    assert joined.coded.annotators == ("people:ann", "people:bob")
    alone = compare(joined.coded, bootstraps=0)["all"].estimates["clauses", "kappa", "people:ann~people:bob", "all"]
    layers = read(traces, ["people_ann", "people_bob"])
    assert compare(layers.coded, bootstraps=0)["all"].estimates[
        "clauses", "kappa", "people_ann~people_bob", "all"
    ] == pytest.approx(alone, nan_ok=True)
    with traces.lock("test"):
        done = run_step(traces, "together", make_step("consensus", {"from": ["people", "tags", "rough"]}))
    assert done.made["layers/spans"] == 24
    makers = {span["tagger"] for row in table(traces, "together", "spans") for span in row["spans"]}
    assert {"people:bob", "tags"} <= {name for maker in makers for name in maker.split("+")}
    assert len(from_layer(traces, "people_bob")) == 8
    assert traces.sql("select count(*) from people_bob").fetchall() == [(8,)]


def test_a_second_pull_changes_nothing_and_one_more_answer_makes_a_version(traces: Workspace, desk: Desk) -> None:
    planned(traces)
    assert push(traces, "people", desk) == Pushed(new=10)
    assert push(traces, "people", desk) == Pushed(known=10)
    first, second = desk.tasks[0], desk.tasks[1]
    with traces.lock("test"):
        assert pull(traces, "people", desk).layers == ()
        desk.say("1", first, (0, 7, "other"), (8, 30, "reasoning"))
        taken = pull(traces, "people", desk)
        assert (taken.changes.new, taken.layers[0].made) == (1, {"layers/reviews": 1})
        version = traces.manifest.steps["people"].active
        assert not pull(traces, "people", desk).changes
        assert traces.manifest.steps["people"].active == version
        desk.say("2", second, (0, 7, "other"))
        pull(traces, "people", desk)
        assert traces.manifest.steps["people"].active != version
        assert len(table(traces, "people")) == 2
        desk.say("1", first, (0, 7, "perception"))  # changed
        del desk.notes["2"]  # and removed
        taken = pull(traces, "people", desk)
        assert (taken.changes.changed, taken.changes.gone) == (1, 1)
    (row,) = table(traces, "people")
    assert [span["label"] for span in row["spans"]] == ["perception"]
    assert len(table(traces, "people_final", "spans")) == 1


def test_what_does_not_count_is_a_row_with_a_sentence(traces: Workspace, desk: Desk) -> None:
    planned(traces)
    push(traces, "people", desk)
    tasks = desk.tasks
    mine = next(task for task in tasks if task.reader == "ann")
    desk.say("far", tasks[0], (0, 99999, "other"))
    desk.say("odd", tasks[1], (0, 5, "NOPE"))
    desk.say("void", tasks[2], (2, 2, "other"))
    desk.say("clash", tasks[3], (0, 9, "other"), (5, 12, "reasoning"))
    desk.say("skip", tasks[4], skipped=True)
    desk.say("bare", tasks[5])
    desk.say("early", tasks[6], (0, 5, "other"))
    desk.say("late", tasks[6], (0, 5, "reasoning"))
    desk.say("text", tasks[7], (0, 5, "other"))
    desk.notes["text"] = Annotation("text", tasks[7].key, tasks[7].reader, "0" * 64, (), updated="0099")
    desk.notes["who"] = Annotation("who", mine.key, "zoe", mine.content, (), updated="0099")
    desk.notes["what"] = Annotation("what", "nothing#like/it", "ann", mine.content, (), updated="0099")
    with traces.lock("test"):
        taken = pull(traces, "people", desk)
    assert taken.rejected == {
        **{"review.range": 1, "review.label": 1, "review.overlap": 1, "review.skipped": 1, "review.replaced": 1},
        **{"review.empty": 2, "review.content": 1, "review.task": 2},
    }
    told = {row["key"]: row["message"] for row in traces.rejects("people").to_table().to_pylist()}
    assert "lies outside the text" in told["far"]
    assert "which this review does not ask about" in told["what"]
    assert told["who"] == f"zoe annotated {mine.key}, which ann was to read"
    assert "late" not in told
    (row,) = table(traces, "people")
    assert [span["label"] for span in row["spans"]] == ["reasoning"]
    assert len(Log.read(traces, "people").known()) == 11  # and nothing is lost


class Killed(BaseException):
    """As `kill` would: nothing catches it."""


@pytest.mark.parametrize("point", ["pull", "write", "people", "people_ann", "people_final"])
def test_killed_anywhere_a_second_run_ends_the_same(
    traces: Workspace, desk: Desk, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    planned(traces, overlap=2, shared=0.5)
    push(traces, "people", desk)
    for at, task in enumerate(desk.tasks):
        desk.say(str(at), task, (0, 7, "other"), (8, 40, "reasoning" if task.reader == "ann" else "perception"))
    if point == "pull":
        monkeypatch.setattr(desk, "pull", killing(desk.pull))
    elif point == "write":
        monkeypatch.setattr(Log, "write", killing(Log.write))
    else:
        real = reviews.run_step
        dying = killing(real)
        monkeypatch.setattr(
            reviews, "run_step", lambda ws, name, step: (dying if name == point else real)(ws, name, step)
        )
    with pytest.raises(Killed), traces.lock("test"):
        pull(traces, "people", desk)
    monkeypatch.undo()
    again = Workspace(traces.path)
    steps = ("people", "people_ann", "people_bob", "people_final")
    with again.lock("test"):
        pull(again, "people", desk)
        assert len(table(again, "people")) == 15
        once = everything(again, *steps)
        pull(again, "people", desk)
        assert everything(again, *steps) == once
        for name in steps:
            del again.manifest.steps[name]
        materialise(again, plan(backend="label-studio", overlap=2, shared=0.5), Log.read(again, "people"))
        assert everything(again, *steps) == once  # the layers follow from the log alone


def killing(call: Any) -> Any:
    """Does the work, and dies before it can say so."""

    def dying(*given: Any) -> None:
        call(*given)
        raise Killed

    return dying


def test_disputes_are_decided_by_somebody_who_sees_all_readings(traces: Workspace, sheets: JsonLines) -> None:
    made = read_by_both(traces, sheets, alike=True)
    waiting = disputed(traces, "people")
    assert 0 < len(waiting) <= 8
    open_texts = {task.key for task in waiting}
    final = {row["text_id"] for row in table(traces, "people_final", "spans")}
    assert final == {row["text_id"] for row in table(traces, "people")} - open_texts
    with traces.lock("test"):
        assert adjudicate(traces, "people") == (len(waiting), len(waiting))
        assert adjudicate(traces, "people") == (0, len(waiting))
    assert push(traces, "people", sheets) == Pushed(new=len(waiting), known=16)
    for line in lines(sheets.folder / "last.jsonl"):
        assert "reading 1 " in line["readings"]
        assert "reading 2 " in line["readings"]
        assert "ann" not in line["readings"]
        assert line["guessed_by"] in (None, "adjudication")
    fill_in(sheets.folder / "last.jsonl", lambda at, row: {**think(at, row), "seconds": 5} if at else row)
    before = len(table(traces, "people"))
    with traces.lock("test"):
        pull(traces, "people", sheets)
    assert len(table(traces, "people")) == before  # the last word is no reading of its own
    after = {row["text_id"]: row for row in table(traces, "people_final", "spans")}
    assert set(after) - final == {task.key for task in waiting[1:]}
    bob = {row["text_id"]: row["spans"] for row in table(traces, "people_bob", "spans")}
    for task in waiting[1:]:
        assert [span["label"] for span in after[task.key]["spans"]] == [span["label"] for span in bob[task.key]]
        assert {span["tagger"] for span in after[task.key]["spans"]} == {"last"}
    found = standing(made, tasks_of(traces, made), last_tasks_of(traces, made), Log.read(traces, "people"))
    assert (found.people["last"].done, found.people["last"].open) == (len(waiting) - 1, 1)
    assert "last" not in found.changes.labels


def test_status_counts_by_hand(traces: Workspace, desk: Desk) -> None:
    made = planned(traces, people=("ann", "bob", "cho"), budget=9, gold="tags", qualify=1, traps=2, blind=1 / 3)
    push(traces, "people", desk)
    rows = list(tasks_of(traces, made).rows())
    for at, (task, row) in enumerate(zip(desk.tasks, rows, strict=True)):
        if task.reader == "ann" and row["check"] != "trap":  # what the pre-annotation says, shown or not; all of it
            own = row["gold"] if row["check"] else row["guesses"]
            desk.say(f"a{at}", task, *((each["start"], each["end"], each["label"]) for each in own), seconds=30.0)
        elif task.reader == "ann":  # agrees with whatever is shown
            desk.say(f"a{at}", task, *((each.start, each.end, each.label) for each in task.guesses), seconds=30.0)
        elif task.reader == "bob" and row["check"] is None:
            cut = len(row["texts"]["cot"])
            desk.say(f"b{at}", task, (0, cut, "reasoning"), seconds=60.0)
        elif task.reader == "bob":
            desk.say(f"b{at}", task, skipped=row["check"] == "trap")
    with traces.lock("test"):
        pull(traces, "people", desk)
    found = standing(made, tasks_of(traces, made), last_tasks_of(traces, made), Log.read(traces, "people"))
    ann, bob, cho = (found.people[name] for name in made.people)
    assert (ann.tasks, ann.done, ann.open, ann.skipped, ann.pace, ann.seconds) == (6, 6, 0, 0, 30.0, 180.0)
    assert (ann.qualification, ann.traps, ann.passed) == (1.0, 2, 0)
    assert (bob.tasks, bob.done, bob.skipped, bob.unmarked, bob.open) == (6, 3, 2, 1, 1)
    assert (cho.done, cho.open) == (0, 6)
    assert ann.like_guess in (None, 1.0)
    totals = {True: [0, 0], False: [0, 0]}
    for row in rows:
        if row["reader"] == "bob" and row["check"] is None:
            text = row["texts"]["cot"]
            counted = totals[row["blind"]]
            counted[0] += sum(not each.isspace() for each in text)
            counted[1] += sum(
                not each.isspace()
                for g in row["guesses"]
                if g["label"] == "reasoning"
                for each in text[g["start"] : g["end"]]
            )
    for blind, value in ((True, bob.like_guess_blind), (False, bob.like_guess)):
        total, same = totals[blind]
        assert value == (pytest.approx(same / total) if total else None)
    assert "cho has answered none of 6 tasks" in found.warnings
    assert "bob submitted 1 tasks with nothing marked; they do not count" in found.warnings
    assert "ann passed 0 of 2 traps; look at these answers before use" in found.warnings
    assert json.loads(json.dumps(found.to_json()))["people"]["ann"]["minutes"] == 3.0
    checks = {row["key"] for row in rows if row["check"]}
    assert not checks & {row["text_id"] for row in table(traces, "people")}  # known answers are no layer


def test_captions_give_verdicts_as_judges_do(ws: Workspace, desk: Desk) -> None:
    made = planned(ws, layers=(), captions="caps", screen="captions", judges=("exact",), overlap=2, budget=4)
    push(ws, "people", desk)
    for at, (task, row) in enumerate(zip(desk.tasks, tasks_of(ws, made).rows(), strict=True)):
        claim = row["claims"][0]
        mark = Region("caption", claim["start"], claim["end"], "hallucinated")
        wrong = task.reader == "bob" and task.key == desk.tasks[0].key
        desk.say(
            str(at), task, regions=(mark,) if wrong else (), verdict="partially" if wrong else "correct", rating=4,
            correction="two" if wrong else None,
        )  # fmt: skip
    with ws.lock("test"):
        pull(ws, "people", desk)
        (dispute,) = disputed(ws, "people")
        assert dispute.key == desk.tasks[0].key
        assert "reading 1: correct\nreading 2: partially; hallucinated “" in dispute.texts["readings"]
        adjudicate(ws, "people")
        push(ws, "people", desk)
        desk.say("last", desk.tasks[-1], regions=(), verdict="correct")
        pull(ws, "people", desk)
    rows = table(ws, "people")
    assert {(row["scheme"], row["verdict"]) for row in rows} == {("words@1", "correct"), ("words@1", "partially")}
    (marked,) = (row for row in rows if row["verdict"] == "partially")
    assert (json.loads(marked["meta"])["correction"], json.loads(marked["meta"])["rating"]) == ("two", 4)
    said = {
        (row["producer"]["name"], row["text_id"], row["claim"]): row["verdict"]
        for row in table(ws, "people", "verdicts")
    }
    assert said["bob", desk.tasks[0].key, 0] == "contradicted"
    assert {verdict for key, verdict in said.items() if key != ("bob", desk.tasks[0].key, 0)} == {"supported"}
    claims = read_claims(ws, "caps", ["exact", "people"])  # people are judges by their names
    assert claims.judges == ("exact/oracle", "people/ann", "people/bob")
    assert bindings(ws, claims)["people/ann"].model == "ann@2"
    final = table(ws, "people_final", "verdicts")
    assert {row["verdict"] for row in final} == {"supported"}
    assert {row["producer"]["name"] for row in final} == {"final"}
    assert len({row["text_id"] for row in final}) == 4


def test_a_review_that_is_not_there_is_said(traces: Workspace, desk: Desk) -> None:
    with pytest.raises(UsageError, match=r"there is no review 'none' in .* \(there is none\)"):
        push(traces, "none", desk)
