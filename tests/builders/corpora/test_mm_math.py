import json
from pathlib import Path

from perceptdata.builders.corpora.mm_math import MMMath


def test_the_last_box_is_the_answer(shape, corpus: Path, take) -> None:
    first, second = take(MMMath(), shape("mm_math").write(corpus))
    assert (first.answer.text, first.answer.kind, len(first.images)) == ("10", "number", 1)
    assert second.answer.text == "\\frac{180-{80}}{2}^{\\circ}"
    assert second.meta == {"year": "seven", "difficult": "medium", "knowledge": "Angles"}


def test_no_box_or_an_open_one(corpus: Path, read) -> None:
    rows = [{"question": "?", "solution": text} for text in ("So it is 5.", "\\boxed{5", "\\boxed{5}")]
    (corpus / "MM_Math.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    drafts, bad = read(MMMath(), corpus)
    assert [draft.key for draft in drafts] == ["MM_Math/2"]
    assert [row.code for row in bad] == ["answer.missing"] * 2
