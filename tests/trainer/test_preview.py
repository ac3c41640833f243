"""A dry run says what the run then does."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from models import tiny as factory

from perceptdata.trainer.model import TrainedModel
from perceptdata.trainer.options import Paths
from perceptdata.trainer.presets import make
from perceptdata.trainer.preview import Histogram, preview, sizes, skeleton

Tiny = Callable[[str], Path]


def test_rows_tokens_and_steps(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    chosen = make("sft", {"batch": 2, "accumulate": 2, "epochs": 3, "max_length": 130})
    seen = preview(chosen, Paths(model=str(tiny("qwen3_vl")), view=cards, out=tmp_path / "out"), processes=2)
    assert (seen.rows, sum(seen.stages.values())) == (12, 12 - sum(seen.rejected.values()))
    assert seen.rejected["text.missing"] == 1
    assert seen.rejected["tokens.too_long"] >= 1
    assert seen.histograms["row"].most > 130  # what is cut is shown
    assert seen.histograms["row"].cut == 130
    assert sum(seen.histograms["prompt"].counts) == 11
    kept = sum(seen.stages.values())
    assert seen.rows_a_step == 8
    assert seen.steps == 3 * math.ceil(math.ceil(kept / 4) / 2)
    assert seen.checkpoints == tmp_path / "out" / "checkpoints"
    assert seen.to_json()["histograms"]["images"]["counts"]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [{}, {"lora": {"r": 4}}, {"train": ["projector", "head"]}])
@pytest.mark.parametrize("family", factory.TRAINED)
def test_parameters_are_counted_without_weights(tiny: Tiny, family: str, options: dict) -> None:
    chosen = make("sft", options)
    model = TrainedModel.load(str(tiny(family)), chosen)
    moving = sum(value.numel() for value in model.network.parameters() if value.requires_grad)
    assert sizes(skeleton(str(tiny(family))), chosen)[0] == moving


def test_histogram_by_hand() -> None:
    """4 to 28 are 25 values: 12 bins need a width of 3, and begin at 3, the multiple below 4."""
    found = Histogram.of(np.array([4, 5, 6, 28, 28]), cut=20)
    assert found.edges == (3, 6, 9, 12, 15, 18, 21, 24, 27, 30)
    assert found.counts == (2, 1, 0, 0, 0, 0, 0, 0, 2)
    assert (found.least, found.most, found.median, found.total, found.cut) == (4, 28, 6, 71, 20)


@pytest.mark.parametrize("values", [[0, 0], [7], [1, 12], [1, 13], [11, 12, 5000], list(range(100))])
def test_every_value_is_in_one_bin(values: list[int]) -> None:
    found = Histogram.of(np.array(values))
    assert sum(found.counts) == len(values)
    assert len(found.counts) == len(found.edges) - 1 <= 13
    assert found.edges[0] <= min(values) <= max(values) < found.edges[-1]
    assert min(found.counts[0], found.counts[-1]) > 0
