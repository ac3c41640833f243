import json
from pathlib import Path

import pytest

from perceptdata import answers
from perceptdata.builders.corpora.consensus import consensus
from perceptdata.builders.corpora.vqav2 import VQAv2
from perceptdata.errors import Rejected
from perceptdata.steps.build import Build
from perceptdata.steps.run import plan_step, run_step
from perceptdata.workspace import Workspace


def test_the_join_of_questions_and_annotations(tmp_path: Path, shape, read) -> None:
    fixture = shape("vqav2")
    drafts, bad = read(VQAv2(), fixture.write(tmp_path))
    assert [(row.key, row.code) for row in bad] == [("9002", "answer.missing")]
    assert [(draft.key, draft.split, draft.group, draft.stage) for draft in drafts] == [
        ("9000", "train", "coco/9", "perception"),
        ("9001", "train", "coco/9", "perception"),
        ("25000", "train", "coco/25", "perception"),
    ]
    assert drafts[0].answer.text == "net"
    assert drafts[0].answer.accepts == tuple(fixture.PEOPLE)  # all ten, repeats included: the checker counts them


def test_answers_are_scored_by_consensus(tmp_path: Path, shape, take) -> None:
    source = shape("vqav2").write(tmp_path)
    (source / "train2014/COCO_train2014_000000000025.jpg").write_bytes(
        (source / "train2014/COCO_train2014_000000000009.jpg").read_bytes()
    )
    first, second, _ = take(VQAv2(), source)
    assert answers.score("net", first) == 1.0
    # one of ten said mesh: nine see it said once (1/3 each), the one who said it sees no other: 9 * (1/3) / 10
    assert answers.score("mesh", first) == pytest.approx(0.3)
    assert answers.score("ball", first) == 0.0
    assert answers.gold_score(second) == 1.0


def test_the_hub_has_it_all_in_a_row(tmp_path: Path, shape, take) -> None:
    (example,) = take(VQAv2(), shape("vqav2").hub(tmp_path))
    assert (example.source.split, example.source.allowed_use, example.answer.text) == ("validation", "evaluate", "net")


@pytest.mark.parametrize(
    ("places", "where"),
    [(("train2014",), "images/train2014/COCO_train2014_000000000009.jpg"), ((), "COCO_train2014_000000000009.jpg")],
)
def test_pictures_in_other_folders(tmp_path: Path, shape, read, places: tuple[str, ...], where: str) -> None:
    source = shape("vqav2").write(tmp_path)
    old = source / "train2014/COCO_train2014_000000000009.jpg"
    (source / where).parent.mkdir(parents=True, exist_ok=True)
    old.rename(source / where)
    drafts, _ = read(VQAv2(), source)
    assert drafts[0].images[0].name == where


def test_withheld_annotations_and_bad_ids(tmp_path: Path, shape, read) -> None:
    source = shape("vqav2").write(tmp_path)
    (source / "v2_mscoco_train2014_annotations.json").unlink()
    drafts, bad = read(VQAv2(), source)
    assert not drafts
    assert {row.code for row in bad} == {"answer.missing"}
    assert "there is no v2_mscoco_train2014_annotations.json" in bad[0].message
    row = {"question_id": 1, "image_id": "../9", "question": "What?", "multiple_choice_answer": "a"}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    _, bad = read(VQAv2(), tmp_path / "rows.jsonl")
    assert [(row.key, row.code) for row in bad] == [("1", "field.invalid")]


def test_a_part_is_made_again_when_its_partner_changes(tmp_path: Path, shape) -> None:
    source, ws = shape("vqav2").write(tmp_path), Workspace.create(tmp_path / "ws")
    (part,) = VQAv2().parts(source)
    (annotations,) = part.beside
    assert annotations.name == "v2_mscoco_train2014_annotations.json"
    step = Build.of({"use": "vqav2", "path": source})
    with ws.lock("build"):
        assert run_step(ws, "vqa", step).made["examples"] == 2
    assert not plan_step(ws, "vqa", step).todo
    annotations.write_text(annotations.read_text().replace('"net"', '"a net"'))
    assert len(plan_step(ws, "vqa", step).todo) == 1


def test_the_most_frequent_answer_is_the_gold_one() -> None:
    # "two" and "2" are the same answer: together three against two
    made = consensus(["2", "two", "3", "3", "2"])
    assert made.text == "2"
    assert consensus(["a cat", "cat", "dog"], stated="dog").text == "a cat"  # one is as many as "dog": two are more
    assert consensus(["cat", "dog"], stated="dog").text == "dog"
    with pytest.raises(Rejected, match="nobody answered"):
        consensus(["", " "])
