"""Averages as a paper prints them: each column as heavy, halves as halves, and what is not there told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harnesses import vlmevalkit

from perceptdata.comparison import stored
from perceptdata.comparison.stored import Stored
from perceptdata.evaluation.averages import averages
from perceptdata.evaluation.suites import suite


def results(folder: Path, shares: dict[str, tuple[int, int]], **about: Any) -> Stored:
    """Of each benchmark so many right of so many items."""
    rows = [
        {"benchmark": name, "item": str(at), "sample": 0, "value": value, "state": "right" if value else "wrong"}
        for name, (right, items) in shares.items()
        for at, value in enumerate([1.0] * right + [0.0] * (items - right))
    ]
    return stored.write(folder, rows, {"name": folder.name, **about})


def test_columns_weigh_alike_whatever_their_items(tmp_path: Path) -> None:
    shares = {"MathVista_MINI": (5, 10), "WeMath": (90, 100), "MMStar": (30, 100), "ChartQA_TEST": (1, 4)}
    found = {each.name: each for each in averages(suite("paper-b"), results(tmp_path / "a", shares))}
    assert found["visual mathematics"].accuracy.value == pytest.approx((0.5 + 0.9) / 2)
    assert (found["visual mathematics"].there, found["visual mathematics"].columns) == (2, 4)
    assert found["main table"].accuracy.value == pytest.approx((0.5 + 0.9 + 0.3) / 3)
    assert found["extended"].accuracy.value == 0.25
    # sqrt(.25/10 + .09/100) / 2 is a standard error of .080.
    each = found["visual mathematics"].accuracy
    assert (each.high - each.low) / 2 == pytest.approx(1.96 * 0.080, rel=0.1)


def test_half_columns_count_half(tmp_path: Path) -> None:
    made = results(tmp_path / "a", {"MMVet": (6, 10), "CV-Bench-2D": (10, 10), "CV-Bench-3D": (0, 10)})
    assert averages(suite("paper-d"), made)[0].accuracy.value == pytest.approx((0.6 + 0.5) / 2)
    assert averages(suite("paper-c"), made) == []


def test_an_import_prints_them_and_says_who_judged(cli: Callable[..., Any], tmp_path: Path) -> None:
    for name, judge in (("one", "exact_matching"), ("two", "other")):
        for sample in range(2):
            vlmevalkit(tmp_path / name / "outputs" / str(sample), right=frozenset(range(sample, 4)))
        for path in (tmp_path / name).rglob("*exact_matching*"):
            path.rename(path.with_name(path.name.replace("exact_matching", judge)))
        asked = {"harness": "vlmevalkit", "name": name, "suite": "paper-b", "benchmarks": {"MMStar": "MMStar"}}
        (tmp_path / name / "suite.json").write_text(json.dumps(asked))
    assert cli("eval", "import", "one").code == 0
    done = cli("eval", "import", "two", "--baseline", "results/one")
    assert done.code == 0, done.err
    # MMStar 7 of 12 answers, POPE 2 of 4 items.
    assert "average, perception (2 of 4): 54.2" in done.out
    assert "best of 2" in done.out
    assert "MMStar was judged otherwise: exact_matching_result in one, other_result in two" in done.out
    told = json.loads(cli("eval", "import", "one", "--json").out)
    assert [each["name"] for each in told["averages"]] == ["visual mathematics", "perception", "main table", "extended"]
