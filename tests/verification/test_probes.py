"""Probes: what is turned round in a text, and what a judge's answers say of it."""

import numpy as np
import pytest

from perceptdata.errors import UsageError
from perceptdata.verification.probes import (
    PERTURBATIONS,
    negate,
    pad,
    perturb_numbers,
    probe_report,
    swap_order,
    swap_sides,
)


@pytest.mark.parametrize(
    ("text", "turned"),
    [
        ("The bar is red.", "The bar is not red."),
        ("There are two cups.", "There are not two cups."),
        ("The bar is not red.", "The bar is red."),
        ("It isn't open.", "It is open."),
        ("The chart shows a rise.", "The chart does not show a rise."),
        ("Both have wheels and are red.", "Both do not have wheels and are red."),
    ],
)
def test_negation(text: str, turned: str) -> None:
    assert negate(text).text == turned


def test_negating_twice_gives_the_text_back() -> None:
    once = negate("The lid was open").text
    assert once is not None
    assert negate(once).text == "The lid was open"


@pytest.mark.parametrize("text", ["3 cubes", "Three cubes and 12 spheres.", "7.25 cm wide", "A total of 0 points"])
def test_numbers_become_others_of_the_same_look(text: str) -> None:
    for seed in range(20):
        found = perturb_numbers(text, seed)
        assert found.text is not None
        assert found.text != text
        assert perturb_numbers(text, seed) == found
        assert len(found.text.split()) == len(text.split())
        assert "-" not in found.text
    assert "." in (perturb_numbers("7.25 cm wide", 0).text or "")
    assert (perturb_numbers("Three cubes", 0).text or "")[0].isupper()


def test_every_number_is_changed() -> None:
    for seed in range(20):
        words = (perturb_numbers("1 of 2 of 3 of four", seed).text or "").split(" of ")
        assert all(new != old for new, old in zip(words, ["1", "2", "3", "four"], strict=True))


def test_sides_are_swapped() -> None:
    assert swap_sides("The cup is left of the jug.").text == "The cup is right of the jug."
    assert swap_sides("Above the table").text == "Below the table"
    assert swap_sides("the LEFTMOST bar").text == "the Rightmost bar"


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (negate("Red bar, blue line."), "no verb that can be denied"),
        (perturb_numbers("A cup on x1 and fig.3a", 0), "no number"),
        (swap_sides("A cup."), "no side"),
        (swap_sides("A right angle at the left vertex"), "a right that is no side"),
        (swap_sides("The left cup is bigger than the right one"), "both sides are named"),
        (pad("  "), "empty"),
        (swap_order(["same", "same"]), "fewer than two different parts"),
    ],
)
def test_what_cannot_be_turned_comes_back_without_text(found: tuple[str | None, str], reason: str) -> None:
    assert found[0] is None
    assert found[1].startswith(reason)


def test_padding_keeps_the_text_and_adds_nothing_of_an_image() -> None:
    padded = pad("Two cups.", times=2).text
    assert padded is not None
    assert padded.startswith("Two cups. ")
    assert len(padded) > 200
    assert pad("Two cups.") == PERTURBATIONS["padded"]("Two cups.")


def test_order_is_reversed() -> None:
    assert swap_order(["a", "b", "c"]).text == "c\nb\na"


OWN = np.array([0] * 90 + [1] * 10, np.int8)
IMAGE = np.arange(100)


def test_a_judge_that_looks_is_let_be() -> None:
    report = probe_report(OWN, {"shuffled": np.array([0] * 5 + [1] * 95, np.int8)}, IMAGE)
    assert report.refused is None
    assert report.own.value == 0.9
    assert report.probes[0].rate.value == 0.05


def test_a_judge_that_passes_the_wrong_image_is_refused_with_its_numbers() -> None:
    report = probe_report(OWN, {"blank": np.array([0] * 70 + [1] * 30, np.int8)}, IMAGE)
    assert report.refused is not None
    assert report.refused.startswith("it is not looking: it passes 0.700 [0.6")
    assert "under a blank image and 0.900 [" in report.refused


def test_too_few_wrong_images_do_not_clear_a_judge() -> None:
    few = np.full(100, -1, np.int8)
    few[:4] = 1
    report = probe_report(OWN, {"shuffled": few}, IMAGE)
    assert report.refused is not None
    assert report.refused.startswith("too few were probed")
    assert report.probes[0].silent == 96
    unprobed = probe_report(OWN, {"negated": OWN}, IMAGE)
    assert unprobed.refused is not None
    assert "no wrong image was probed" in unprobed.refused


def test_known_false_claims_count_where_the_judge_passed_the_true_ones() -> None:
    negated = np.array([0] * 9 + [1] * 71 + [-1] * 10 + [0] * 10, np.int8)  # the last ten it failed as they were
    probe = probe_report(OWN, {"negated": negated}, IMAGE).probes[0]
    assert (probe.kind, probe.rate.n, probe.silent) == ("known false", 80, 10)
    assert probe.rate.value == pytest.approx(9 / 80)


def test_neutral_probes_count_changes() -> None:
    padded = np.array([0] * 72 + [2] * 18 + [1] * 10, np.int8)
    probe = probe_report(OWN, {"padded": padded}, IMAGE).probes[0]
    assert (probe.kind, probe.rate.value) == ("neutral", 0.2)


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(UsageError, match="no probe is called 'upside_down'"):
        probe_report(OWN, {"upside_down": OWN}, IMAGE)
    with pytest.raises(UsageError, match="blank: 5 verdicts for 100 claims"):
        probe_report(OWN, {"blank": OWN[:5]}, IMAGE)
