"""`perceptdata review plan | push | pull | status | adjudicate | doctor`, as somebody types them, without a server."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import audited
import pytest
from review.reading import agree, build, fill_in, think


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("made") / "ws").path


@pytest.fixture
def workspace(_made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(_made, tmp_path / "workspace"))


PLAN = ("review", "plan", "people", "--from", "tags", "--from", "rough", "--select", "disagreement")


def test_from_the_plan_to_what_stands(cli: Callable[..., Any], workspace: Path, tmp_path: Path) -> None:
    asked = (*PLAN, "--people", "ann,bob", "--budget", 6, "--overlap", "2/0.5", "--gold", "tags", "--traps", 2)
    done = cli(*asked)
    assert done.code == 0, done.err
    assert "people: 6 of 24 texts on the spans screen, 13 readings; 2 checks, 0 shown blind" in done.out
    assert "perceptdata review push people --to FOLDER" in done.out
    assert json.loads(cli(*asked, "--json").out)["texts"] == 6
    assert "13 tasks for ann, bob would be in jsonl" in cli("review", "push", "--dry-run").out
    assert "name one with `review push people --to FOLDER`" in cli("review", "push").err
    assert "13 new tasks, 0 were there" in cli("review", "push", "--to", tmp_path / "sheets").out
    assert json.loads(cli("review", "push", "--json").out)["known"] == 13
    assert cli("review", "doctor").code == 0
    fill_in(tmp_path / "sheets/ann.jsonl", agree)
    done = cli("review", "pull")
    assert done.code == 0, done.err
    assert "people_ann: " in done.out
    done = cli("review", "status")
    assert "! bob has answered none of " in done.out
    assert "! ann passed 0 of 2 traps; look at these answers before use" in done.out
    assert "what became of the labels shown" in done.out
    fill_in(tmp_path / "sheets/bob.jsonl", think)
    told = json.loads(cli("review", "pull", "--json").out)
    assert (told["changed"], told["gone"], told["rejected"]) == (0, 0, {})
    assert told["layers"]["people"] == {"layers/reviews": 9}
    there = cli("review", "status", "--live")
    assert "in the place" in there.out
    assert json.loads(cli("review", "status", "--live", "--json").out)["there"]["bob"] > 5
    assert "people:ann, people:bob: 3 texts" in cli("agreement", "people", "--bootstraps", 0).out
    many = int(cli("review", "adjudicate", "--dry-run").out.split()[1])
    assert 0 < many <= 3
    assert f"{many} new items to look at once more" in cli("review", "adjudicate").out
    fill_in(tmp_path / "sheets/last.jsonl", think)
    assert "people_final: 6 spans" in cli("review", "pull").out
    assert json.loads(cli("review", "status", "--json").out)["people"]["last"]["done"] == many
    fill_in(tmp_path / "sheets/bob.jsonl", lambda at, row: {**row, "cot": "x"} if at == 0 else row)
    done = cli("review", "pull")
    assert "not counted: review.place 1" in done.out
    assert "answers count for what was shown alone" in done.out


def test_several_reviews_want_a_name(cli: Callable[..., Any], workspace: Path) -> None:
    assert "has no reviews; `perceptdata review plan NAME` makes one" in cli("review", "status").err
    for name in ("one", "two"):
        assert cli("review", "plan", name, "--from", "tags", "--people", "ann").code == 0
    assert "has 2 reviews; name one of one, two" in cli("review", "status").err
    assert cli("review", "status", "one").code == 0
    assert "there is no review 'three' in workspace (there is one, two)" in cli("review", "status", "three").err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--people", "ann"), "name what people shall read"),
        (("--from", "tags"), "people: Tuple should have at least 1 item"),
        (("--from", "tags", "--people", "ann", "--overlap", "many"), "--overlap is K or K/SHARE, such as 2/0.3"),
        (("--from", "tags", "--people", "ann", "--overlap", "0"), "at least 1 reads a text"),
        (("--from", "tags", "--people", "ann", "--overlap", "2"), "cannot read a text 2 times"),
        (("--from", "tags", "--people", "ann,ann"), "names of their own"),
        (("--from", "tags", "--people", "ann", "--select", "disagreement"), "name a second one with --from"),
        (("--from", "none", "--people", "ann"), "has no spans or responses"),
        (("--from", "tags", "--people", "ann", "--set", "folder=x"), "jsonl has no option 'folder'; it has none"),
        (
            ("--from", "tags", "--people", "ann", "--set", "mail=x", "--backend", "label-studio"),
            "label-studio has no option 'mail'; it has people, images",
        ),
    ],
)
def test_a_plan_of_nonsense_is_named(
    cli: Callable[..., Any], workspace: Path, words: tuple[str, ...], says: str
) -> None:
    done = cli("review", "plan", "people", *words)
    assert done.code == 2
    assert says in done.err
    assert not (workspace / "reviews/people/plan.json").exists()


def test_init_says_how_to_begin_and_writes_nothing(cli: Callable[..., Any], tmp_path: Path) -> None:
    done = cli("review", "init", "--backend", "jsonl")
    assert (done.code, done.err) == (0, "")
    assert "files need no server" in done.out
    done = cli("review", "init")
    assert done.code == 0, done.err
    assert "LABEL_STUDIO_API_KEY" in done.out
    assert json.loads(cli("review", "init", "--json").out)["start"]
    assert list(tmp_path.iterdir()) == []


def test_doctor_names_what_is_wrong_and_fails(cli: Callable[..., Any], workspace: Path, tmp_path: Path) -> None:
    cli("review", "plan", "people", "--from", "tags", "--people", "ann", "--budget", 4)
    done = cli("review", "doctor")
    assert done.code == 1
    assert "NOT  jsonl: the sheets of review 'people' need a folder" in done.out
    told = json.loads(cli("review", "doctor", "--to", tmp_path / "sheets", "--json").out)
    assert told["well"] is True
    source = workspace.parent / "own.jsonl"
    source.write_text(json.dumps({"id": "q1", "question": "What?", "answer": "5", "response": "I see 5."}) + "\n")
    assert cli("build", "auto", "--source", source, "--name", "own").code == 0
    done = cli("review", "doctor", "--to", tmp_path / "sheets")
    assert done.code == 1
    assert "texts have changed since the plan" in done.out
    assert "new revisions" in cli("review", "plan", "people", "--revise").out
    assert json.loads(cli("review", "plan", "people", "--revise", "--json").out)["revised"] == 0


def test_people_and_judges_agree_on_claims(
    cli: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    where = ("-w", audited.judged(tmp_path_factory).path)
    asked = ("review", "plan", "read", "--from", "caps", "--judges", "exact", "--people", "ann,bob", "--overlap", 2)
    done = cli(*asked, *where)
    assert done.code == 0, done.err
    cli("review", "push", "read", "--to", tmp_path / "sheets", *where)

    def answer(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "done": True, "verdict": "correct", "spans": []}

    for name in ("ann", "bob"):
        fill_in(tmp_path / f"sheets/{name}.jsonl", lambda at, row: answer(row))
    assert cli("review", "pull", "read", *where).code == 0
    done = cli("agreement", "read", "exact", *where, "--bootstraps", 20)
    assert done.code == 0, done.err
    assert "verdicts on captions: 70 judged by two" in done.out
    assert "read:ann~read:bob" in done.out
    told = json.loads(cli("agreement", "read", "exact", *where, "--json", "--bootstraps", 0).out)["verdicts"]
    assert told["captions"]["agreed read:ann~read:bob"]["value"] == 1.0
    assert told["claims"]["judges"] == ["exact/oracle", "read/ann", "read/bob"]
    done = cli("review", "adjudicate", "read", *where)
    assert (done.code, done.err) == (2, "error: nothing of review 'read' waits for a last word\n")
    assert "partially to correct" in cli("review", "status", "read", *where).out
