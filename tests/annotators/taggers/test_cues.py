"""The cues tagger: its list, its matching, and what it says of plain and of real traces."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from perceptdata.annotators.taggers.cues import Cues, cue_list, match
from perceptdata.annotators.taggers.structure import Structure
from perceptdata.example import Answer, Example, Source
from perceptdata.segmentation.buffer import Buffer
from perceptdata.spans import PRO, Span
from perceptdata.tagging import tag_batch

LABELS = PRO.labels


def tagged(text: str, **options: float) -> list[tuple[str, str]]:
    (spans,) = tag_batch([("t", text, None)], [Cues(**options)])
    return [(text[span.start : span.end], span.label) for span in spans]


def found(text: str) -> list[str]:
    """The cues in a text, as written there."""
    buffer = Buffer.of([text])
    _, start, end = match(buffer)
    return [text[a - 2 : b - 2] for a, b in zip(start.tolist(), end.tolist(), strict=True)]


def test_the_list_is_clean() -> None:
    cues = cue_list()
    assert len(cues) > 500
    words = [cue.text for cue in cues]
    assert len(set(words)) == len(words)
    for cue in cues:
        assert cue.text.isascii()
        assert cue.text == cue.text.lower().strip()
        assert 0 < cue.weight <= 5
        assert len(cue.reason) > 10
    assert {cue.label for cue in cues} == {0, 1, 2}


def test_cues_are_whole_words_and_the_longest() -> None:
    assert found("The Image Shows a hundred catalogues") == ["The Image Shows"]
    assert found('(red) "blue" **green** and infrared') == ["red", "blue", "green"]
    assert found("calculating") == ["calculat"]  # `calculat*` begins a word
    assert found("recalculating") == []


def test_offsets_hold_behind_any_characters() -> None:
    text = "İstanbul 👩‍👩‍👧 ﬁg: e\u0301 RED 𝒙"  # lower() would lengthen the first letter
    assert found(text) == ["RED"]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("The image shows two red cups on a wooden table.", "perception"),
        ("On the left there is a man holding an umbrella.", "perception"),
        ("Therefore, the total area must be 12 square metres.", "reasoning"),
        ("To find x, we need to apply the Pythagorean theorem.", "reasoning"),
        ("Okay, let's see.", "other"),
        ("The question asks for the number of cups.", "other"),
        ("```py\nimport cv2\narea = 3 * 4\n```", "other"),
        ("<answer>", "other"),
    ],
)
def test_plain_clauses(text: str, label: str) -> None:
    assert tagged(text) == [(text, label)]


def test_the_mixed_sentence_is_two() -> None:
    assert tagged("The figure shows an angle of 32 on the left, so x must be 58.") == [
        ("The figure shows an angle of 32 on the left,", "perception"),
        ("so x must be 58.", "reasoning"),
    ]


def test_margin_and_abstention() -> None:
    (spans,) = tag_batch([("t", "The image shows a red car in the foreground.\nHm, red so what.", None)], [Cues()])
    sure, unsure = spans.score.tolist()
    assert 0 <= unsure < sure <= 1
    assert len(tagged("The image shows a red car in the foreground.\nHm, red so what.", abstain_below=0.7)) == 1
    with pytest.raises(ValidationError):
        Cues(abstain_below=2.0)


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
    (blind, seeing) = tag_batch([("t", text, example), ("u", text, None)], [Cues()])
    assert [span.label for span in seeing] == ["perception"]
    assert "perception" not in [span.label for span in blind]


def test_only_open_clauses_are_labelled() -> None:
    text = "<description>Therefore it follows.</description> Therefore it follows."
    (spans,) = tag_batch([("t", text, None)], [Structure(), Cues()])
    assert [(span.label, span.tagger) for span in spans] == [
        ("other", "structure"),
        ("perception", "structure"),
        ("other", "structure"),
        ("reasoning", "cues"),
    ]


def test_no_text_and_empty_texts() -> None:
    assert tag_batch([], [Cues()]) == []
    assert [list(spans) for spans in tag_batch([("a", "", None), ("b", " \n", None)], [Cues()])] == [[], []]


SENTENCES = st.lists(
    st.sampled_from(
        [
            "The image shows",
            " red ",
            "therefore",
            ". ",
            "\n",
            "the question ",
            "=",
            "\\frac",
            "é",
            "👩‍👧",
            "i see",
            ", so ",
            "?",
        ]
    ),
    max_size=12,
).map("".join)


@given(st.lists(SENTENCES, min_size=1, max_size=5))
def test_labels_do_not_depend_on_the_batch(texts: list[str]) -> None:
    together = tag_batch([(str(at), text, None) for at, text in enumerate(texts)], [Cues()])
    alone = [tag_batch([("t", text, None)], [Cues()])[0] for text in texts]
    assert together == alone


def test_gold(root: Path) -> None:
    """In-sample: the weights were fitted on these traces. The floor guards against a rule that breaks."""
    gold = root.parent / "shared" / "gold" / "dev.jsonl"
    if not gold.is_file():
        pytest.skip("the labelled traces (../shared/gold) are not beside this checkout")
    rows = [json.loads(line) for line in gold.read_text("utf-8").splitlines()]
    confusion = np.zeros((3, 4))  # by gold label and predicted label; the last column is unlabelled
    sets = tag_batch([(row["id"], row["text"], None) for row in rows], [Cues()])
    for row, spans in zip(rows, sets, strict=True):
        text = row["text"]
        said, true = painted(len(text), spans, 3), np.full(len(text), -1)
        for span in row["spans"]:
            true[span["start"] : span["end"]] = LABELS.index(span["label"])
        scored = (true >= 0) & np.array([not char.isspace() for char in text])
        np.add.at(confusion, (true[scored], said[scored]), 1)
    right = np.diag(confusion)
    f1 = 2 * right / (confusion.sum(axis=1) + confusion[:, :3].sum(axis=0))
    assert f1.mean() > 0.75, dict(zip(LABELS, f1, strict=True))


def painted(length: int, spans: list[Span], nothing: int) -> np.ndarray:
    said = np.full(length, nothing)
    for span in spans:
        said[span.start : span.end] = LABELS.index(span.label)
    return said
