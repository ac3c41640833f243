import json
from pathlib import Path

from perceptdata.builders.corpora.cauldron import TheCauldron
from perceptdata.builders.corpora.llava_onevision import LLaVAOneVision


def test_configs_and_exchanges(shape, corpus: Path, take) -> None:
    examples = take(LLaVAOneVision(), shape("llava_onevision").write(corpus))
    assert [(example.stage, example.answer.text, example.meta["subset"]) for example in examples] == [
        ("visual_reasoning", "4", "CLEVR-Math(MathV360K)"),
        ("textual_reasoning", "7", "CLEVR-Math(MathV360K)"),
        ("perception", "Red", "vision_flan(filtered)"),
        ("perception", "No", "vision_flan(filtered)"),
    ]
    colour, dog = examples[2:]
    assert (colour.question, dog.question) == ("<image>\nWhat color is the car?", "Is there a dog?")
    assert colour.meta["raw_question"].endswith("single word or phrase.")
    assert (dog.id, dog.group) == (f"{colour.id}/turn2", colour.group)
    assert examples[1].response == "3 + 4 is counted on from 3.\nAnswer: 7"


def test_the_cauldrons_texts(shape, corpus: Path, take) -> None:
    first, second = take(TheCauldron(), shape("the_cauldron").write(corpus))
    assert (first.question, first.answer.text, first.meta["source"]) == ("<image>What is the capital?", "Oslo", "ai2d")
    assert (second.question, second.choices, second.answer.index) == ("Which part is X?", ("leaf", "root"), 1)
    assert (second.source.licence, second.source.allowed_use) == ("mixed", "research")


def test_an_exchange_that_cannot_be_used_costs_itself(corpus: Path, read) -> None:
    texts = [
        {"user": "Which?\nChoices:\nA. x\nB. y", "assistant": "Answer: C"},
        {"user": "1+1?\nGive a very brief answer.", "assistant": "2"},
    ]
    (corpus / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ({"texts": texts}, {"texts": "x"})))
    drafts, bad = read(TheCauldron(), corpus)
    assert [(draft.key, draft.question) for draft in drafts] == [("train/0/turn2", "1+1?")]
    assert [(row.key, row.code) for row in bad] == [("train/0", "answer.index"), ("train/1", "field.invalid")]
