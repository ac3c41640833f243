"""Certificates: issued, refused with reasons, and computed again."""

import json
from typing import Any

import numpy as np
import pytest
from verification.auditing import audit, passing

from perceptdata.errors import UsageError
from perceptdata.verification.audit import Audit, prove
from perceptdata.verification.certificate import Certificate, Evidence, Fingerprints, Refusal, issue, verify
from perceptdata.verification.surrogate import Comparison

FINGERPRINTS = Fingerprints(data="d" * 64, judges=("judge-1",), prompts=("p" * 64,), traps="t" * 64)
GOOD = Comparison(surrogate=0.8, outcome=0.4, lower=0.3, n=400, images=80, unscored=0)


def evidence(found: Audit | None = None, **changed: Any) -> Evidence:
    """500 claims of 5000 read in turns by two, five of them wrong; one of fifty traps missed."""
    columns: dict[str, Any] = {
        "audit": found or passing(claims=500, failing=5, traps=50, missed=1),
        "slices": ["all"],
        "captions": 1250,
        "reader_kinds": ["person", "person"],
        "fingerprints": FINGERPRINTS,
        "thresholds": {"panel": 0.9},
    }
    return Evidence(**{**columns, **changed})


def issued(**changed: Any) -> Certificate:
    found = issue(evidence(**changed))
    assert isinstance(found, Certificate), found
    return found


def refused(found: Evidence, **options: Any) -> str:
    outcome = issue(found, **options)
    assert isinstance(outcome, Refusal)
    return "; ".join(outcome.reasons)


def test_a_good_audit_is_certified_with_all_its_numbers() -> None:
    certificate = issued()
    findings = certificate.findings
    proof = prove(evidence().audit)
    assert findings.claims.exact == pytest.approx(float(proof.exact()))
    assert findings.claims.lower == min(findings.claims.exact, findings.claims.stratified) > 0.95
    assert (findings.claims.claims, findings.claims.audited, findings.captions) == (5000, 500, 1250)
    # four claims a caption: no more than four times as many captions as claims are wrong
    assert findings.captions_lower == pytest.approx(1 - 4 * (1 - findings.claims.lower))
    assert (findings.readers.count, findings.readers.readings, findings.readers.settled) == (2, 550, True)
    assert findings.readers.miss == pytest.approx(0.02)
    assert findings.thresholds == {"panel": 0.9}
    assert any("recall" in line for line in certificate.does_not_cover)


def test_it_is_json_and_comes_back_the_same() -> None:
    certificate = issued()
    again = Certificate.model_validate(json.loads(json.dumps(certificate.model_dump(mode="json"))))
    assert again == certificate
    assert again.intact()


def test_anyone_can_compute_it_again_in_any_order() -> None:
    assert verify(issued(), evidence()) == []
    one = evidence().audit
    order = np.random.default_rng(0).permutation(500)
    shuffled = Audit(
        one.claim[order], one.image[order], one.stratum[order], one.population,
        one.readings[order], one.last[order], one.traps, one.trap_last,
    )  # fmt: skip
    assert verify(issued(), evidence(shuffled)) == []


def test_what_differs_is_named() -> None:
    changed = evidence().audit.readings.copy()
    changed[499] = np.where(changed[499] == 0, 1, changed[499])
    other = audit(changed.tolist(), evidence().audit.traps.tolist(), [1] * 5 + [-1] * 494 + [1])
    lines = verify(issued(), evidence(other, thresholds={"panel": 0.8}))
    assert any(line.startswith("claims.exact: 0.9") for line in lines)
    assert any(line.startswith("audit: ") for line in lines)
    assert "thresholds.panel: 0.9 in the certificate, 0.8 now" in lines


def test_a_changed_certificate_is_seen() -> None:
    certificate = issued()
    better = certificate.findings.model_copy(update={"captions_lower": 0.99})
    forged = certificate.model_copy(update={"findings": better})
    assert not forged.intact()
    lines = verify(forged, evidence())
    assert lines[0] == "the certificate was changed after it was issued"
    assert lines[1].startswith("captions_lower: 0.99 in the certificate")


def test_too_low_a_bound_is_refused_with_its_numbers() -> None:
    reasons = refused(evidence(passing(claims=300, failing=12, traps=50, missed=1)))
    assert reasons.startswith("the lower bound of precision is 0.9")
    assert "under the target 0.95" in reasons
    lines = verify(issued(), evidence(passing(claims=300, failing=12, traps=50, missed=1)))
    assert any(line.startswith("today it would be refused: the lower bound") for line in lines)


