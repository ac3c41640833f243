"""Guard sets, for evaluation only: MathVista, MathVerse, MATH-Vision, We-Math, MMStar, RealWorldQA; and A-OKVQA."""

import json
from collections import Counter
from pathlib import Path

import pytest

from perceptdata import answers, registry
from perceptdata.builders.corpora.aokvqa import AOKVQA
from perceptdata.builders.corpora.clevr_count import CLEVRCount
from perceptdata.builders.corpora.mathverse import IN_THE_PICTURE, MathVerse
from perceptdata.builders.corpora.mathvision import MathVision
from perceptdata.builders.corpora.mathvista import MathVista
from perceptdata.builders.corpora.mmstar import MMStar
from perceptdata.builders.corpora.realworldqa import RealWorldQA
from perceptdata.builders.corpora.we_math import WeMath


@pytest.mark.parametrize("name", ["mathvista", "mathverse", "mathvision", "we_math", "mmstar", "realworldqa"])
def test_they_are_never_for_training(name: str) -> None:
    assert registry.load("builders", name).allowed_use == "evaluate"


def test_mathvista(tmp_path: Path, shape, take, read) -> None:
    fixture = shape("mathvista")
    examples = {example.source.key: example for example in take(MathVista(), fixture.write(tmp_path))}
    assert (examples["2"].choices, examples["2"].answer.index) == (("Yes", "No"), 1)
    assert examples["7"].answer.index == 2  # "1" is the third choice's text, not an index
    decimal = examples["3"]
    assert decimal.answer.tolerance == pytest.approx(0.05)
    assert (answers.score("1.24", decimal), answers.score("1.26", decimal)) == (1.0, 0.0)
    assert answers.score("[0,1]", examples["4"]) == 1.0
    assert answers.score("[1, 0]", examples["4"]) == 0.0
    assert examples["1"].meta["source"] == "IQTest"
    _, bad = read(MathVista(), fixture.write(tmp_path))
    assert [(row.key, row.code) for row in bad] == [("5", "answer.missing"), ("6", "answer.index")]
    (hub,) = take(MathVista(), fixture.hub(tmp_path))
    assert hub.question == examples["1"].question


def test_mathvista_without_picture_or_precision(tmp_path: Path, shape, read) -> None:
    record = shape("mathvista").record
    rows = [record(n, answer_type="float", precision=p, answer="1.5") for n, p in ((1, None), (2, "x"))]
    rows.append(record(3, image=None))
    rows.append(record(4, answer_type="text", answer="a cone"))
    (tmp_path / "testmini.jsonl").write_text("\n".join(map(json.dumps, rows)))
    drafts, bad = read(MathVista(), tmp_path)
    assert [draft.answer.tolerance for draft in drafts] == [None, None, None]
    assert drafts[2].answer.kind == "text"
    assert [row.code for row in bad] == ["image.missing"]


