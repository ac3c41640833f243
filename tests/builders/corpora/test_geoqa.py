from pathlib import Path

import pytest

from perceptdata.builders.corpora.geoqa import GeoQA
from perceptdata.errors import UsageError


def test_both_shapes(shape, corpus: Path, take) -> None:
    examples = {example.id: example for example in take(GeoQA(), shape("geoqa").write(corpus))}
    tagged = examples["geoqa/train/train-00000-of-00001/0"]
    assert (tagged.answer.text, tagged.answer.unit, tagged.question) == (
        "142",
        "°",
        "<image>AB ∥ CD and ∠1 = 38°. Then ∠2 = ()",
    )
    assert (tagged.source.licence, tagged.source.allowed_use) == ("unstated", "research")
    measure = examples["geoqa/train/train-00000-of-00001/1"]
    assert (measure.answer.kind, measure.answer.unit) == ("number", "cm")
    assert measure.group == tagged.group  # one figure
    easy = examples["geoqa/test/plus/test-00000-of-00001/0"]
    assert (easy.choices, easy.answer.index, easy.source.allowed_use) == (("45°", "55°"), 0, "evaluate")


def test_pickles_are_not_opened(corpus: Path) -> None:
    (corpus / "train.pk").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(UsageError, match="is a pickle"):
        GeoQA().parts(corpus)
    with pytest.raises(UsageError, match="--source"):
        GeoQA().parts(None)
