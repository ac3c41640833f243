"""Paired differences by hand, and the claims that `make reproduce` asserts."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from benchmarks.reproduce.__main__ import TIER_ITEMS, TIER_PROMPTS, main
from benchmarks.reproduce.claims import stable
from benchmarks.reproduce.experiments import EXPERIMENTS
from benchmarks.reproduce.table import paired, table

ROWS = [
    *({"arm": "standard", "seed": seed, "a": a} for seed, a in ((0, 10.0), (1, 20.0), (2, 30.0))),
    *({"arm": "0.3", "seed": seed, "a": a} for seed, a in ((0, 11.0), (1, 22.0), (2, 33.0), (7, 99.0))),
]


def test_a_pair_is_a_seed_and_the_interval_is_students() -> None:
    mean, half, each = paired(ROWS, "0.3", "standard", "a") or (0, 0, [])
    assert (mean, each) == (2.0, [1.0, 2.0, 3.0])
    assert half == pytest.approx(4.303 * 1.0 / math.sqrt(3), rel=1e-4)


def test_one_seed_has_a_difference_and_no_interval() -> None:
    mean, half, _ = paired(ROWS[:1] + ROWS[3:4], "0.3", "standard", "a") or (0, 0, [])
    assert mean == 1.0
    assert math.isnan(half)
    assert paired(ROWS, "standard", "standard", "a") is None
    assert paired(ROWS, "0.5", "standard", "a") is None


def test_the_table_says_seeds_means_and_what_is_missing() -> None:
    lines = table([*ROWS[:3], *ROWS[3:6]], ("a", "a_p"), "standard").splitlines()
    assert lines[2] == "| standard | 3 | 20.0 ± 10.0 | – | – |"
    assert lines[3] == "| 0.3 | 3 | 22.0 ± 11.0 | – | +2.0 ± 2.5 (+1.0, +2.0, +3.0) |"


def sft(arm: str, seed: int, **found: float) -> dict[str, Any]:
    return {"arm": arm, "seed": seed, "token_share": 0.05, "loss_share": 0.07, **found}


def test_claims_hold_and_fail_one_by_one() -> None:
    rows = [sft("standard", seed, a=18, a_p=18, a_r=98) for seed in range(3)]
    rows += [sft("0.3", seed, a=a, a_p=24, a_r=96) for seed, a in enumerate((23, 22, 17))]
    probes = [{"mass_on_perception": 0.8, "r_a_p": 0.7, "r_a_r": 0.98}]
    assert all(stable(rows, probes).values())
    rows[-1]["a"] = 5
    probes[0]["mass_on_perception"] = 0.2
    failed = [claim for claim, true in stable(rows, probes).items() if not true]
    assert failed == ["λ = .3 raises a", "PGPO weighs perception, without labels"]
    with pytest.raises(ValueError, match="run all of them"):
        stable(rows[:3], probes)


def test_the_tier_says_which_claims_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seeds = range(3)
    rows = [
        sft(arm, seed, a=a, a_p=a, a_r=90)
        for arm in EXPERIMENTS["sft"].arms
        for seed, a in zip(seeds, (3, 4, 5), strict=True)
    ]
    for row in rows:
        row["a"] = row["a_p"] = row["a"] + (row["arm"] == "0.3")
    probes = [
        {
            "arm": "C-150",
            "seed": seed,
            "mass_on_perception": 0.8,
            "r_a_p": 0.7,
            "r_a_r": 0.98,
            "options": {"prompts": TIER_PROMPTS},
        }
        for seed in seeds
    ]
    for name, found in (
        ("sft", [{**row, "options": {"design": "C", "test": TIER_ITEMS}} for row in rows]),
        ("probes", probes),
    ):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in found))
    assert main(["cpu", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "| 0.3 | 3 | 5.0 ± 1.0 |" in said
    assert "holds   λ = .3 raises a" in said
    assert "FAILED" not in said
    probes[0]["r_a_r"] = 0.3
    (tmp_path / "probes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in probes))
    assert main(["cpu", "--out", str(tmp_path)]) == 1
    assert "FAILED  the outcome follows reasoning" in capsys.readouterr().out
