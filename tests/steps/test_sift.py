"""Sift: what is kept, dropped or not known, by hand for every state an answer can have."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from perceptdata.errors import UsageError
from perceptdata.layers import Producer, Score
from perceptdata.steps.declared import make_step
from perceptdata.steps.sift import Sift, SiftWork, _states

MAKER = Producer(name="score", version="1", config="00000000")


def judge(said: dict[str, Any], **options: Any) -> tuple[float | None, str]:
    sift = Sift(wrong=("look",), right=("read",), **options)
    row = SiftWork(sift, MAKER, Path(), {})._row("e", {"look": None, "read": None, **said})
    assert row.meta["said"] == {"look": said.get("look", "missing"), "read": said.get("read", "missing")}
    assert (row.value is None) == (row.unscored is not None)
    return row.value, row.meta["why"]


@pytest.mark.parametrize(
    ("look", "read", "value", "why"),
    [
        ("wrong", "right", 1.0, "kept"),
        ("right", "right", 0.0, "look right"),
        ("mixed", "right", 0.0, "look mixed"),
        ("unparsed", "right", 0.0, "look unparsed"),
        ("wrong", "wrong", 0.0, "read wrong"),
        ("wrong", "unparsed", 0.0, "read unparsed"),
        ("wrong", "mixed", 0.0, "read mixed"),
        ("unknown", "right", None, "look unknown"),
        ("wrong", "unknown", None, "read unknown"),
        ("unknown", "wrong", 0.0, "read wrong"),  # whatever the picture's answer is, it goes
        (None, "right", None, "look missing"),
        ("wrong", None, None, "read missing"),
        ("right", None, 0.0, "look right"),
    ],
)
def test_the_rule(look: str | None, read: str | None, value: float | None, why: str) -> None:
    said = {name: state for name, state in (("look", look), ("read", read)) if state}
    assert judge(said) == (value, why)


def test_the_quirks_of_the_original() -> None:
    assert judge({"read": "right"}, missing="wrong") == (1.0, "kept")
    assert judge({"look": "wrong"}, missing="wrong") == (None, "read missing")  # a caption's answer has to be there
    assert judge({"look": "unparsed", "read": "right"}, unparsed="wrong") == (1.0, "kept")


def test_samples_of_an_example_are_taken_together(tmp_path: Path) -> None:
    def score(example: str, value: float | None, rung: str = "choice", name: str = "correct") -> Score:
        unscored = None if value is not None else "gold_disagrees"
        return Score(example_id=example, name=name, value=value, unscored=unscored, meta={"rung": rung}, producer=MAKER)

    rows = [
        *(score("a", 1.0), score("a", 1.0), score("a", 0.0, name="format")),
        *(score("b", 0.0), score("b", 1.0)),
        *(score("c", 0.0), score("c", 0.0, "format")),
        *(score("d", 0.0, "format"), score("d", 0.0, "format")),
        *(score("e", 0.0), score("e", None)),
    ]
    pq.write_table(Score.table(rows), tmp_path / "scores.parquet")
    found = _states(tmp_path / "scores.parquet")
    assert found == {"a": "right", "b": "mixed", "c": "unparsed", "d": "unparsed", "e": "unknown"}


def test_a_step_that_sifts_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="name scores steps"):
        make_step("sift", {})
    assert make_step("sift", {"right": "told"}).needs() == ("told",)
