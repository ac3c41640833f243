import json
from pathlib import Path

import pytest

from perceptdata.builders.corpora.llava_cot import LLaVACoT, stages
from perceptdata.errors import Rejected, UsageError
from perceptdata.ingest import Ingest
from perceptdata.layers import Producer


def test_the_stages_are_gold_spans(shape, corpus: Path, read) -> None:
    drafts, bad = read(LLaVACoT(), shape("llava_cot").write(corpus))
    assert not bad
    ingest = Ingest(LLaVACoT(), "llava_cot", Producer(name="llava_cot", version="1", config="00000000"))
    covered = []
    for draft in drafts:
        made = ingest(draft)
        (spans,) = made.layers["spans"]
        text = made.example.response
        assert text is not None
        covered.append([(span.label, text[span.start : span.end]) for span in spans.spans])
    assert covered[0] == [
        ("other", "I will compare the bars."),
        ("perception", "The bars are labelled 12 and 7."),
        ("reasoning", "12 - 7 = 5."),
        ("other", "5"),
    ]
    assert covered[2][1] == ("perception", "Café cat “Mia”.")  # the accent was joined, and the borders moved with it


def test_two_exchanges_of_one_conversation(shape, corpus: Path, take) -> None:
    first, second, _ = take(LLaVACoT(), shape("llava_cot").write(corpus))
    assert (first.answer.text, second.answer.text, second.choices) == (
        "5",
        "the left one",
        ("the left one", "the right one"),
    )
    assert (first.group, len(second.images), len(second.history)) == (second.group, 1, 2)


@pytest.mark.parametrize(
    "text",
    [
        "no tags at all",
        "<SUMMARY>a</SUMMARY><CAPTION>b</CAPTION><REASONING>c</REASONING>",
        "<SUMMARY>a</SUMMARY><CAPTION>b<REASONING>c</REASONING></CAPTION><CONCLUSION>d</CONCLUSION>",
        "<SUMMARY>a</SUMMARY><CAPTION>b</CAPTION><CAPTION>b</CAPTION><CONCLUSION>d</CONCLUSION>",
        "<SUMMARY>a</SUMMARY><CAPTION>b</CAPTION><REASONING>c</REASONING><CONCLUSION>cut of",
    ],
)
def test_tags_that_are_not_four_stages(text: str) -> None:
    with pytest.raises(Rejected) as caught:
        stages(text)
    assert caught.value.code == "llava_cot.tags"


def test_a_bad_answer_costs_its_exchange_alone(shape, corpus: Path, read) -> None:
    source = shape("llava_cot").write(corpus)
    rows = [json.loads(line) for line in (source / "train.jsonl").read_text().splitlines()]
    rows[0]["conversations"][1]["value"] = "12 - 7 = 5"
    rows[1]["conversations"][1]["value"] = rows[1]["conversations"][1]["value"].replace(" Mia ", " ")
    (source / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    drafts, bad = read(LLaVACoT(), source)
    assert [draft.key for draft in drafts] == ["train/0/turn2"]
    assert [(row.key, row.code) for row in bad] == [("train/0", "llava_cot.tags"), ("train/1", "answer.missing")]


def test_the_archive_in_pieces(shape, corpus: Path) -> None:
    source = shape("llava_cot").write(corpus)
    (source / "image.zip.part-aa").write_bytes(b"PK")
    with pytest.raises(UsageError, match="cat image"):
        LLaVACoT().parts(source)
    assert LLaVACoT(images=source).parts(source)
