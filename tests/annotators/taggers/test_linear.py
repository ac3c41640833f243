"""The linear tagger: its features, its file, and what it says of real traces that it has not seen."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from perceptdata.annotators.taggers.batch import Batch
from perceptdata.annotators.taggers.features import BITS, DENSE, features
from perceptdata.annotators.taggers.linear import SHIPPED, Linear
from perceptdata.annotators.taggers.model import Model
from perceptdata.annotators.taggers.shipped import ALLOWED, LICENCES, allowed
from perceptdata.cli import app
from perceptdata.errors import UsageError
from perceptdata.example import Answer, Example, Source
from perceptdata.labelled import LabelledText, leave_one_source_out, measure, read_labelled
from perceptdata.plugins import TextItem
from perceptdata.segmentation import segment
from perceptdata.spans import Span, SpanSet
from perceptdata.tagging import tag_batch


def batch_of(*texts: str, question: str = "") -> Batch:
    found = segment(texts)
    items = []
    for at, text in enumerate(texts):
        start, end = found.of(at)
        open_, unsure = np.full(len(start), -1, np.int8), np.zeros(len(start), np.float32)
        items.append(TextItem(str(at), text, None, start, end, open_, unsure, {"question": question}))
    return Batch.of(items)


def dense(text: str, question: str) -> dict[str, list[float]]:
    columns = features(batch_of(text, question=question)).dense.T / np.array([[scale] for scale in DENSE.values()])
    return {name: column.round(3).tolist() for name, column in zip(DENSE, columns, strict=True)}


def test_question_overlap_by_hand() -> None:
    # The question's content words (four letters or a digit): "many", "cups", "table"; the clauses' are "many", "cups",
    # "table" (all asked for), and "there", "three" (none). Of the first clause's five pairs "how many", "many cups",
    # "on the", "the table" are asked, "cups on" is not; the second's are "there are", "are three", "three .".
    found = dense("How many cups on the table\nThere are three.", "How many cups are on the table?")
    assert found["question"] == [1, 1]
    assert found["asked"] == [1, 0]
    assert found["pairs_asked"] == [0.8, 0]
    assert found["covered"] == [1, 0]
    assert found["late"] == [0, 1]
    assert dense("How many cups", "")["question"] == [0]
    assert dense("cups, cups and cups", "How many cups are on the table?")["covered"] == [0.333]


def test_ngrams_by_hand() -> None:
    # "a bc": words a, bc and their pair; with the byte before and behind, " a bc" and what follows, six bytes: four
    # threes, three fours, two fives.
    found = features(batch_of("a bc"))
    assert found.clause.tolist() == [0] * 12
    assert found.weight.tolist() == pytest.approx([1 / np.sqrt(3)] * 3 + [1 / 3] * 9)
    assert (found.bucket < 2**BITS).all()
    same = features(batch_of("A BC"))
    assert same.bucket.tolist() == found.bucket.tolist()
    assert features(batch_of("bc a")).bucket.tolist()[2] != found.bucket.tolist()[2]


TEXTS = st.lists(
    st.lists(
        st.sampled_from(
            ["The image shows", " red ", "so ", ". ", "\n", "=12", "\\frac", "é", "👩‍👧", "數", "?", "<b>"]
        ),
        max_size=9,
    ).map("".join),
    min_size=1,
    max_size=5,
)


@given(TEXTS)
def test_labels_and_scores_do_not_depend_on_the_batch(texts: list[str]) -> None:
    meta = [{"question": "Is the image red?"}] * len(texts)
    together = tag_batch([(str(at), text, None) for at, text in enumerate(texts)], [Linear()], meta)
    alone = [tag_batch([("t", text, None)], [Linear()], meta[:1])[0] for text in texts]
    assert together == alone
    assert all(0 <= span.score <= 1 for spans in together for span in spans)


def test_without_an_image_nothing_is_perceived() -> None:
    example = Example(
        id="a",
        stage="textual_reasoning",
        group="a",
        question="How many?",
        answer=Answer(text="2"),
        source=Source(builder="b", version="1", corpus="c", split="train", key="a", licence="MIT"),
    )
    text = "The image shows a red car in the foreground."
    blind, seeing = tag_batch([("t", text, example), ("u", text, None)], [Linear()])
    assert [span.label for span in seeing] == ["perception"]
    assert "perception" not in [span.label for span in blind]
    assert tag_batch([], [Linear()]) == []


def labelled(source: str, number: int) -> LabelledText:
    words = {"perception": "a blue cup stands here", "reasoning": "thus we add both", "other": "okay well"}
    lines = [f"{said} {number}" for said in words.values()]
    spans, at = [], 0
    for label, line in zip(words, lines, strict=True):
        spans.append(Span(at, at + len(line), label))
        at += len(line) + 1
    return LabelledText(f"{source}{number}", "\n".join(lines), SpanSet.of(spans), source, "m", "MIT")


ROWS = [labelled(source, number) for source in "ab" for number in range(10, 13)]


def test_training_gives_the_same_bytes_and_what_was_taught(tmp_path: Path) -> None:
    tagger = Linear.train(ROWS, tmp_path / "a.npz")
    Linear.train(ROWS[::-1], tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert measure([labelled("c", 77)], [tagger.model_copy(update={"cues": 0.0})]).macro_f1 == 1.0
    about = Model.load(tmp_path / "a.npz").about
    assert about["sources"] == {"a": 3, "b": 3}
    assert about["clauses"] == 18
    assert tagger.learned_from() == {row["sha256"] for row in about["texts"]}
    assert len(tagger.learned_from()) == 3  # both sources hold the same three texts
    by_source, pooled = leave_one_source_out(Linear, ROWS)
    assert list(by_source) == ["a", "b"]
    assert pooled.macro_f1 == 1.0


def test_the_model_and_not_its_place_is_what_a_step_remembers(tmp_path: Path) -> None:
    one = Linear.train(ROWS, tmp_path / "a.npz")
    same = Linear.train(ROWS, tmp_path / "b.npz")
    other = Linear.train(ROWS[:4], tmp_path / "c.npz")
    assert one.options() == same.options() != other.options()


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    for name, data in (("a.npz", b"PK nonsense"), ("b.npz", b"")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UsageError, match="no model of the linear tagger"):
            Linear(model=tmp_path / name).options()
    with pytest.raises(UsageError, match="no model of the linear tagger"):
        Linear(model=tmp_path / "missing.npz").options()
    shipped = Model.load(SHIPPED)
    replace(shipped, about={**shipped.about, "format": 0}).save(tmp_path / "old.npz")
    with pytest.raises(UsageError, match="another version"):
        Linear(model=tmp_path / "old.npz").options()


def test_a_label_that_nothing_bears(tmp_path: Path) -> None:
    only = replace(ROWS[0], spans=ROWS[0].spans.take(np.array([0, 1])))
    with pytest.raises(UsageError, match="no text is labelled other"):
        Linear.train([only], tmp_path / "a.npz")


def test_the_shipped_model_learned_only_from_what_may_be_learned_from() -> None:
    about = Model.load(SHIPPED).about
    assert {row["source"] for row in about["texts"]} == set(about["why"]) <= set(ALLOWED)
    assert {row["licence"] for row in about["texts"]} <= set(LICENCES)
    hosted = ("gpt", "gemini", "claude", "qwen-vl-max")
    assert [row["model"] for row in about["texts"] if any(name in row["model"].casefold() for name in hosted)] == []
    assert SHIPPED.stat().st_size < 200_000


@pytest.fixture(scope="module")
def gold(root: Path) -> Path:
    """The labelled traces."""
    path = root.parent / "shared" / "gold" / "dev.jsonl"
    if not path.is_file():
        pytest.skip("the labelled traces (../shared/gold) are not beside this checkout")
    return path


def test_the_shipped_model_can_be_made_again(gold: Path, tmp_path: Path) -> None:
    texts = allowed(read_labelled(gold))
    made = Linear.train(texts, tmp_path / "a.npz", {one.source: ALLOWED[one.source] for one in texts})
    again, shipped = Model.load(made.model), Model.load(SHIPPED)
    assert again.about == shipped.about
    # Another processor's last bits may round a weight the other way, but no further.
    steps = np.zeros((2, 2**BITS, 3))
    for at, model in enumerate((again, shipped)):
        steps[at, model.bucket] = model.grams
    assert np.abs(steps[0] - steps[1]).max() <= 1
    assert np.abs(again.dense - shipped.dense).max() <= 1


def test_gold_with_sources_left_out(gold: Path) -> None:
    """Without the cues, whose list saw these traces, so that nothing of the left-out source was known."""

    class Alone(Linear):
        cues: float = 0.0

    _, pooled = leave_one_source_out(Alone, read_labelled(gold))
    assert pooled.macro_f1 > 0.72
    assert (
        measure([one for one in read_labelled(gold) if one not in allowed(read_labelled(gold))], [Linear()]).macro_f1
        > 0.75
    )


def test_eval_leaves_out_what_was_learned(gold: Path) -> None:
    done = CliRunner().invoke(
        app, ["tagger", "eval", str(gold), "--json", "--use", "linear", "--use", "structure,cues"]
    )
    (found,) = json.loads(done.stdout).values()
    assert [(row["tagger"], row["texts"], row["left_out"]) for row in found] == [
        ("linear", 42, 29),
        ("structure,cues", 71, 0),
    ]
    assert {"macro_f1", "perception", "reasoning", "other", "perception_precision"} < set(found[0])
