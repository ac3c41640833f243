"""Audits and what they prove."""

from typing import Any

import numpy as np
import pytest
from verification.auditing import audit, passing

from perceptdata.errors import UsageError
from perceptdata.verification.audit import Audit, prove
from perceptdata.verification.bounds import Errors, carried_lower

PLAIN = {"readings": [[0, -1], [-1, 0], [1, -1]], "traps": [[1, -1], [-1, 1]]}


def test_a_plain_audit_is_one_binomial() -> None:
    proof = prove(passing(claims=235, failing=4, traps=40, missed=2))
    errors = Errors(2, 40)
    # shares of the readers are 118 and 117 of 235, so that the traps weigh all but the same
    assert proof.exact() == pytest.approx(carried_lower(231, 235, errors), abs=1e-4)
    assert proof.stratified() == pytest.approx(proof.exact(), abs=1e-9)
    assert proof.lower() == proof.exact()
    assert proof.precision() == pytest.approx((231 / 235 - 0.05) / 0.95, abs=1e-3)


def test_reaching_is_a_bound_no_lower_than_the_target() -> None:
    proof = prove(passing(claims=235, failing=4, traps=40, missed=2))
    bound = float(proof.lower())
    assert proof.reaches(bound - 1e-4)
    assert not proof.reaches(bound + 1e-4)


def test_an_unread_claim_counts_as_failed() -> None:
    read, unread = ([[0, -1]] * 99 + [[said, -1]] for said in (1, -1))
    traps = [[1, -1]] * 30
    assert prove(audit(unread, traps)).passed.rate == prove(audit(read, traps, [-1] * 99 + [1])).passed.rate == 0.99


def test_a_slice_has_its_own_claims_and_the_readers_of_all() -> None:
    whole = passing(claims=200, failing=10, traps=40, missed=0)
    stratum = (np.arange(200) >= 100).astype(int)  # all failing ones are in the first
    changed = audit(whole.readings.tolist(), whole.traps.tolist(), whole.last.tolist(), stratum=stratum,
                    population=np.array([1000, 1000]))  # fmt: skip
    first, second = (prove(changed, np.array(within)) for within in ([True, False], [False, True]))
    assert (first.passed.rate, second.passed.rate) == (pytest.approx(0.9), pytest.approx(1))
    assert first.readers.errors.traps == prove(changed).readers.errors.traps
    assert second.lower() == pytest.approx(carried_lower(100, 100, Errors(0, 40)), abs=1e-6)
    with pytest.raises(UsageError, match="no claim was sampled there"):
        prove(changed, np.array([False, False]))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"image": np.arange(2)}, "image needs one entry for each of 3 rows"),
        ({"trap_last": np.full(3, -1, np.int8)}, "trap_last needs one entry for each of 2 rows"),
        ({"traps": [[1, 1, 1]] * 2}, "one column a reader"),
        ({"readings": [[5, 5]] * 3}, "readings: code 5"),
        ({"claim": np.array(["a", "b", "a"])}, "claim a was sampled 2 times"),
        ({"stratum": np.array([0, 0, 1])}, "a stratum is outside 0 to 0"),
        ({"population": np.array([2])}, "stratum 0 has 2 claims, 3 sampled"),
        ({"population": np.array([30, 5])}, "stratum 1 has 5 claims of which none was sampled"),
    ],
)
def test_what_does_not_fit_is_said(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        audit(**{**PLAIN, **changed})


def test_an_empty_audit_is_refused() -> None:
    nothing = np.empty(0, np.int64)
    with pytest.raises(UsageError, match="no claim was sampled"):
        Audit(
            claim=np.array([], np.str_), image=nothing, stratum=nothing, population=np.array([3]),
            readings=np.empty((0, 1), np.int8), last=nothing.astype(np.int8),
            traps=np.empty((0, 1), np.int8), trap_last=nothing.astype(np.int8),
        )  # fmt: skip
