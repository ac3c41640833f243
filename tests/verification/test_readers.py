"""What readers get wrong, counted by hand."""

import numpy as np
import pytest
from verification.auditing import audit

from perceptdata.verification.audit import Audit
from perceptdata.verification.readers import Measured, measure


def of(found: Audit) -> Measured:
    return measure(found.readings, found.last, found.traps, found.trap_last, found.image)


def test_each_reader_counts_by_their_share() -> None:
    # The first reader takes three claims of four. Of two traps each, the first misses one, the second none:
    # 3/4 * 1/2 + 1/4 * 0 = .375. Weights 3/8, 3/8, 1/8, 1/8: size 1 / (2 * 9/64 + 2/64) = 64/20 = 3.2.
    found = of(audit([[0, -1], [0, -1], [0, -1], [-1, 0]], [[0, -1], [1, -1], [-1, 1], [-1, 1]]))
    assert found.share == pytest.approx([0.75, 0.25])
    assert found.errors.miss == pytest.approx(0.375)
    assert found.errors.traps == pytest.approx(3.2)


def test_a_trap_read_twice_is_one_trap() -> None:
    found = of(audit([[0, -1], [-1, 0]], [[1, 1], [0, 1]]))
    assert found.errors.traps == pytest.approx(2)
    assert found.errors.miss == pytest.approx(0.25)


def test_a_reader_without_traps_leaves_the_miss_unknown() -> None:
    assert of(audit([[0, -1], [-1, 0]], [[1, -1], [1, -1]])).errors.traps == 0
    assert of(audit([[0, -1], [0, -1]], [[1, -1], [1, -1]])).errors.traps == 2  # the second read nothing at all


def test_settled_readings_are_overruled_and_carry_no_alarm() -> None:
    found = of(audit([[1, -1], [-1, 0], [1, 0], [-1, 1]], [[1, -1], [-1, 1]], last=[0, -1, 0, 1]))
    assert found.settled
    assert found.passing.tolist() == [1, 1, 1, 0]
    assert found.errors.controls == 0


def test_a_lenient_last_word_shows_in_the_traps() -> None:
    found = of(audit([[0, -1], [-1, 0]], [[1, -1], [-1, 1]], trap_last=np.array([0, 1], np.int8)))
    assert found.settled
    assert found.errors.miss == pytest.approx(0.5)  # failed by the reader, waved through by the last word


def test_without_all_last_words_readings_stand_and_alarms_are_counted() -> None:
    # Claims 0 to 2 are read twice: passed by both, failed by one and found true, failed by both and found false.
    # Claim 3 waits for its last word. Of the four readings of true claims one is an alarm, by the second reader, whose
    # rate is 1/2; the shares are 4 * (1/2) / 4 claims each: 1/2 * 0 + 1/2 * 1/2 = 1/4, of two claims.
    readings = [[0, 0], [0, 1], [1, 2], [1, -1], [-1, 0]]
    found = of(audit(readings, [[1, -1], [-1, 1]], last=[-1, 0, 1, -1, -1]))
    assert not found.settled
    assert found.waiting == 1
    assert found.doubled == 3
    assert found.share == pytest.approx([0.5, 0.5])
    assert found.errors.alarm == pytest.approx(0.25)
    assert found.errors.controls == pytest.approx(2)
    assert found.passing.tolist() == [1, 0.5, 0, 0, 1]


def test_real_errors_that_one_reader_finds_tell_the_miss() -> None:
    # Twelve false claims found by one of two readers, none by both: surely missed more than half the time.
    readings = [[1, 0] if at % 2 else [0, 1] for at in range(12)] + [[0, 0]] * 30
    traps = [[1, -1] if at % 2 else [-1, 1] for at in range(40)]
    found = of(audit(readings, traps, last=[1] * 12 + [-1] * 30))
    assert (found.found_once, found.found_twice) == (12, 0)
    alone = 0.05 ** (1 / 12)  # the least share of found ones that one finds alone; m of 2m / (1 + m)
    assert found.real_miss_lower() == pytest.approx(alone / (2 - alone))
    assert found.traps_too_easy()


def test_few_real_errors_say_nothing_against_the_traps() -> None:
    traps = [[1, -1] if at % 2 else [-1, 1] for at in range(20)]
    found = of(audit([[1, 1], [0, 1], [0, 0]], traps, last=[1, 1, -1]))
    assert (found.found_once, found.found_twice) == (1, 1)
    assert not found.traps_too_easy()
    assert of(audit([[0, 0]], traps)).real_miss_lower() == 0
