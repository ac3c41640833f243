from pathlib import Path

from perceptdata import answers
from perceptdata.builders.corpora.aime import AIME


def test_the_spellings(shape, corpus: Path, take, read) -> None:
    source = shape("aime").write(corpus)
    padded, capital, degrees = take(AIME(), source)
    assert [example.answer.text for example in (padded, capital, degrees)] == ["33", "204", "336"]
    assert [answers.score(said, padded) for said in ("33", "033", "34")] == [1.0, 1.0, 0.0]
    assert padded.meta == {"id": 60, "year": "2024", "url": "…/1"}
    assert {example.source.allowed_use for example in (padded, capital, degrees)} == {"evaluate"}
    _, bad = read(AIME(), source)
    assert [(row.key, row.code) for row in bad] == [("aime/3", "field.invalid")]
    assert "from 0 to 999" in bad[0].message
