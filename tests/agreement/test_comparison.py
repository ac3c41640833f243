"""The whole comparison: numbers by hand, groups, intervals, JSON; and two passes over real traces."""

import json
from pathlib import Path

import pytest
from agreement.coding import coded

from perceptdata.agreement import Coded, compare
from perceptdata.spans import PRO, Span, SpanSet

TEXTS = ["Aa. Bb.", "Cc. Dd. Ee."]
ONE = ["PPPRRRR", "PPPPPPPRRRR"]
OTHER = ["PPPRRRR", "PPPRRRRRRRR"]


def test_the_numbers_by_hand() -> None:
    # Clauses: P/P, R/R, P/P, P/R, R/R. p_o = .8; shares of P .6 and .4, p_e = .24 + .24 = .48; kappa = .32/.52.
    # Coincidences: P-P 4, R-R 4, P-R 1 each way; n 10, n_c 5 and 5; D_o = .2, D_e = 2·25/90; alpha = 1 - .36.
    found = compare(coded(TEXTS, one=ONE, other=OTHER), bootstraps=0)["all"]
    assert found.estimates["clauses", "kappa", "one~other", "all"].value == pytest.approx(0.32 / 0.52)
    assert found.estimates["clauses", "alpha", "all"].value == pytest.approx(0.64)
    # Fleiss: P_e = .25 + .25; (.8 - .5)/.5.
    assert found.estimates["clauses", "fleiss", "all"].value == pytest.approx(0.6)
    assert found.estimates["clauses", "f1", "one~other", "perception"].value == pytest.approx(4 / 5)
    # Every clause has three characters: the same shares, but 30 values: alpha = 1 - .2/(2·15·15/(30·29)).
    assert found.estimates["characters", "kappa", "one~other", "all"].value == pytest.approx(0.32 / 0.52)
    assert found.estimates["characters", "alpha", "all"].value == pytest.approx(1 - 0.2 * 30 * 29 / 450)
    # Runs: in the first text both equal; in the second 6 and 3 against 3 and 6.
    assert found.estimates["spans", "one~other", "exact", "all"].value == pytest.approx(0.5)
    assert found.estimates["spans", "one~other", "iou_0.5", "all"].value == 1
    assert found.estimates["errors", "one~other", "agreed", "all"].value == pytest.approx(0.8)
    assert found.estimates["errors", "one~other", "label", "all"].value == pytest.approx(0.2)
    # Perception: two clauses of both, one of the first alone.
    assert found.estimates["errors", "one~other", "agreed", "perception"].value == pytest.approx(2 / 3)
    assert found.to_json()["agreement"]["errors"]["one~other"]["label"]["other"]["value"] is None
    assert found.confusion["clauses", "one~other"].tolist() == [[2, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert (found.texts, found.clauses, found.characters) == (2, 5, 15)


def test_a_longer_clause_weighs_more_by_characters_and_by_tokens() -> None:
    # Four clauses; the one in dispute has 14 of 23 characters and three of six tokens.
    text = "Aa. Bbbb ccc dddddd. Ee. Ff."
    one = "P" * 20 + "R" * 8
    other = "PPP" + "R" * 25

    def words(text: str) -> list[tuple[int, int]]:
        return [(0, 3), (4, 8), (9, 12), (13, 20), (21, 24), (25, 28)]

    found = compare(coded([text], one=[one], other=[other]), 0, tokenize=words)["all"]
    agreed = {}
    for unit in ("clauses", "characters", "tokens"):
        table = found.confusion[unit, "one~other"]
        agreed[unit] = table.trace() / table.sum()
    assert agreed == pytest.approx({"clauses": 3 / 4, "characters": 9 / 23, "tokens": 3 / 6})


def test_groups_are_compared_alone() -> None:
    both = coded(TEXTS, one=ONE, other=OTHER)
    found = compare(both, 50, groups=["gsm8k", "nlvr"])
    assert list(found) == ["all", "gsm8k", "nlvr"]
    alone = compare(coded(TEXTS[1:], one=ONE[1:], other=OTHER[1:]), 50)["all"]
    assert found["nlvr"].to_json() == alone.to_json()
    assert found["gsm8k"].estimates["clauses", "alpha", "all"].value == 1
    assert found["gsm8k"].texts + found["nlvr"].texts == 2


def test_three_annotators_have_three_pairs_and_one_alpha() -> None:
    found = compare(coded(TEXTS, one=ONE, other=OTHER, third=[None, "OOOPPPPRRRR"]), 0)["all"]
    pairs = {path[2] for path in found.estimates if path[1] == "kappa"}
    assert pairs == {"one~other", "one~third", "other~third"}
    # The third has read the second text alone; its clauses are P P O, P R P and R R R in the order of annotators.
    assert found.confusion["clauses", "one~third"].tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]
    # Complete are these three. Coincidences: P-P 1 + 1, P-O 1 and 1, P-R 1 and 1, R-R 3; n is 9, the diagonal 5;
    # p is (4, 4, 1)/9, P_e = 33/81; Fleiss (45 - 33)/(81 - 33) = .25.
    assert found.estimates["clauses", "fleiss", "all"].value == pytest.approx(0.25)
    # Alpha has the first text too (P P, R R): n 13, off the diagonal 4, n_c 6, 6 and 1: 1 - 4·12/(169 - 73).
    assert found.estimates["clauses", "alpha", "all"].value == pytest.approx(0.5)


def test_the_interval_holds_the_value_and_is_repeatable() -> None:
    many = coded(TEXTS * 30, one=ONE * 30, other=OTHER * 30)
    found, again = (compare(many, 200)["all"].to_json() for _ in range(2))
    assert found == again
    for estimate in (
        found["agreement"]["clauses"]["alpha"]["all"],
        found["agreement"]["spans"]["one~other"]["exact"]["all"],
    ):
        assert estimate["low"] < estimate["value"] < estimate["high"]


def test_what_has_no_number_is_null_in_json() -> None:
    found = compare(coded([], one=[], other=[]), 10)["all"].to_json()
    assert found["texts"] == 0
    assert found["agreement"]["clauses"]["alpha"]["all"] == {"value": None, "low": None, "high": None}
    json.dumps(found, allow_nan=False)


def gold(shared: Path) -> list[dict]:
    path = shared / "gold" / "dev.jsonl"
    if not path.exists():
        pytest.skip("the labelled traces (../shared/gold) are not beside this checkout")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_two_passes_over_real_traces(shared: Path) -> None:
    """What their makers measured: 95.0 % of characters, kappa 0.92, F1 .961, .945 and .935 by label."""
    rows = gold(shared)

    def passes(name: str) -> list[SpanSet | None]:
        return [SpanSet.of(Span(each["start"], each["end"], each["label"]) for each in row[name]) for row in rows]

    both = Coded(
        PRO,
        ("first", "second"),
        [row["id"] for row in rows],
        [row["text"] for row in rows],
        [passes("first_pass"), passes("second_pass")],
    )
    found = compare(both, 100, groups=[row["source"] for row in rows])
    everything = found["all"].estimates
    kappa = everything["characters", "kappa", "first~second", "all"]
    assert round(kappa.value, 2) == 0.92
    assert kappa.low < 0.92 < kappa.high
    assert everything["errors", "first~second", "agreed", "all"].value == pytest.approx(0.95, abs=0.005)
    f1 = [everything["characters", "f1", "first~second", label].value for label in PRO.labels]
    assert f1 == pytest.approx([0.961, 0.945, 0.935], abs=0.02)
    assert sum(each.texts for name, each in found.items() if name != "all") == len(rows)
