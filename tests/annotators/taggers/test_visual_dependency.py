"""Token scores to clauses: hand-worked numbers, and what is left open."""

import math
from typing import Any

import numpy as np
import pytest

from perceptdata import registry
from perceptdata.annotators.taggers.visual_dependency import VisualDependency, clause_means
from perceptdata.errors import UsageError
from perceptdata.plugins import TextItem
from perceptdata.spans import Span, SpanSet
from perceptdata.tagging import tag_batch

TEXT = "A red cup. So one. Thus 1."
CLAUSES = [(0, 10), (11, 18), (19, 26)]
# "A", " red", " cup", ".", " So", " one", ".", " Thus", " 1", "."
TOKENS = [(0, 1), (1, 5), (5, 9), (9, 10), (10, 13), (13, 17), (17, 18), (18, 23), (23, 25), (25, 26)]
E1, E2 = math.e - 1, math.e**2 - 1  # log(1 + S) is 1 and 2
VALUES = [0.0, E2, E1, E1, 0.0, E1, 0.0, 0.0, E2, E1]  # means: 1, 1/3, 1
ROW = {"values": VALUES, "start": [a for a, _ in TOKENS], "end": [b for _, b in TOKENS], "name": "visual_dependency/k3"}


def spans(values: list[float] | None = None, rows: list[dict[str, Any]] | None = None, **options: Any) -> list[Span]:
    row = ROW | ({"values": values} if values else {})
    tagger = VisualDependency(scores="dep", **options)
    (found,) = tag_batch([("t", TEXT, None)], [tagger], [{"dep": [row] if rows is None else rows}])
    return list(found)


def item(text: str, clauses: list[tuple[int, int]]) -> TextItem:
    start, end = np.array(clauses, np.int32).reshape(-1, 2).T
    return TextItem("t", text, None, start, end, np.full(len(start), -1, np.int8), np.zeros(len(start), np.float32))


def test_means_of_clauses() -> None:
    assert clause_means(item(TEXT, CLAUSES), ROW) == pytest.approx([1.0, 1 / 3, 1.0])


def test_a_token_counts_for_every_clause_that_it_has_characters_of() -> None:
    row = {"values": [E1, E2, 0.0], "start": [0, 2, 6], "end": [2, 5, 7]}
    means = clause_means(item("ab, cd f", [(0, 3), (4, 6), (7, 8)]), row)
    assert means[:2] == pytest.approx([1.5, 2.0])
    assert np.isnan(means[2])


def test_bytes_of_one_character_are_tokens_of_their_own() -> None:
    row = {"values": [E1, E2, E2, E1], "start": [0, 0, 0, 1], "end": [1, 1, 1, 2]}
    assert clause_means(item("图a", [(0, 1), (1, 2)]), row) == pytest.approx([5 / 3, 1.0])


def test_clauses_above_the_threshold_perceive() -> None:
    """Means 2, 1/3 and 1 are relative to one another 1, 0 and (1 - 1/3) / (5/3) = 0.4."""
    values = [E2, E2, E2, E2, *VALUES[4:]]
    assert spans(values) == [Span(0, 10, "perception", 1.0, "visual-dependency")]
    both = spans(values, threshold=0.2)
    assert [(span.start, span.label) for span in both] == [(0, "perception"), (19, "perception")]
    assert [span.score for span in both] == pytest.approx([1.0, 0.25])


def test_reasoning_is_only_said_on_request() -> None:
    found = spans(threshold=0.9, reasoning_below=0.4)
    assert [(span.start, span.label) for span in found] == [(0, "perception"), (11, "reasoning"), (19, "perception")]
    assert found[1].score == 1.0
    values = [E2, E2, E2, E2, *VALUES[4:]]  # 1, 0, 0.4
    assert [span.score for span in spans(values, reasoning_below=0.5)] == pytest.approx([1.0, 1.0, 0.2])


def test_what_an_earlier_tagger_said_stays() -> None:
    class First(VisualDependency):
        def tag(self, texts: Any) -> list[SpanSet]:
            return [SpanSet.of([Span(0, 10, "other")], self.scheme, "first") for _ in texts]

    chain = [First(scores="dep"), VisualDependency(scores="dep")]
    (found,) = tag_batch([("t", TEXT, None)], chain, [{"dep": [ROW]}])
    assert [(span.start, span.label) for span in found] == [(0, "other"), (19, "perception")]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [ROW | {"values": [], "start": [], "end": []}],
        [ROW | {"values": [0.7] * 10}],  # all alike
        [ROW | {"values": [1e-3, *[1e-6] * 9]}],  # rounding
        [ROW | {"name": "entropy"}],
    ],
)
def test_texts_that_say_nothing_stay_open(rows: list[dict[str, Any]]) -> None:
    assert spans(rows=rows, reasoning_below=0.4) == []


def test_several_texts_keep_their_order() -> None:
    texts = [("a", TEXT, None), ("b", "", None), ("c", TEXT, None)]
    meta = [{"dep": [ROW]}, {"dep": []}, {"dep": []}]
    assert [len(found) for found in tag_batch(texts, [VisualDependency(scores="dep")], meta)] == [2, 0, 0]


def test_mistakes_are_sentences() -> None:
    with pytest.raises(UsageError, match="scores"):
        registry.make("taggers", "visual-dependency", {})
    with pytest.raises(UsageError, match="would be both"):
        registry.make("taggers", "visual-dependency", {"scores": "dep", "threshold": 0.2, "reasoning_below": 0.3})
    with pytest.raises(UsageError, match="none at hand"):
        tag_batch([("t", TEXT, None)], [VisualDependency(scores="dep")])
    with pytest.raises(UsageError, match="has 2 rows for t"):
        spans(rows=[ROW, ROW | {"name": "visual_dependency/full_kl"}])
    assert registry.make("taggers", "visual-dependency", {"scores": "dep"}).reads() == {"dep": "token_scores"}
