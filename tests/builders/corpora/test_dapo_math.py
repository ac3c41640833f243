import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from perceptdata.builders.corpora.dapo_math import DAPOMath, unwrapped


def test_each_prompt_is_one_example(shape, corpus: Path, take, read) -> None:
    source = shape("dapo_math").write(corpus)
    examples = {example.source.key: example for example in take(DAPOMath(), source)}
    assert {
        key: (example.question, example.answer.text, example.meta["copies"]) for key, example in examples.items()
    } == {
        "a-1": ("Find $1+1$.", "2", 3),
        "b-2": ("Find $-7 \\cdot 5$.", "-35", 2),
        "en/train-00000-of-00001/0": ("Find the largest prime below 10.", "7", 1),
    }
    _, bad = read(DAPOMath(), source)
    assert [(row.key, row.code) for row in bad] == [("c-3", "dapo_math.answers_differ")]
    assert "2 rows with this prompt differ" in bad[0].message


def test_parts_count_prompts_and_not_rows(shape, corpus: Path, read, monkeypatch: pytest.MonkeyPatch) -> None:
    fixture = shape("dapo_math")
    rows = [fixture.row(f"Find ${number % 5}+0$.", str(number % 5), f"i-{number % 5}") for number in range(50)]
    pq.write_table(pa.Table.from_pylist(rows), corpus / "train.parquet", row_group_size=7)
    whole, bad = read(DAPOMath(), corpus)
    assert not bad
    assert [(draft.key, draft.meta["copies"]) for draft in whole] == [(f"i-{number}", 10) for number in range(5)]
    monkeypatch.setattr(DAPOMath, "SHARD", 2)
    assert [(part.start, part.stop) for part in DAPOMath().parts(corpus)] == [(0, 2), (2, 4), (4, 5)]
    assert read(DAPOMath(), corpus)[0] == whole


def test_rows_that_cannot_be_read_are_rejects_each(shape, corpus: Path, read) -> None:
    good = shape("dapo_math").FIRST
    lines = [
        json.dumps(good),
        '{"prompt": [{"content": "cut',
        json.dumps(good | {"prompt": []}),
        json.dumps(good | {"prompt": [{"role": "system", "content": "s"}]}),
        json.dumps(good | {"reward_model": {"ground_truth": ""}}),
        json.dumps(good),
    ]
    (corpus / "train.jsonl").write_text("\n".join(lines) + "\n")
    drafts, bad = read(DAPOMath(), corpus)
    assert [(draft.key, draft.meta["copies"]) for draft in drafts] == [("a-1", 2)]
    assert [row.code for row in bad] == ["row.unreadable", "field.invalid", "field.invalid", "answer.missing"]


def test_what_is_wrapped_around_a_problem(shape) -> None:
    fixture = shape("dapo_math")
    assert unwrapped(f"{fixture.BEFORE}Find x.{fixture.BEHIND}") == "Find x."
    assert unwrapped("Find x.") == "Find x."
    told = 'Solve it. Remember to put your answer on its own line after "Answer:" and stop.'
    assert unwrapped(told) == told
