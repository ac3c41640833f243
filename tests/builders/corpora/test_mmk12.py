import json
from collections import Counter
from pathlib import Path

import pytest

from perceptdata.builders.corpora.mmk12 import MMK12
from perceptdata.draft import FileIn


def test_the_real_evaluation_set(shared: Path, take) -> None:
    examples = {example.source.key: example for example in take(MMK12(), shared / "corpora/mmk12")}
    assert len(examples) == 40
    assert {(example.source.split, example.source.allowed_use) for example in examples.values()} == {
        ("test", "evaluate")
    }
    assert Counter(example.answer.kind for example in examples.values()) == {"number": 23, "expression": 10, "text": 7}
    sentence = examples["51842346-9143-441b-9f3b-8193fe4c2a9a"]
    assert (sentence.answer.text, sentence.answer.unit) == ("25", "°")
    assert sentence.response is not None
    assert sentence.response.endswith("Therefore, it is: 25°.")
    blanks = examples["1a652296-ed4b-412e-9e0b-70cd071fe120"]
    assert (blanks.answer.text, blanks.answer.accepts[:2]) == ("1;10.5", ("1\n10.5", "1; 10.5"))


def test_the_hubs_and_the_older_shape(shape, corpus: Path, take) -> None:
    examples = {example.source.key: example for example in take(MMK12(), shape("mmk12").write(corpus))}
    assert (examples["h-1"].answer.text, examples["h-1"].meta) == ("65", {"subject": "math"})
    assert examples["h-2"].question == "Fill in: <image> the mass is ______ and the volume ______."
    assert (examples["e-1"].question, examples["e-1"].stage) == (
        "<image>How many apples are shown?",
        "visual_reasoning",
    )
    assert (examples["e-2"].question, examples["e-2"].stage) == ("What is 2 + 3?", "textual_reasoning")
    assert {example.source.allowed_use for example in examples.values()} == {"train"}


def test_another_machines_path_is_matched_at_its_end(corpus: Path, read) -> None:
    def row(picture: str) -> dict[str, str]:
        said = [{"role": "user", "content": [{"type": "image", "image": picture}, {"type": "text", "text": "?"}]}]
        return {"id": picture, "message": json.dumps(said), "answer": "1"}

    (corpus / "k12/images").mkdir(parents=True)
    (corpus / "k12/images/1.png").write_bytes(b"")
    rows = [row("file:///home/me/data/k12/images/1.png"), row("images/2.png")]
    (corpus / "rows.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    drafts, _ = read(MMK12(), corpus)
    assert [draft.images for draft in drafts] == [
        [FileIn(corpus, "k12/images/1.png")],
        [FileIn(corpus, "images/2.png")],  # nowhere: the engine says so
    ]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("[{", "row.unreadable"),
        ("{}", "field.invalid"),
        ('[{"role": "system", "content": "s"}]', "field.invalid"),
        ('[{"role": "user", "content": ["text"]}]', "field.invalid"),
    ],
)
def test_a_message_that_cannot_be_read(corpus: Path, read, message: str, code: str) -> None:
    (corpus / "rows.jsonl").write_text(json.dumps({"id": "1", "message": message, "answer": "1"}) + "\n")
    drafts, bad = read(MMK12(), corpus)
    assert (drafts, [(row.key, row.code) for row in bad]) == ([], [("1", code)])
