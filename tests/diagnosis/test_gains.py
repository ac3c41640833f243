"""Two diagnoses and a sweep, by hand; other items are refused."""

import pyarrow as pa
import pytest

from perceptdata.diagnosis.gains import gains, sweep
from perceptdata.errors import UsageError

from diagnosis.answering import answers, diagnosed, ones  # isort: skip


def test_reasoning_gained_more() -> None:
    before = diagnosed(ones(10, 100), ones(40, 100), ones(30, 100))
    after = diagnosed(ones(35, 100), ones(45, 100), ones(80, 100))
    (found,) = gains(before, after)
    assert found.a is not None
    assert found.a.difference == pytest.approx(0.25)
    assert (found.a.wins, found.a.losses, found.a.p) == (25, 0, 2 / 2**25)
    assert found.asymmetry is not None
    # item by item: 50 gained in reasoning (30 to 79), 5 in perception (40 to 44), which 5 items have both
    assert found.asymmetry.difference == pytest.approx(0.45)
    assert (found.asymmetry.wins, found.asymmetry.p) == (45, None)
    assert found.verdict == "reasoning gained more"
    assert gains(after, before)[0].verdict == "perception gained more"  # it lost less


def test_by_family_where_there_are_several() -> None:
    families = ["grid"] * 40 + ["graph"] * 40
    before = diagnosed(ones(10, 80), ones(10, 80), ones(10, 80))
    after = diagnosed(ones(40, 80), ones(40, 80), ones(40, 80))
    both = [
        table.set_column(table.schema.get_field_index("family"), "family", [families * 2]) for table in (before, after)
    ]
    found = gains(*both)
    assert [(each.of, each.value, each.items) for each in found] == [
        ("all", "all", 80),
        ("family", "graph", 40),
        ("family", "grid", 40),
    ]
    assert found[0].verdict == "no sure difference"


def test_few_items_have_no_verdict() -> None:
    before, after = diagnosed([0.0] * 5, [0.0] * 5, [0.0] * 5), diagnosed([1.0] * 5, [0.0] * 5, [1.0] * 5)
    assert gains(before, after)[0].verdict == "too few"


def test_other_items_are_refused() -> None:
    short, long = (diagnosed(ones(5, n), ones(5, n), ones(5, n)) for n in (40, 41))
    with pytest.raises(UsageError, match=r"before and after were asked different items \(1, such as i40\)"):
        gains(short, long)
    changed = short.set_column(1, "item", [["other"] * short.num_rows])
    with pytest.raises(UsageError, match="know i0 with another question, answer or facts"):
        gains(short, changed)


def test_a_sweep_has_a_frontier() -> None:
    runs = {
        "standard": diagnosed(ones(20, 100), ones(25, 100), ones(90, 100)),
        "0.3": diagnosed(ones(35, 100), ones(45, 100), ones(85, 100)),
        "0.5": diagnosed(ones(25, 100), ones(44, 100), ones(50, 100)),  # worse in both than 0.3
    }
    found = sweep(runs)
    assert [(each.name, each.frontier) for each in found] == [("standard", True), ("0.3", True), ("0.5", False)]
    assert found[0].gained is None
    gained = found[1].gained
    assert gained is not None
    assert gained.a is not None
    assert gained.a_r is not None
    assert (gained.a.difference, gained.a_r.difference) == (pytest.approx(0.15), pytest.approx(-0.05))
    assert gained.verdict == "perception gained more"


def test_reasoning_is_compared_under_one_condition() -> None:
    # prefilled before (90), as text before (50) and after (60): what was not prefilled on both sides is read as text
    before = pa.concat_tables([diagnosed(ones(10, 100), ones(40, 100), ones(90, 100)), answers("facts", ones(50, 100))])
    after = pa.concat_tables([answers("image", ones(10, 100), seen=ones(40, 100)), answers("facts", ones(60, 100))])
    (found,) = gains(before, after)
    assert found.a_r is not None
    assert found.a_r.difference == pytest.approx(0.1)
    one, other = sweep({"before": before, "after": after})
    assert (one.a_r.value, other.a_r.value) == (0.5, 0.6)
    bare = answers("image", ones(10, 100), seen=ones(40, 100))
    assert gains(before, bare)[0].verdict == "unknown"
