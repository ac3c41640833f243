import json
from pathlib import Path

from perceptdata.builders.corpora.perception_r1 import PerceptionR1


def test_annotations_are_facts(shape, corpus: Path, take) -> None:
    listed, written = take(PerceptionR1(), shape("perception_r1").write(corpus))
    assert (listed.facts, listed.facts_quality) == ("AB is labelled 5\nangle B is a right angle", "reference")
    assert written.facts == "AB is labelled 6\nAB and BC are equal"
    assert (written.answer.text, written.source.allowed_use) == ("6\\sqrt{2}", "research")


def test_without_annotations_or_figure(corpus: Path, read) -> None:
    rows = [{"problem": "<image>?", "answer": "1", "images": ["a.png"]}, {"problem": "?", "answer": "1"}]
    (corpus / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    drafts, bad = read(PerceptionR1(), corpus)
    assert [draft.facts for draft in drafts] == [None]
    assert [row.code for row in bad] == ["image.missing"]
