import hashlib
import json
from pathlib import Path

import pytest
from drawn import png, put
from fetched import SHAS, URLS, downloaded

from perceptdata.builders.corpora.docci import DOCCI
from perceptdata.builders.corpora.pixmo import PixMoAsk, PixMoCap, PixMoCapQA, PixMoCount, PixMoDocs, PixMoPoints
from perceptdata.errors import UsageError


def test_pictures_are_found_by_hash_and_verified(tmp_path: Path, shape, take, read) -> None:
    builder = PixMoAsk(images=downloaded(tmp_path / "pictures"))
    source = shape("pixmo_ask").write(tmp_path)
    examples = take(builder, source)
    assert [example.images[0].sha256 for example in examples] == SHAS[:2]
    _, bad = read(builder, source)
    assert [(row.key.rpartition("/")[2], row.code) for row in bad] == [("2", "image.missing"), ("3", "image.changed")]
    assert URLS[2] in bad[0].message
    assert SHAS[3] in bad[1].message


def test_a_caption_is_a_gold_caption(tmp_path: Path, shape, read) -> None:
    builder = PixMoCap(images=downloaded(tmp_path / "pictures"))
    drafts, bad = read(builder, shape("pixmo_cap").write(tmp_path))
    assert [draft.captions for draft in drafts] == [(draft.answer.text,) for draft in drafts]
    assert drafts[0].facts == "A picture of number 1, described at length."
    assert drafts[0].meta == {"transcripts": ["well"]}
    assert [row.code for row in bad] == ["image.missing"] * 2


def test_marks_of_a_conversation_are_taken_off(tmp_path: Path, shape, take) -> None:
    (example,) = take(PixMoCapQA(images=downloaded(tmp_path / "p")), shape("pixmo_cap_qa").write(tmp_path))
    assert example.question == "<image>What color is the picture?"
    assert example.meta["raw_question"].startswith("[USER]")


def test_counts_and_points(tmp_path: Path, shape, take, read) -> None:
    folder = downloaded(tmp_path / "pictures")
    none, one = take(PixMoCount(images=folder), shape("pixmo_count").write(tmp_path))
    assert (none.answer.text, one.answer.text, one.meta["points"]) == ("0", "1", {"x": [7.5], "y": [1.0]})
    assert one.regions == ()
    _, two = take(PixMoPoints(images=folder), shape("pixmo_points").write(tmp_path))
    assert [(region.coords, region.frame) for region in two.regions] == [
        ((12.5, 99.9), "percent"),
        ((25.0, 99.9), "percent"),
    ]
    base = {"image_url": URLS[0], "image_sha256": SHAS[0], "label": "dogs"}
    rows = [
        {**base, "points": {"x": [1, 2], "y": [3, 4]}},  # counted from the points
        {**base},
        {**base, "count": "many"},
        {**base, "count": 1, "points": [{"x": 1}]},
        {**base, "count": 1, "image_sha256": "../../etc/passwd"},
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (draft,), bad = read(PixMoCount(images=folder), tmp_path / "rows.jsonl")
    assert draft.answer.text == "2"
    assert [row.code for row in bad] == ["answer.missing", "answer.missing", "field.invalid", "field.invalid"]


def test_documents_bring_their_pictures_and_several_questions(tmp_path: Path, shape, take, read) -> None:
    source = shape("pixmo_docs").write(tmp_path)
    examples = take(PixMoDocs(), source)
    assert [(e.source.key, e.group, e.meta["document"]) for e in examples] == [
        ("charts_3/0", "pixmo-docs/charts_3", "charts"),
        ("charts_3/1", "pixmo-docs/charts_3", "charts"),
        ("charts_4/0", "pixmo-docs/charts_4", "charts"),
    ]
    picture = put(tmp_path / "more/a.png", png("a")).name
    rows = [
        {"image": picture, "image_id": "x", "questions": [{"question": "Which?", "answer": "one"}]},
        {"image": picture, "image_id": "y", "questions": {"question": ["Which?"], "answer": []}},
    ]
    (tmp_path / "more/rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    drafts, bad = read(PixMoDocs(), tmp_path / "more")
    assert [draft.key for draft in drafts] == ["x/0"]
    assert [(row.key, row.code) for row in bad] == [("y", "field.invalid")]


def test_images_must_be_a_folder(tmp_path: Path, shape) -> None:
    archive = put(tmp_path / "pictures.zip", b"")
    with pytest.raises(UsageError, match="is a file"):
        PixMoAsk(images=archive).parts(shape("pixmo_ask").write(tmp_path))


def test_docci(tmp_path: Path, shape, take) -> None:
    source = shape("docci").write(tmp_path)
    put(source / "images/qual_dev_00003.jpg", (source / "images/train_00009.jpg").read_bytes())
    first, second, third = take(DOCCI(), source)
    assert [example.source.split for example in (first, second, third)] == ["train", "test", "qual_dev"]
    assert first.answer.text == first.facts
    assert hashlib.sha256((source / "images/test_00000.jpg").read_bytes()).hexdigest() == second.images[0].sha256
