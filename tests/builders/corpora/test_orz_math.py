import json
from pathlib import Path

import pytest

from perceptdata.builders.corpora.orz_math import ORZMath


def test_lists_columns_and_plain_rows(shape, corpus: Path, take, read) -> None:
    source = shape("orz_math").write(corpus)
    examples = {example.source.key: example.answer.text for example in take(ORZMath(), source)}
    assert examples == {
        "orz_math_13k_collection_hard/0": "2",
        "orz_math_13k_collection_hard/1": "-1, 1",
        "text/0": "100",
        "train-00000-of-00001/0": "2^5",
    }
    scores = [draft.scores for draft in read(ORZMath(), source)[0] if draft.scores]
    assert scores == [{"pass_rate": 0.25}]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ([{"from": "human", "value": "1+1?"}], "field.invalid"),
        ([{"from": "human", "value": ""}, {"ground_truth": {"value": "2"}}], "field.invalid"),
        ([{"from": "human", "value": "1+1?"}, {"from": "assistant", "ground_truth": {"value": " "}}], "answer.missing"),
        (["1+1?", "2"], "row.unreadable"),
    ],
)
def test_rows_that_cannot_be_used(corpus: Path, read, row: object, code: str) -> None:
    (corpus / "rows.json").write_text(json.dumps([row, {"problem": "1+1?", "answer": "2"}]))
    drafts, bad = read(ORZMath(), corpus)
    assert [draft.key for draft in drafts] == ["rows/1"]
    assert [(one.key, one.code) for one in bad] == [("rows/0", code)]
