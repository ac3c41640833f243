import json
from pathlib import Path

from perceptdata.builders.corpora.r1_onevision import R1Onevision


def test_folders_with_pictures_of_every_kind(shape, corpus: Path, take) -> None:
    examples = take(R1Onevision(), shape("r1_onevision").write(corpus))
    assert [(example.meta["subset"], example.answer.text) for example in examples] == [
        ("Geometry3K(MathV360K)", "5"),
        ("intergps", "5"),
        ("intergps", "4"),
        ("vsr(cauldron,llava_format)", "Yes"),
    ]
    assert all(len(example.images) == 1 for example in examples)
    assert all(example.response and example.response.startswith("<think>") for example in examples)
    assert examples[0].choices == ("5", "6")


def test_thoughts_that_are_never_closed(corpus: Path, read) -> None:
    def row(said: str) -> dict[str, object]:
        return {"id": "1", "conversations": [{"from": "human", "value": "2+3?"}, {"from": "gpt", "value": said}]}

    rows = [row("<think>2+3"), row("<think>2+3</think>"), row("2+3</think>5"), row("<think>2+3</think>5"), row("5")]
    (corpus / "train.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    drafts, bad = read(R1Onevision(), corpus)
    assert [(draft.key, draft.answer.text, draft.response) for draft in drafts] == [
        ("train/3", "5", "<think>2+3</think>5"),
        ("train/4", "5", None),
    ]
    assert [(one.key, one.code) for one in bad] == [(f"train/{n}", "answer.missing") for n in range(3)]
