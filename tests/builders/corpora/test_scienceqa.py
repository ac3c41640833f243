import json
from pathlib import Path

import pytest

from perceptdata.builders.corpora.scienceqa import ScienceQA
from perceptdata.errors import UsageError


def test_the_repository_and_the_hub(shape, corpus: Path, take, read) -> None:
    source = shape("scienceqa").write(corpus)
    examples = {example.id: example for example in take(ScienceQA(), source)}
    first = examples["scienceqa/train/1"]
    assert first.question == "<image>Two magnets lie near.\nWill they attract?"
    assert (first.answer.text, first.meta["answer"], first.meta["subsets"]) == ("attract", 0, ["train", "trainval"])
    assert first.response == "Magnets pull or push.\n\nOpposite poles pull."
    bare = examples["scienceqa/val/2"]
    assert (bare.stage, bare.answer.text, bare.response) == ("textual_reasoning", "tree", "Opposite poles pull.")
    assert examples["scienceqa/test/3"].source.allowed_use == "evaluate"
    hub = examples["scienceqa/validation/validation-00000-of-00001/0"]
    assert (hub.answer.text, len(hub.images), hub.source.allowed_use) == ("rose", 1, "research")
    captions = {draft.key: list(draft.captions) for draft in read(ScienceQA(), source)[0]}
    assert (captions["1"], captions["2"]) == (["two magnets on a table"], [])


def test_the_split_file_fills_in(shape, corpus: Path, read) -> None:
    source = shape("scienceqa").write(corpus)
    problems = json.loads((source / "problems.json").read_text())
    for record in problems.values():
        del record["split"]
    (source / "problems.json").write_text(json.dumps(problems))
    assert {draft.key: draft.split for draft in read(ScienceQA(), source)[0] if "/" not in draft.key} == {
        "1": "train",
        "2": "val",
        "3": "test",
    }


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"answer": 5}, "answer.index"),
        ({"answer": "A"}, "answer.index"),
        ({"choices": ["one"]}, "field.invalid"),
        ({"question": " "}, "field.invalid"),
    ],
)
def test_a_problem_that_contradicts_itself(shape, corpus: Path, read, fields: dict[str, object], code: str) -> None:
    source = shape("scienceqa").write(corpus)
    problems = json.loads((source / "problems.json").read_text())
    problems["2"].update(fields)
    (source / "problems.json").write_text(json.dumps(problems))
    _, bad = read(ScienceQA(), source)
    assert [(row.key, row.code, row.split) for row in bad] == [("2", code, "val")]


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_broken_file_beside_the_problems(shape, corpus: Path, read, text: str) -> None:
    source = shape("scienceqa").write(corpus)
    (source / "captions.json").write_text(text)
    with pytest.raises(UsageError, match=r"captions\.json"):
        read(ScienceQA(), source)