def test_missed_traps_lower_the_bound_until_it_is_refused() -> None:
    bounds = [
        issue(evidence(passing(claims=500, failing=5, traps=50, missed=missed))).findings.claims.lower
        for missed in (0, 5, 15, 30)
    ]
    assert sorted(bounds, reverse=True) == bounds
    assert bounds[0] > 0.95 > bounds[-1]


def test_readers_who_read_no_trap_certify_nothing() -> None:
    whole = passing(claims=500, failing=5, traps=50, missed=0)
    blind = audit(whole.readings.tolist(), [[1, -1]] * 50, whole.last.tolist())
    assert "some reader read no trap" in refused(evidence(blind))


def test_traps_that_are_too_easy_are_refused() -> None:
    readings = [[1, 0] if at % 2 else [0, 1] for at in range(12)] + [[0, 0]] * 1000
    easy = audit(readings, [[1, 1]] * 60, [1] * 12 + [-1] * 1000)
    assert "the traps are easier than the real errors" in refused(evidence(easy), target=0.9)


def test_models_are_no_readers_and_simulated_ones_are_said_to_be() -> None:
    assert "model labels are no audit: a certificate needs people" in refused(
        evidence(reader_kinds=["person", "model"])
    )
    simulated = issued(reader_kinds=["simulated", "simulated"])
    assert simulated.findings.readers.kind == "simulated"
    assert "readers were simulated" in simulated.does_not_cover[0]


def test_objections_stand_before_any_number() -> None:
    assert refused(evidence(objections=["judge-1 is not looking"])) == "judge-1 is not looking"


def test_rewards_need_a_surrogate_that_follows_perception() -> None:
    assert "compared with the outcome on a labelled probe first" in refused(evidence(), use="reward")
    bad = GOOD.model_copy(update={"lower": -0.1})
    assert "does not surely follow perception" in refused(evidence(surrogate=bad), use="reward")
    assert isinstance(issue(evidence(surrogate=GOOD), use="reward"), Certificate)
    assert isinstance(issue(evidence(surrogate=bad)), Certificate)  # as a filter it does not matter


def test_claims_that_wait_for_a_last_word_carry_what_read_twice_ones_tell() -> None:
    # Two readers read all 500 twice; each fails four true ones, which the last word gives back, and one waits for it.
    readings = [[0, 1]] * 4 + [[1, 0]] * 4 + [[1, 1]] * 3 + [[0, 0]] * 489
    waiting = audit(readings, [[1, 1]] * 60, [0] * 7 + [-1] + [1] * 3 + [-1] * 489)
    certificate = issued(audit=waiting)
    readers = certificate.findings.readers
    assert (readers.settled, readers.waiting, readers.doubled) == (False, 1, 500)
    assert readers.alarm == pytest.approx(7 / 2 / 496)
    assert "wrong last words" in certificate.does_not_cover[-1]


def test_slices_have_bounds_of_their_own() -> None:
    whole = passing(claims=500, failing=5, traps=50, missed=1)
    stratum = (np.arange(500) >= 250).astype(int)
    sliced = audit(
        whole.readings.tolist(), whole.traps.tolist(), whole.last.tolist(), stratum=stratum,
        population=np.array([2500, 2500]),
    )  # fmt: skip
    first, second = issued(audit=sliced, slices=["chart", "photo"]).findings.slices
    assert (first.slice, first.audited, second.slice) == ("chart", 250, "photo")
    assert first.lower < second.lower


def test_one_reader_is_said_to_be_alone_and_two_agree() -> None:
    alone = audit([[0]] * 500, [[1]] * 50)
    certificate = issued(audit=alone, reader_kinds=["person"])
    assert "without a second one" in certificate.does_not_cover[-1]
    assert certificate.findings.readers.kappa is None
    # 400 both pass, 4 both fail, 3 and 3 differ: p_o = 404/410; p_e = (403^2 + 7^2) / 410^2
    readings = [[0, 0]] * 400 + [[1, 1]] * 4 + [[0, 1]] * 3 + [[1, 0]] * 3
    both = audit(readings, [[1, 1]] * 50, [-1] * 400 + [1] * 4 + [0] * 6)
    readers = issued(audit=both).findings.readers
    chance = (403**2 + 7**2) / 410**2
    assert readers.agreement == pytest.approx(404 / 410)
    assert readers.kappa == pytest.approx((404 / 410 - chance) / (1 - chance))


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(UsageError, match="a slice named for each of its strata"):
        issue(evidence(slices=["a", "b"]))
    with pytest.raises(UsageError, match="say of each of the 2 readers"):
        issue(evidence(reader_kinds=["person"]))
    with pytest.raises(UsageError, match="9999 captions cannot hold 5000 claims"):
        issue(evidence(captions=9999))
