import json
from pathlib import Path

from perceptdata import answers
from perceptdata.builders.corpora.tabmwp import TabMWP


def test_three_twins_of_a_table(shape, corpus: Path, take) -> None:
    examples = {example.id: example for example in take(TabMWP(), shape("tabmwp").write(corpus))}
    assert len(examples) == 12
    visual, text, facts = (examples[f"tabmwp/train/1/{twin}"] for twin in ("visual", "text", "facts"))
    assert (visual.answer.text, visual.answer.accepts) == ("1207", ("1,207",))
    assert visual.facts == "Spools of thread:\nColour | Number\nred | 7\nblue | 1,200"
    assert text.question.endswith(f"The figure shows:\n{visual.facts}")
    assert json.loads(facts.answer.text) == [["Colour", "Number"], ["red", "7"], ["blue", "1,200"]]
    assert answers.score('[["colour","number"],["red","7"],["blue","1,200"]]', facts) == 1.0
    assert answers.score('[["red","7"],["blue","1,200"]]', facts) == 0.0
    assert (visual.group, text.group) == (facts.group, facts.group)
    assert (len(visual.images), len(text.images), len(facts.images)) == (1, 0, 1)


def test_units_may_be_left_out(shape, corpus: Path, take) -> None:
    examples = {example.id: example for example in take(TabMWP(), shape("tabmwp").write(corpus))}
    price, rate = examples["tabmwp/test/2/text"], examples["tabmwp/train/4/text"]
    assert [answers.score(said, price) for said in ("3.50", "$3.50", "3.5", "€3.50")] == [1.0, 1.0, 1.0, 0.0]
    assert answers.score("0.25", rate) == 1.0
    assert price.source.allowed_use == "evaluate"
    assert examples["tabmwp/train/3/visual"].answer.index == 1


def test_rows_that_contradict_themselves(shape, corpus: Path, read) -> None:
    fixture = shape("tabmwp")
    rows = {
        "1": fixture.problem("How many?", "many"),
        "2": fixture.problem("Which?", "green", choices=["red", "blue"], ans_type="extractive_text"),
        "3": fixture.problem("How many?", "7", table=""),
    }
    (corpus / "problems_dev.json").write_text(json.dumps(rows))
    drafts, bad = read(TabMWP(), corpus)
    assert not drafts
    assert [(row.key, row.code) for row in bad] == [
        ("1", "field.invalid"),
        ("2", "answer.index"),
        ("3", "field.invalid"),
    ]


def test_samples_of_a_file_are_not_read_twice(shape, corpus: Path, read) -> None:
    source = shape("tabmwp").write(corpus)
    rows = (source / "problems_train.json").read_text()
    (source / "problems_train1k.json").write_text(rows)
    assert len(read(TabMWP(), source)[0]) == 12
    (source / "problems_train.json").unlink()
    assert len(read(TabMWP(), source)[0]) == 12
