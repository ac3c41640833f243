"""The certificate under known truth: hardly ever issued for what is under the target. `benchmarks/certificate.py` runs
the same with a thousand runs a setting."""

import dataclasses

import numpy as np
import pytest

from perceptdata.errors import UsageError
from perceptdata.verification.audit import prove
from perceptdata.verification.certificate import Evidence, Fingerprints, issue
from perceptdata.verification.simulate import Setting, accepted, audits, false_acceptance, simulate

RUNS = 50
MOST = 7  # of 50: at a true 5 % more are issued once in 300 settings

UNDER = {
    "plain": Setting(quality=0.949),
    "perfect readers": Setting(quality=0.949, miss=(0, 0), alarm=(0, 0), last_miss=0.0),
    "lenient": Setting(quality=0.949, miss=(0.5, 0.5), alarm=(0, 0)),
    "strict": Setting(quality=0.949, miss=(0.02, 0.02), alarm=(0.1, 0.1)),
    "unequal": Setting(quality=0.949, miss=(0.05, 0.4)),
    "lenient last words": Setting(quality=0.949, last_miss=0.5),
    "last words only where read twice": Setting(quality=0.949, alarm=(0.05, 0.05), last_miss=None),
    "judges together": Setting(quality=0.949, together=0.8),
    "errors gather": Setting(quality=0.949, gather=1.0, claims=1600, claims_an_image=8),
    "base rate .5": Setting(quality=0.949, base_rate=0.5),
    "base rate .99": Setting(quality=0.9949, target=0.995, base_rate=0.99, audits=1200),
    "even sample": Setting(quality=0.949, disputed=0, miss=(0.3, 0.3)),
}


@pytest.mark.parametrize("name", UNDER)
def test_what_is_under_the_target_is_hardly_ever_certified(name: str) -> None:
    outcome = simulate(UNDER[name], RUNS, seed=1)
    assert outcome.issued * RUNS <= MOST
    assert outcome.precision == pytest.approx(UNDER[name].quality, abs=0.012)


def test_ignoring_the_readers_errors_certifies_what_is_not_true() -> None:
    lenient = simulate(UNDER["lenient"], RUNS, seed=1)
    assert lenient.issued_if_errors_ignored > 0.5
    assert lenient.issued * RUNS <= MOST


def test_traps_easier_than_real_errors_are_noticed_only_where_enough_is_read_twice() -> None:
    easy = Setting(quality=0.949, miss=(0.5, 0.5), trap_miss=0.05)
    assert simulate(easy, RUNS, seed=3).issued > 0.3  # what the certificate says it does not cover
    thorough = dataclasses.replace(easy, doubled=1.0, traps=0.5)
    assert simulate(thorough, RUNS, seed=3).issued < simulate(easy, RUNS, seed=3).issued / 3


def test_what_is_good_is_certified() -> None:
    assert simulate(Setting(quality=0.985), RUNS, seed=2).issued > 0.85
    assert simulate(Setting(quality=0.98, miss=(0.6, 0.6), traps=0.1), RUNS, seed=2).issued < 0.7  # readers cost


def test_the_seed_decides() -> None:
    once = simulate(Setting(quality=0.97), 10, seed=4)
    assert simulate(Setting(quality=0.97), 10, seed=4) == once


def test_accepted_claims_are_as_good_as_said() -> None:
    for setting in (Setting(quality=0.95), Setting(quality=0.9, gather=1.0), Setting(quality=0.97, together=0.5)):
        true, _, strata = accepted(setting, np.random.default_rng(0))
        assert true.mean() == pytest.approx(setting.quality, abs=2e-4)
        assert true.mean() <= setting.quality + 1e-9
        assert strata.population.sum() == setting.claims


def test_false_acceptance_gives_the_quality_by_hand() -> None:
    # Judges who always err together are one: .8 * .9 / (.8 * .9 + .2 e) = .95 at e = .72 / .95 * .05 / .2
    alone = Setting(quality=0.95, base_rate=0.8, together=1.0)
    assert false_acceptance(alone) == pytest.approx(0.72 / 0.95 * 0.05 / 0.2)
    # Of three that err apart, two accept with e^2 (3 - 2e).
    apart = dataclasses.replace(alone, together=0.0)
    e, right = false_acceptance(apart), 0.9**2 * (3 - 1.8)
    wrong = e**2 * (3 - 2 * e)
    assert 0.8 * right / (0.8 * right + 0.2 * wrong) == pytest.approx(0.95)


def test_no_judge_makes_accepted_claims_worse_than_all_claims() -> None:
    with pytest.raises(UsageError, match="judges better than none accept better"):
        false_acceptance(Setting(quality=0.949, base_rate=0.97))


def test_one_simulated_audit_is_what_a_certificate_computes() -> None:
    setting, rng = Setting(quality=0.985, gather=0.5), np.random.default_rng(7)
    true, image, strata = accepted(setting, rng)
    many, readings = audits(setting, true, image, strata, 4, rng)
    together = prove(many)
    for run in range(4):
        names = ("image", "readings", "last", "traps", "trap_last")
        one = dataclasses.replace(many, **{name: getattr(many, name)[run] for name in names})
        evidence = Evidence(
            audit=one,
            slices=strata.slice,
            captions=2000,
            reader_kinds=["simulated"] * 2,
            fingerprints=Fingerprints(data="", judges=(), prompts=(), traps=""),
            thresholds={},
        )
        found = issue(evidence, target=setting.target)
        assert found.findings.claims.exact == pytest.approx(float(together.exact()[run]), abs=1e-9)
        assert found.findings.claims.stratified == pytest.approx(float(together.stratified()[run]), abs=1e-9)
        assert bool(together.reaches(setting.target)[run]) == (found.findings.claims.lower >= setting.target)
        words = (one.last >= 0).sum() + (one.trap_last >= 0).sum()
        assert readings[run] == found.findings.readers.readings + words
