import json
from pathlib import Path

import pytest

from perceptdata.builders.corpora.arxivqa import ArxivQA
from perceptdata.errors import UsageError


def test_options_lose_their_letters(shape, corpus: Path, take) -> None:
    first, second = take(ArxivQA(), shape("arxivqa").write(corpus))
    assert (first.choices[1], first.answer.index, first.meta["raw_choices"][1]) == ("It falls", 1, "B) It falls")
    assert (second.answer.text, second.meta["raw_answer"], second.response) == ("green", "[C]", "It is green.")
    assert first.group == second.group


def test_labels_that_name_nothing(shape, corpus: Path, read) -> None:
    good = shape("arxivqa").ROWS[0]
    rows = [
        good | {"id": "1", "label": "E"},
        good | {"id": "2", "label": "A, C"},
        good | {"id": "3", "options": ["only"]},
        good | {"id": "4", "image": None},
        good | {"id": "5", "label": "D) Nothing is shown"},
    ]
    (corpus / "arxivqa.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"id": "6", "image')
    drafts, bad = read(ArxivQA(), corpus)
    assert [(draft.key, draft.answer.index) for draft in drafts] == [("5", 3)]
    assert [(row.key, row.code) for row in bad] == [
        ("1", "answer.index"),
        ("2", "answer.index"),
        ("3", "field.invalid"),
        ("4", "image.missing"),
        ("arxivqa/5", "row.unreadable"),
    ]


def test_pictures_that_want_unpacking(shape, corpus: Path) -> None:
    source = shape("arxivqa").write(corpus)
    (source / "images.tgz").write_bytes(b"")
    assert ArxivQA().parts(source)  # they were unpacked
    (source / "images").rename(source / "pictures")
    with pytest.raises(UsageError, match="tar xzf"):
        ArxivQA().parts(source)
    assert ArxivQA(images=source / "pictures").parts(source)
