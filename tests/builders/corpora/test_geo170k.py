import json
from pathlib import Path

from perceptdata.builders.corpora.geo170k import Geo170K


def test_problems_and_captions(shape, corpus: Path, take, read) -> None:
    source = shape("geo170k").write(corpus)
    examples = {example.id: example for example in take(Geo170K(), source)}
    solved = examples["geo170k/train/qa_tuning/0"]
    assert solved.question == "<image>AB = AC and angle A = 40°; then angle B is ()"
    assert (solved.choices, solved.answer.index) == (("60°", "70°", "80°", "100°"), 1)
    assert solved.response == "AB = AC, so angles B and C are equal: (180° - 40°) / 2 = 70°.\nAnswer:B"
    assert solved.meta["raw_question"].startswith("<image>\nFirst perform reasoning")
    caption = examples["geo170k/train/alignment/0"]
    assert (caption.stage, caption.group) == ("perception", solved.group)
    captions = [draft.captions for draft in read(Geo170K(), source)[0] if draft.stage == "perception"]
    assert captions == [["Triangle ABC is isosceles, and its angle A is marked 40°."]]


def test_rows_that_cannot_be_used(corpus: Path, read) -> None:
    def row(asked: str, said: str) -> dict[str, object]:
        return {"image": "1.png", "conversations": [{"from": "human", "value": asked}, {"from": "gpt", "value": said}]}

    rows = [
        row("<image>Question: Which?\nChoices:\nA:1\nB:2", "Answer:E"),
        row("<image>Which?", "Answer: 5"),
        {"image": "1.png"},
    ]
    (corpus / "qa_tuning.json").write_text(json.dumps(rows))
    (corpus / "alignment.json").write_text(json.dumps([row("<image>", "")]))
    drafts, bad = read(Geo170K(), corpus)
    assert [draft.key for draft in drafts] == ["qa_tuning/1"]
    assert [(one.key, one.code) for one in bad] == [
        ("alignment/0", "answer.missing"),
        ("qa_tuning/0", "answer.index"),
        ("qa_tuning/2", "field.invalid"),
    ]
