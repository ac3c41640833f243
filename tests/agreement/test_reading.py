"""Reading annotators and texts out of a workspace: own texts, responses, captions, people."""

from pathlib import Path
from typing import Any

import pytest
from toys import card, write_lines

from perceptdata.agreement import read
from perceptdata.agreement.reading import source_of, texts_of
from perceptdata.errors import UsageError
from perceptdata.layers import Producer, Review, SpanRecord, text_sha256
from perceptdata.shard import ShardWriter
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.workspace import EXAMPLES, Workspace

pytestmark = pytest.mark.usefixtures("with_toys")


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    tried = {"responses": [{"text": "I see one try."}, {"text": "So another."}]}
    write_lines(tmp_path / "cards" / "0.jsonl", [card(1, **tried), card(2, response=None), card(3)])
    made = Workspace.create(tmp_path / "ws")
    run(made, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    run(made, "tags", "tag", use="toy_words", **{"from": ["response", "question", "cards"]})
    run(made, "other", "tag", use={"toy_words": {"see": ["sum"]}}, **{"from": ["response", "cards"]})
    return made


def run(ws: Workspace, name: str, do: str, **options: Any) -> None:
    with ws.lock("test"):
        run_step(ws, name, make_step(do, options))


def review(ws: Workspace, *rows: Review) -> None:
    """A layer `people`, as a review tool would leave it."""
    step, shard, _, file = ws.shards(EXAMPLES)[0]
    with ShardWriter(ws.path, "people", "00000000", "all") as writer:
        writer.write("layers/reviews", Review.table(rows))
    with ws.lock("test"):
        begun = ws.begin("people", "00000000", "review", {}, 1)
        begun.shards["all"] = writer.entry(file.sha256, about=f"{step}/{shard}")
        ws.finish(begun)


def reviewed(text_id: str, text: str, reviewer: str, label: str) -> Review:
    return Review(
        text_id=text_id,
        text_sha256=text_sha256(text),
        reviewer=reviewer,
        scheme="pro@1",
        spans=(SpanRecord(start=0, end=len(text), label=label, score=1.0, tagger=reviewer),),
        producer=Producer(name="review", version="1", config="00000000"),
    )


def test_layers_meet_on_the_texts_of_the_workspace(ws: Workspace) -> None:
    joined = read(ws, ["tags", "other"])
    assert joined.coded.annotators == ("tags", "other")
    assert dict(zip(joined.coded.ids, joined.coded.texts, strict=True)) == {
        "cards/train/1#cards/0": "I see one try.",
        "cards/train/1#cards/1": "So another.",
        "cards/train/1#response": "I see 1 and 0. So the sum is 1.",
        "cards/train/3#response": "I see 3 and 0. So the sum is 3.",
    }
    assert joined.counts() == {"tags": {"unpaired": 3}}  # the questions


def test_people_are_annotators_each(ws: Workspace) -> None:
    text = "I see 1 and 0. So the sum is 1."
    review(
        ws,
        reviewed("cards/train/1#response", text, "ann", "perception"),
        reviewed("cards/train/1#response", text + " Or 2.", "eve", "other"),
        reviewed("cards/train/9#response", text, "eve", "other"),
        reviewed("no address", text, "eve", "other"),
    )
    joined = read(ws, ["tags", "people"])
    assert joined.coded.annotators == ("tags", "people:ann", "people:eve")
    assert joined.coded.ids == ["cards/train/1#response"]
    assert joined.counts()["people:eve"] == {"text.changed": 1, "text.missing": 2}


def test_what_cannot_be_compared_is_said(ws: Workspace) -> None:
    with pytest.raises(UsageError, match="step 'cards' has no spans or reviews; tags, other has"):
        read(ws, ["tags", "cards"])
    with pytest.raises(UsageError, match="two annotators are compared at least"):
        read(ws, ["tags"])
    with pytest.raises(UsageError, match="each annotator is named once"):
        read(ws, ["tags", "tags"])


def test_only_wanted_texts_are_kept(ws: Workspace) -> None:
    wanted = ["cards/train/3#question", "cards/train/2#response", "cards/train/7#facts", "cards/train/1#cards/1"]
    found = texts_of(wanted, ws.examples().to_batches(), {"cards": ws.layer("cards", "responses").to_batches()})
    assert found == {"cards/train/3#question": "What is 3 + 0?", "cards/train/1#cards/1": "So another."}


def test_a_text_belongs_to_the_source_its_id_begins_with() -> None:
    assert source_of("gsm8k/train/1#response") == "gsm8k"
    assert source_of("my%20own/train/1#cot/0") == "my own"
    assert source_of("img:0f3a#captions/0") == "captions"