def test_mathverse_versions(tmp_path: Path, shape, take, read) -> None:
    source = shape("mathverse").write(tmp_path)
    examples = {f"{e.source.split}/{e.source.key}": e for e in take(MathVerse(), source)}
    assert {example.group for example in examples.values()} == {"mathverse/7"}
    printed = examples["testmini/35"]
    assert printed.question == f"<image>{IN_THE_PICTURE}"
    assert printed.choices == examples["testmini/31"].choices == ("130°", "50°", "40°", "60°")
    assert printed.answer == examples["testmini/31"].answer
    assert examples["testmini/31"].question == "<image>Two lines meet at O, and angle 1 is 50°. Angle 2 measures ()."
    text_only = examples["testmini_text_only/1"]
    assert (text_only.stage, text_only.images) == ("textual_reasoning", ())
    rows = [
        {"sample_index": 1, "question": "", "question_for_eval": "", "answer": "A", "problem_version": "Text Only"},
        {"sample_index": 2, "question": "", "question_for_eval": "1 + 1?", "answer": "2"},
    ]
    (tmp_path / "text_only.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (draft,), (bad,) = read(MathVerse(), tmp_path / "text_only.jsonl")
    assert (draft.question, draft.answer.text, bad.code) == ("1 + 1?", "2", "field.invalid")
    (tmp_path / "testmini.jsonl").write_text(json.dumps(rows[1]))
    assert [row.code for row in read(MathVerse(), tmp_path / "testmini.jsonl")[1]] == ["image.missing"]


def test_mathvision(tmp_path: Path, shape, take, read) -> None:
    source = shape("mathvision").write(tmp_path)
    drafts, bad = read(MathVision(), source)
    by_key = {draft.key: draft for draft in drafts}
    assert by_key["63"].question == "A bracelet.\n<image>\nWhich shows the same?"  # one stitched picture
    assert by_key["63"].choices == ("A", "B", "C", "D", "E")
    assert by_key["70"].response == "Half of one: $\\frac{1}{2}$."
    assert [(row.key, row.code) for row in bad] == [("71", "answer.index")]
    (tmp_path / "test.jsonl").write_text(json.dumps({**shape("mathvision").ROWS[0], "image": None}))
    assert [row.code for row in read(MathVision(), tmp_path / "test.jsonl")[1]] == ["image.missing"]


def test_all_real_records_of_mathvision(shared: Path, take, read) -> None:
    source = shared / "corpora/mathvision"
    _, bad = read(MathVision(), source)
    assert not bad
    examples = take(MathVision(), source)
    assert len(examples) == 40
    assert Counter(example.answer.kind for example in examples)["choice"] >= 15
    assert all(len(example.images) == 1 for example in examples)


def test_we_math_in_its_spellings(tmp_path: Path, shape, take, read) -> None:
    fixture = shape("we_math")
    examples = {example.source.key: example for example in take(WeMath(), fixture.write(tmp_path))}
    assert {example.group for example in examples.values()} == {"we_math/testmini/5"}
    assert examples["2steps_2"].choices == ("12", "25", "20", "none")  # a full-width mark, and one without ';'
    assert examples["2steps_3"].choices == ("1, 2", "2, 4")
    assert examples["2steps_1"].meta["knowledge_concept"] == "Area of a square"
    assert examples["2steps_1"].id == "we_math/testmini/2steps_1/2steps_1"
    _, bad = read(WeMath(), fixture.write(tmp_path))
    assert [(row.key, row.code) for row in bad] == [("2steps_4", "answer.index"), ("2steps_5", "field.invalid")]
    (hub,) = take(WeMath(), fixture.hub(tmp_path))
    assert hub.meta["knowledge_concept"] == "Area of a square"
    (tmp_path / "rows.jsonl").write_text(json.dumps({**fixture.ROWS[0], "image_path": None}))
    assert [row.code for row in read(WeMath(), tmp_path / "rows.jsonl")[1]] == ["image.missing"]


def test_mmstar(tmp_path: Path, shape, take, read) -> None:
    fixture = shape("mmstar")
    first, second = take(MMStar(), fixture.write(tmp_path))
    assert first.choices == ("On the desk.", "Under the desk.", "Beside it", "Far off")
    assert first.question == "<image>Where is the lamp?"
    assert second.choices == ("12", "13, or so", "14")
    assert (first.stage, second.stage) == ("perception", "visual_reasoning")
    (columns,) = take(MMStar(), fixture.tsv(tmp_path))
    assert (columns.choices, columns.answer.index) == (("one", "two"), 1)
    (tmp_path / "rows.jsonl").write_text(json.dumps({"index": 1, "question": "Which?", "answer": "A"}))
    assert [row.code for row in read(MMStar(), tmp_path / "rows.jsonl")[1]] == ["image.missing"]


def test_realworldqa(tmp_path: Path, shape, take, read) -> None:
    first, second = take(RealWorldQA(), shape("realworldqa").write(tmp_path))
    assert first.question == "<image>Which side of the road is closed?"
    assert (first.choices, first.answer.index) == (("Left", "Right", "Both"), 0)
    assert (second.question, second.answer.kind) == ("<image>How many cars are there in the image?", "number")
    assert second.meta["raw_question"].endswith("a single word or number.")
    (tmp_path / "rows.jsonl").write_text(json.dumps({"index": 1, "question": "Which?", "answer": "A"}))
    assert [row.code for row in read(RealWorldQA(), tmp_path / "rows.jsonl")[1]] == ["image.missing"]


def test_aokvqa(tmp_path: Path, shape, take, read) -> None:
    fixture = shape("aokvqa")
    examples = {example.id: example for example in take(AOKVQA(), fixture.write(tmp_path))}
    assert set(examples) == {"aokvqa/train/kite0/choice", "aokvqa/train/kite0/direct", "aokvqa/train/kite1/choice"}
    chosen, direct = examples["aokvqa/train/kite0/choice"], examples["aokvqa/train/kite0/direct"]
    assert (chosen.answer.text, chosen.answer.index) == ("wind", 3)
    assert chosen.response == "Kites rise where the air moves.\n\nThe answer is wind."
    assert answers.score("wind", direct) == 1.0
    _, bad = read(AOKVQA(), fixture.write(tmp_path))
    assert [(row.key, row.code) for row in bad] == [("kite2", "answer.index"), ("kite3", "answer.missing")]
    hub = take(AOKVQA(), fixture.hub(tmp_path))
    assert {example.source.allowed_use for example in hub} == {"evaluate"}
    (tmp_path / "aokvqa_x.json").write_text(json.dumps([fixture.record(1, image_id=None)]))
    assert [row.code for row in read(AOKVQA(), tmp_path / "aokvqa_x.json")[1]] == ["image.missing"]


def test_clevr_count(tmp_path: Path, shape, take, read) -> None:
    source = shape("clevr_count").write(tmp_path)
    examples = take(CLEVRCount(), source)
    assert [(e.answer.text, e.response, e.source.allowed_use) for e in examples] == [
        ("7", None, "research"),
        ("yes", "Left of the ball stands a cube.", "research"),
        ("3", None, "evaluate"),
    ]
    (tmp_path / "rows.jsonl").write_text(json.dumps({"problem": "How many?", "answer": "3"}))
    assert [row.code for row in read(CLEVRCount(), tmp_path / "rows.jsonl")[1]] == ["image.missing"]
