"""Counts against the fixture's, which has 8 problems of three twins and 5 sums."""

import pytest

from perceptdata.report import holdings
from perceptdata.report.holdings import Histogram, Holdings
from perceptdata.report.subject import Subject
from perceptdata.workspace import Workspace


def test_counts_of_the_whole(full: Workspace) -> None:
    held = Holdings.of(Subject(full))
    assert (held.examples, held.images, held.groups) == (29, 8, 13)
    assert held.tagged == 17  # 16 traces of problems and one sum; the text of the last has changed since
    assert held.sources == ["Geometry", "Sums"]
    assert held.count(corpus="Geometry", stage="perception") == 8
    assert held.count(stage="textual_reasoning") == 13
    assert held.splits() == {"test": 5, "train": 24}
    assert held.splits("Sums") == {"test": 5}
    assert sum(row["n"] for row in held.kinds) == 29
    assert held.licences == [
        {"corpus": "Geometry", "licence": "CC-BY-4.0", "use": "train", "n": 24},
        {"corpus": "Sums", "licence": "MIT", "use": "train", "n": 5},
    ]


def test_counts_of_a_view(full: Workspace) -> None:
    held = Holdings.of(Subject(full, "hard"))
    assert (held.examples, held.images, held.groups, held.tagged) == (8, 8, 8, 8)
    assert held.count(stage="perception") == 0


def test_lengths_of_traces(full: Workspace) -> None:
    """16 problems of 24 tokens; 'We add. So it is 2.' has 8; the hostile one 52; 'Sample 0: x = 0.' has 7, twice."""
    lengths = Holdings.of(Subject(full)).lengths
    assert lengths is not None
    assert (lengths.texts, lengths.median, lengths.longest, lengths.width) == (23, 24, 52, 2)
    filled = {bar * lengths.width: count for bar, count in enumerate(lengths.counts) if count}
    assert filled == {6: 2, 8: 4, 24: 16, 52: 1}
    assert not lengths.open_ended


def test_few_long_texts_share_the_last_bar(full: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        holdings, "TAIL", 0.5
    )  # nothing is near enough to the 99th percentile, 52, to be drawn to scale
    lengths = holdings.Holdings.of(Subject(full)).lengths
    assert lengths is not None
    assert sum(lengths.counts) == 23
    assert Histogram(10, (3, 1), 4, 5, 99).open_ended


@pytest.mark.parametrize(("least", "width"), [(0.2, 1), (1, 1), (1.1, 2), (4.3, 5), (5.1, 10), (37, 50), (101, 200)])
def test_bars_have_round_widths(least: float, width: int) -> None:
    assert holdings._round_width(least) == width


def test_an_empty_workspace_counts_nothing(empty: Workspace) -> None:
    held = Holdings.of(Subject(empty))
    assert (held.examples, held.images, held.groups, held.tagged, held.lengths) == (0, 0, 0, 0, None)
    assert held.sources == []
