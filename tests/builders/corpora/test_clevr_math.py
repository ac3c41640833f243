import json
from pathlib import Path

from perceptdata.builders.corpora.clevr_math import CLEVRMath


def test_both_configs(shape, corpus: Path, take) -> None:
    examples = take(CLEVRMath(), shape("clevr_math").write(corpus))
    assert [example.answer.text for example in examples] == ["4", "0", "2"]
    assert examples[0].group == examples[1].group != examples[2].group
    assert [example.source.allowed_use for example in examples] == ["train", "train", "evaluate"]
    assert examples[1].meta["template"] == "adversarial"


def test_bad_rows(corpus: Path, read) -> None:
    rows = [
        {"question": "?", "label": "four", "image": "a.png"},
        {"question": "How many?", "label": 4},
        {"question": "How many?", "label": True, "image": "a.png"},
    ]
    (corpus / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"question": "cut')
    _, bad = read(CLEVRMath(), corpus)
    assert [row.code for row in bad] == ["field.invalid", "image.missing", "field.invalid", "row.unreadable"]
