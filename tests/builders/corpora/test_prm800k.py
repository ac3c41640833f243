import json
from pathlib import Path
from typing import Any

import pytest

from perceptdata.builders.corpora.prm800k import PRM800K
from perceptdata.draft import Draft
from perceptdata.errors import UsageError


@pytest.fixture
def drafts(shape, corpus: Path, read) -> list[Draft]:
    return read(PRM800K(), shape("prm800k").write(corpus))[0]


def test_the_chosen_path(drafts: list[Draft]) -> None:
    solved, wrong, undecided = drafts
    assert solved.response == "Add 4 three times.\n4+4+4 = 12.\n# Answer\n\n12"
    (path,) = solved.responses
    assert (path.text, path.score) == (solved.response, 1.0)
    assert [(step["rating"], step.get("by")) for step in path.meta["steps"]] == [
        (1, None),
        (None, "labeller"),
        (1, None),
    ]
    assert path.meta["steps"][0]["others"] == [{"text": "Guess 13.", "rating": -1}]
    assert len(path.meta["steps"][1]["others"]) == 2
    assert (wrong.response, wrong.responses[0].score) == ("Six sevens are 42.", 0.0)
    assert wrong.responses[0].meta["steps"][-1] == {"text": "Six sevens are 44.", "rating": -1}
    assert (undecided.responses, undecided.response) == ((), None)
    assert undecided.meta["undecided"] == [{"text": "Hm.", "rating": 0}, {"text": "Well.", "rating": 0}]


def test_problems_that_math_tests_on_are_for_evaluation(drafts: list[Draft]) -> None:
    assert [(draft.allowed_use, draft.meta["finish_reason"]) for draft in drafts] == [
        ("train", "solution"),
        ("evaluate", "found_error"),
        ("train", "give_up"),
    ]
    assert drafts[0].group == drafts[2].group


def test_unknown_problems_and_test_files_are_for_evaluation(shape, corpus: Path, read) -> None:
    fixture = shape("prm800k")
    source = fixture.write(corpus)
    (source / "phase2_train.jsonl").unlink()
    line = fixture.line("New?", "1", "solution", fixture.step(fixture.said("1", 1), chosen=0))
    (source / "phase1_train.jsonl").write_text(json.dumps(line) + "\n")
    known = fixture.line(fixture.TRAINED, "12", "solution", fixture.step(fixture.said("12", 1), chosen=0))
    (source / "phase1_test.jsonl").write_text(json.dumps(known) + "\n")
    drafts, _ = read(PRM800K(), source)
    assert {draft.split: draft.allowed_use for draft in drafts} == {"train": "evaluate", "test": "evaluate"}


def test_without_math_splits(shape, corpus: Path, read) -> None:
    source = shape("prm800k").write(corpus)
    (corpus / "math_splits").rename(corpus / "elsewhere")
    with pytest.raises(UsageError, match="math_splits"):
        PRM800K().parts(source)
    assert len(read(PRM800K(splits=corpus / "elsewhere"), source)[0]) == 3
    (corpus / "elsewhere/train.jsonl").write_text('{"problem": "no id"}\n')
    with pytest.raises(UsageError, match="line 1"):
        read(PRM800K(splits=corpus / "elsewhere"), source)
    (corpus / "elsewhere/train.jsonl").rename(corpus / "elsewhere/train.txt")
    with pytest.raises(UsageError, match=r"no \.jsonl"):
        read(PRM800K(splits=corpus / "elsewhere"), source)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"question": "text"}, "field.invalid"),
        ({"question": {"problem": "?"}}, "answer.missing"),
        ({"label": {"steps": None}}, "field.invalid"),
        ({"label": {"steps": ["text"]}}, "field.invalid"),
        ({"label": {"steps": [{"completions": [{"text": "a"}], "chosen_completion": 3}]}}, "field.invalid"),
        ({"label": {"steps": [{"completions": [{"text": " "}], "chosen_completion": 0}]}}, "field.invalid"),
    ],
)
def test_lines_that_cannot_be_used(shape, corpus: Path, read, change: dict[str, Any], code: str) -> None:
    fixture = shape("prm800k")
    source = fixture.write(corpus)
    (source / "phase2_train.jsonl").write_text(json.dumps(fixture.LINES[0] | change) + "\n")
    drafts, bad = read(PRM800K(), source)
    assert (drafts, [(row.key, row.code) for row in bad]) == ([], [("phase2_train/0", code)])


def test_a_pointer_is_not_the_file(shape, corpus: Path) -> None:
    source = shape("prm800k").write(corpus)
    (source / "phase1_train.jsonl").write_text("version git-lfs/spec/v1\noid sha256:00\nsize 7\n")
    with pytest.raises(UsageError, match="git lfs pull"):
        PRM800K().parts(source)
