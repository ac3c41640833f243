"""Consistency counts the other captions of the same image."""

from collections.abc import Callable, Sequence

import pytest

from perceptdata.plugins import CaptionItem
from perceptdata.registry import make

SAME, OTHER, SILENT = "I see 3 cups.", "I see 4 cups.", "A dog sleeps."


@pytest.mark.parametrize(
    ("others", "verdict", "score"),
    [
        ([SAME], "supported", 1.0),
        ([SAME, SILENT], "supported", 0.5),
        ([SAME, SILENT, SILENT], "not_visible", 1 / 3),
        ([SAME, OTHER], "not_visible", 0.5),  # one against one
        ([OTHER, OTHER, SAME], "contradicted", 1 / 3),
        ([SILENT], "not_visible", 0.0),
        ([], None, None),
    ],
)
def test_verdicts_follow_the_others(
    others: Sequence[str], verdict: str | None, score: float | None, item: Callable[..., CaptionItem]
) -> None:
    (judged,) = make("judges", "consistency").judge([item("There are three cups.", others=others)])
    (opinion,) = judged.opinions
    assert (opinion.verdict, opinion.score) == (verdict, score)
    assert opinion.unjudged == (None if others else "consistency.alone")


def test_a_claim_without_words_is_unjudged(item: Callable[..., CaptionItem]) -> None:
    (judged,) = make("judges", "consistency").judge([item("There it is.", others=[SAME])])
    assert [opinion.unjudged for opinion in judged.opinions] == ["consistency.empty"]
