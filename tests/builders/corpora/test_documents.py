"""Corpora whose answers are read off: TextVQA, DocVQA, InfographicVQA and ChartQA."""

import json
from pathlib import Path

import pytest

from perceptdata import answers
from perceptdata.builders.corpora.chartqa import ChartQA
from perceptdata.builders.corpora.docvqa import DocVQA, InfoVQA
from perceptdata.builders.corpora.textvqa import TextVQA


def test_textvqa(tmp_path: Path, shape, take, read) -> None:
    fixture = shape("textvqa")
    (example,) = take(TextVQA(), fixture.write(tmp_path))
    assert example.id == "textvqa/train/34602"
    assert example.facts == "Text in the picture: BAKERY | 7:30"
    assert (example.facts_quality, example.group) == ("reference", "openimages/00aa11bb22cc33dd")
    assert (answers.score("bakery", example), answers.score("baker", example)) == (1.0, pytest.approx(0.3))
    _, bad = read(TextVQA(), fixture.write(tmp_path))
    assert [(row.key, row.code) for row in bad] == [("34603", "answer.missing")]
    (guarded,) = take(TextVQA(), fixture.hub(tmp_path))
    assert (guarded.source.split, guarded.source.allowed_use) == ("val", "evaluate")


def test_docvqa_in_three_shapes(tmp_path: Path, shape, take) -> None:
    fixture = shape("docvqa")
    (original,) = take(DocVQA(), fixture.write(tmp_path))
    (hub,) = take(DocVQA(), fixture.hub(tmp_path))
    (scanned,) = take(DocVQA(), fixture.pixparse(tmp_path))
    assert original.answer == hub.answer
    assert original.group == hub.group == "ucsf/abcd0001/1"
    assert scanned.group == "ucsf/abc/4"
    assert (original.source.allowed_use, hub.source.allowed_use) == ("research", "evaluate")
    assert scanned.facts == "Text in the picture:\nMay 3, 1990"
    assert [(region.label, region.coords) for region in scanned.regions] == [("May 3, 1990", (4.0, 6.0, 40.0, 12.0))]
    # ANLS: "May 3 1990" is one character from "May 3, 1990", of eleven
    assert answers.score("May 3 1990", original) == pytest.approx(1 - 1 / 11)
    assert answers.score("tomorrow", original) == 0.0


def test_infovqa_reads_or_works_out(tmp_path: Path, shape, take) -> None:
    first, second = take(InfoVQA(), shape("infovqa").write(tmp_path))
    assert (first.stage, second.stage) == ("perception", "visual_reasoning")
    assert first.facts == "Text in the picture:\n37% of users"
    assert second.facts is None  # its OCR column cannot be read
    assert first.group == second.group == "infographic/an/infographic.jpeg"


def test_ocr_of_the_original_service(tmp_path: Path, shape, read) -> None:
    line = {"boundingBox": [1, 2, 9, 2, 9, 4, 1, 4], "text": "Total 7"}
    odd = {"boundingBox": [1, 2], "text": "?"}
    row = {"questionId": 1, "question": "How much?", "answers": ["7"], "image": "a.png"}
    row["ocr_results"] = {"recognitionResults": [{"lines": [line, odd]}]}
    (tmp_path / "train.jsonl").write_text(json.dumps(row) + "\n" + json.dumps(row | {"image": None}))
    (draft,), (bad,) = read(DocVQA(), tmp_path)
    assert draft.facts == "Text in the picture:\nTotal 7\n?"
    assert [region.coords for region in draft.regions] == [(1.0, 2.0, 9.0, 4.0)]
    assert bad.code == "image.missing"


def test_chartqa_with_its_tables(tmp_path: Path, shape, take, read) -> None:
    source = shape("chartqa").write(tmp_path)
    examples = {example.id: example for example in take(ChartQA(), source)}
    assert sorted((e.stage, e.meta["human"]) for e in examples.values()) == [
        ("perception", False),
        ("textual_reasoning", True),
        ("textual_reasoning", True),
        ("visual_reasoning", True),
        ("visual_reasoning", True),
    ]
    chart = examples["chartqa/train/train/train_human/1/chart"]
    assert chart.facts == "Entity | 2012\nHay | 103.7\nCorn, dry | 103.13"
    assert examples["chartqa/train/train/train_human/1/text"].question.endswith(chart.facts)
    assert chart.group == "chartqa/train/10000000000001.png"
    assert (answers.score("0.59", chart), answers.score("0.6", chart)) == (1.0, 0.0)  # 5 % of 0.57 is 0.0285
    one_split = take(ChartQA(), source / "train")
    assert [example.facts for example in one_split] == [example.facts for example in examples.values()]
    _, bad = read(ChartQA(), source)
    assert [row.code for row in bad] == ["answer.missing"]


def test_a_table_that_is_no_csv_is_no_loss(tmp_path: Path, shape, take) -> None:
    source = shape("chartqa").write(tmp_path)
    (source / "train/tables/10000000000001.csv").write_bytes(b"\xff\xfe\x00")
    assert {example.facts for example in take(ChartQA(), source)} == {None}


def test_chartqa_of_the_hubs(tmp_path: Path, shape, take, read) -> None:
    first, second = take(ChartQA(), shape("chartqa").hub(tmp_path))
    assert (first.meta["human"], second.meta["human"]) == (True, False)
    assert second.answer.accepts == ("0.03",)
    assert {example.source.allowed_use for example in (first, second)} == {"evaluate"}
    rows = [{"type": "augmented_test", "question": "How many?", "answer": "3", "image": "a.png"}]
    (tmp_path / "test.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (draft,), _ = read(ChartQA(), tmp_path / "test.jsonl")
    assert (draft.stage, draft.meta["human"]) == ("perception", False)
