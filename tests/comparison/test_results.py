"""Results compared: by hand where a number can be worked out, refused where items differ."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perceptdata.agreement.significance import sign_test
from perceptdata.comparison import stored
from perceptdata.comparison.findings import compare
from perceptdata.comparison.paired import difference, verdict
from perceptdata.comparison.results import state_of
from perceptdata.comparison.stored import Stored
from perceptdata.errors import UsageError


def answers(folder: Path, name: str, values: dict[str, float | None], benchmark: str = "MMStar", **more: Any) -> Stored:
    rows = [
        {
            "benchmark": benchmark,
            "item": item,
            "sample": 0,
            "check": f"asked {item}",
            "value": value,
            "state": state_of(value),
            "question": f"What is {item}?",
            "answer": "A",
            "said": f"{name} says so of {item}",
            **more,
        }
        for item, value in values.items()
    ]
    return stored.write(folder / name, rows, {"name": name})


def many(folder: Path, name: str, right: set[int], count: int = 40, **more: Any) -> Stored:
    return answers(folder, name, {str(at): float(at in right) for at in range(count)}, **more)


def test_the_bootstrap_has_the_spread_of_a_mean() -> None:
    delta = np.r_[np.ones(60), -np.ones(20), np.zeros(120)]
    made = difference(delta, np.arange(200), rounds=20000, seed=1)
    assert made.estimate.value == pytest.approx(0.2)
    error = delta.std() / np.sqrt(200)  # of a mean of 200 differences
    assert made.samples.std() == pytest.approx(error, rel=0.03)
    assert made.estimate.low == pytest.approx(0.2 - 1.96 * error, abs=0.006)
    # Five answers a picture that are all alike say no more than one: the interval is sqrt(5) times as wide.
    grouped = difference(np.repeat(delta, 5), np.repeat(np.arange(200), 5), rounds=20000, seed=1)
    assert grouped.samples.std() == pytest.approx(error, rel=0.03)


def test_drawing_kinds_of_groups_is_drawing_groups() -> None:
    rng = np.random.default_rng(3)
    group, delta = rng.integers(0, 50, 300), rng.choice([-1.0, 0.0, 1.0], 300)
    made = difference(delta, group, rounds=20000).samples
    sums = np.stack([np.bincount(group, delta, 50), np.bincount(group, minlength=50)], axis=1)
    drawn = rng.integers(0, 50, (20000, 50))
    whole = sums[drawn].sum(axis=1)
    assert np.quantile(made, (0.1, 0.5, 0.9)) == pytest.approx(
        np.quantile(whole[:, 0] / whole[:, 1], (0.1, 0.5, 0.9)), abs=0.006
    )


def test_wins_losses_and_a_verdict(tmp_path: Path) -> None:
    base = many(tmp_path, "base", set(range(20)))
    tuned = many(tmp_path, "tuned", set(range(2, 34)))  # loses 0 and 1, wins 20 to 33
    row = compare(base, tuned).rows[0]
    assert (row.items, row.wins, row.losses) == (40, 14, 2)
    assert (row.a.value, row.b.value) == (0.5, 0.8)
    assert row.difference.value == pytest.approx(0.3)
    assert row.p == pytest.approx(sign_test(14, 2))
    assert row.verdict == "better"
    assert compare(tuned, base).rows[0].verdict == "worse"
    assert compare(base, base).rows[0].verdict == "undecided"


def test_few_items_get_an_interval_and_no_verdict(tmp_path: Path) -> None:
    base, tuned = many(tmp_path, "base", set(), 29), many(tmp_path, "tuned", set(range(29)), 29)
    found = compare(base, tuned)
    assert found.rows[0].verdict == "too_few"
    assert found.rows[0].difference.low == 1.0
    assert found.notes[0] == "fewer than 30 items or 10 pictures or scenes, so no verdict: MMStar"
    estimate = found.rows[0].difference
    assert verdict(30, 10, estimate, 1e-9) == "better"
    assert verdict(30, 9, estimate, 1e-9) == "too_few"  # nine scenes, whatever is asked of each


def test_different_items_are_refused_or_left_out(tmp_path: Path) -> None:
    base = answers(tmp_path, "base", {"1": 1.0, "2": 0.0, "3": 1.0})
    tuned = answers(tmp_path, "tuned", {"2": 1.0, "3": 1.0, "4": 1.0})
    with pytest.raises(UsageError, match=r"MMStar: 1 only in base, 1 only in tuned.*the 2 .*--intersection"):
        compare(base, tuned)
    found = compare(base, tuned, intersection=True)
    assert found.rows[0].items == 2
    assert found.notes[0] == "compared on the 2 items that both have; 2 others were left out"
    with pytest.raises(UsageError, match="no item in common"):
        compare(base, answers(tmp_path, "other", {"1": 1.0}, "POPE"), intersection=True)


def test_equal_keys_of_different_questions_are_no_pair(tmp_path: Path) -> None:
    base = answers(tmp_path, "base", {"1": 1.0, "2": 0.0})
    changed = answers(tmp_path, "changed", {"1": 1.0}, check="asked something else")
    with pytest.raises(UsageError, match="1 with another question or answer"):
        compare(base, changed)


def test_unread_answers_stand_apart_from_wrong_ones(tmp_path: Path) -> None:
    base = many(tmp_path, "base", set(range(40)))
    rows = [
        {"benchmark": "MMStar", "item": str(at), "sample": 0, "check": f"asked {at}", "value": 0.0, "state": "unparsed"}
        if at < 10
        else {"benchmark": "MMStar", "item": str(at), "sample": 0, "value": None, "state": "failed"}
        if at < 12
        else {"benchmark": "MMStar", "item": str(at), "sample": 0, "value": 1.0, "state": "right"}
        for at in range(40)
    ]
    row = compare(base, stored.write(tmp_path / "cut", rows, {"name": "cut"})).rows[0]
    assert row.states_b == {"right": 28, "wrong": 0, "partial": 0, "unparsed": 10, "failed": 2, "unscored": 0}
    assert (row.items, row.unpaired, row.losses) == (38, 2, 10)
    assert row.difference.value == pytest.approx(-10 / 38)
    assert row.read.value == 0.0


def test_several_samples_are_averaged_an_item(tmp_path: Path) -> None:
    def five(name: str, right: list[int]) -> Stored:
        rows = [
            {"benchmark": "Geo3k", "item": str(at), "sample": sample, "value": float(sample < k), "state": "right"}
            for at, k in enumerate(right)
            for sample in range(5)
        ]
        return stored.write(tmp_path / name, rows, {"name": name})

    found = compare(five("a", [0, 5, 2, 2]), five("b", [1, 5, 1, 4]))
    row = found.rows[0]
    assert (row.wins, row.losses, row.samples) == (2, 1, (5, 5))
    assert row.difference.value == pytest.approx((1 - 1 + 2) / 5 / 4)


def test_the_average_weighs_benchmarks_alike(tmp_path: Path) -> None:
    def two(name: str, right: set[int]) -> Stored:
        rows = [
            {"benchmark": benchmark, "item": str(at), "sample": 0, "value": float(at in right), "state": "right"}
            for benchmark, count in (("long", 200), ("short", 50))
            for at in range(count)
        ]
        return stored.write(tmp_path / name, rows, {"name": name})

    found = compare(two("a", set()), two("b", set(range(50))))
    assert found.average is not None
    assert found.average.value == pytest.approx((0.25 + 1.0) / 2)
    assert found.average.low < 0.625 < found.average.high
    assert [row.p_holm for row in found.rows] == pytest.approx([2 * row.p for row in found.rows])


def test_an_item_stands_once_a_sample(tmp_path: Path) -> None:
    row = {"benchmark": "POPE", "item": "1", "sample": 0, "value": 1.0, "state": "right"}
    with pytest.raises(UsageError, match="item 1 of POPE stands 2 times as sample 0"):
        stored.write(tmp_path / "twice", [row, row], {"name": "twice"})
    with pytest.raises(UsageError, match="'good' is no state"):
        stored.write(tmp_path / "odd", [{**row, "state": "good"}], {"name": "odd"})
    assert not (tmp_path / "twice").exists()


def test_what_is_shown_is_drawn_by_a_seed(tmp_path: Path) -> None:
    base, tuned = many(tmp_path, "base", set()), many(tmp_path, "tuned", set(range(30)))
    found = compare(base, tuned, shown=5)
    assert [len(found.wins), len(found.losses)] == [5, 0]
    moved = found.wins[0]
    assert moved.asked.question == f"What is {moved.item}?"
    assert (moved.said_a, moved.said_b) == (f"base says so of {moved.item}", f"tuned says so of {moved.item}")
    assert found.wins == compare(base, tuned, shown=5).wins
    assert [each.item for each in found.wins] != [each.item for each in compare(base, tuned, shown=5, seed=1).wins]


def test_pictures_do_not_lead_out_of_their_folder(tmp_path: Path) -> None:
    answers(tmp_path, "base", {"7": 1.0, "../secret": 0.0})
    (tmp_path / "img" / "MMStar").mkdir(parents=True)
    (tmp_path / "img" / "MMStar" / "7.jpg").write_bytes(b"a picture")
    (tmp_path / "secret.jpg").write_bytes(b"another's")
    opened = Stored.open(tmp_path / "base", images=tmp_path / "img")
    shown = opened.show([("MMStar", "7"), ("MMStar", "../secret")])
    assert shown["MMStar", "7"].images == (b"a picture",)
    assert shown["MMStar", "../secret"].images == ()
    with pytest.raises(UsageError, match=r"holds no results.*perceptdata eval import"):
        Stored.open(tmp_path / "img")
