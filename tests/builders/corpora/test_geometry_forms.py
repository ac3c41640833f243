import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptdata.builders.corpora.geometry_forms import (
    Diagram,
    Term,
    facts,
    parse_facts,
    parse_form,
    parse_sentence,
    read_diagram,
    sentence,
)
from perceptdata.errors import Rejected

# Written out by hand: every kind of sentence, and two forms that have none.
SENTENCES = {
    "PointLiesOnLine(N, Line(X, Z))": "N lies on line XZ",
    "PointLiesOnCircle(Z, Circle(X))": "Z lies on circle X",
    "PointLiesOnCircle(Z, Circle(X, 2))": "Z lies on circle X (2)",
    "Perpendicular(Line(A, C), Line(B, C))": "AC is perpendicular to BC",
    "Parallel(Line(E, B), Line(D, C))": "EB is parallel to DC",
    "Equals(LengthOf(Line(A, B)), 4x-17)": "AB = 4x-17",
    "Equals(LengthOf(Line(A, B)), \\frac{4}{7})": "AB = \\frac{4}{7}",
    "Equals(LengthOf(Line(Q, A)), LengthOf(Line(R, A)))": "QA = RA",
    "Equals(MeasureOf(Angle(A, B, C)), 60)": "angle ABC = 60°",
    "Equals(MeasureOf(Angle(C, B, A)), 3y+3)": "angle CBA = (3y+3)°",
    "Equals(MeasureOf(Angle(C, B, A)), (3y+3))": "angle CBA = ((3y+3))°",
    "Equals(MeasureOf(Angle(P, N, M)), MeasureOf(Angle(P, Q, M)))": "angle PNM = angle PQM",
    "Equals(MeasureOf(Angle(K, I, P)), MeasureOf(Angle(11)))": "angle KIP = angle 11",
    "Equals(MeasureOf(Arc(B, D)), 10x)": "arc BD = 10x°",
    "Equals(AreaOf(Trapezoid(B, N, A, L)), 72)": "area of trapezoid BNAL = 72",
    "BisectsAngle(Line(A, D), Angle(B, A, C))": "BisectsAngle(Line(A, D), Angle(B, A, C))",
    "Equals(LengthOf(Line(A, B)), CD)": "Equals(LengthOf(Line(A, B)), CD)",  # "AB = CD" would read as two lengths
    "PointLiesOnLine(A1, Line(B, C))": "PointLiesOnLine(A1, Line(B, C))",
}


@pytest.mark.parametrize(("form", "words"), SENTENCES.items())
def test_a_form_has_its_sentence_and_the_sentence_its_form(form: str, words: str) -> None:
    assert str(parse_form(form)) == form
    assert sentence(parse_form(form)) == words
    assert parse_sentence(words) == parse_form(form)


def test_canonical_forms() -> None:
    record = {
        "diagram_logic_form": [
            "Equals(LengthOf(Line(B, A)), 5)",
            "",
            "Equals(5, LengthOf(Line(A, B)))",  # the same fact the other way round
            "Equals(Line(A, B), Line(C, D))",
            "Equals(MeasureOf(Angle(A, B, C)), MeasureOf(angle 1))",
            "Equals(MeasureOf(Angle(C, B, A)), MeasureOf(Angle(1)))",
            "PointLiesOnCircle(A, Circle(O, radius_3_1))",
            "PointLiesOnCircle(B, Circle(O, radius_3_0))",
            "PointLiesOnCircle(C, Circle(P, radius_7_0))",
        ],
        "line_instances": ["CD", "AB", ""],
        "circle_instances": [""],
        "point_positions": {"B": [1, 2], "A": [0.5, 0], "Z": [-1, -1], "C": [-1, -1]},
    }
    diagram = read_diagram(record)
    assert diagram == Diagram(
        points=("A", "B", "C"),  # Z was not found in the figure and nothing needs it; C has a segment
        segments=("AB", "CD"),
        circles=(),
        forms=(
            parse_form("PointLiesOnCircle(A, Circle(O, 1))"),
            parse_form("PointLiesOnCircle(B, Circle(O, 2))"),
            parse_form("PointLiesOnCircle(C, Circle(P))"),
            parse_form("Equals(LengthOf(Line(A, B)), LengthOf(Line(C, D)))"),
            parse_form("Equals(LengthOf(Line(B, A)), 5)"),
            parse_form("Equals(MeasureOf(Angle(A, B, C)), MeasureOf(Angle(1)))"),
        ),
        positions=(("A", 0.5, 0.0), ("B", 1.0, 2.0)),
    )
    assert facts(diagram).splitlines() == [
        "Points: A, B, C",
        "Segments: AB, CD",
        "A lies on circle O (1)",
        "B lies on circle O (2)",
        "C lies on circle P",
        "AB = CD",
        "BA = 5",
        "angle ABC = angle 1",
    ]


def test_the_printed_lists_of_the_bulk_files_are_read() -> None:
    written = {"diagram_logic_forms": "['Parallel(Line(A, B), Line(C, D))', '']", "line_instances": "['AB']"}
    assert facts(read_diagram(written)) == "Segments: AB\nAB is parallel to CD"


def test_code_in_a_printed_list_is_not_run(tmp_path: Path) -> None:
    target = tmp_path / "made"
    for code in (f"[__import__('pathlib').Path({str(target)!r}).touch()]", "[].clear() or []", "['a' for _ in 'b']"):
        with pytest.raises(Rejected, match="expected a list") as caught:
            read_diagram({"diagram_logic_forms": code})
        assert caught.value.code == "field.invalid"
    assert not target.exists()


def test_what_is_not_a_form_is_refused() -> None:
    with pytest.raises(Rejected, match="'AB is 5' is not a logic form"):
        read_diagram({"diagram_logic_form": ["AB is 5"]})


def test_every_real_record_reads_back(shared: Path) -> None:
    bulk = json.loads((shared / "corpora/geometry3k/logic_forms/diagram_logic_forms_annot.json").read_text())
    assert len(bulk) == 40
    spelled_otherwise = set()
    for key, record in bulk.items():
        diagram = read_diagram(record)
        assert parse_facts(facts(diagram)).stated() == diagram.stated(), key
        originals = {str(form) for form in diagram.forms}
        spelled_otherwise |= {form for form in record["diagram_logic_forms"] if form and form not in originals}
    # What canonicalisation changed: radius names, `angle 1`, bare lines, and one point on a line named twice. No more.
    others = {f for f in spelled_otherwise if "radius_" not in f and "angle " not in f}
    assert others == {
        "Equals(Line(A, E), Line(B, E))",
        "Equals(Line(B, E), Line(C, E))",
        "PointLiesOnLine(P, Line(M, L))",
    }


_points = st.sampled_from("ABCDEFGH")
_atoms = st.one_of(
    st.from_regex(r"[0-9]{1,3}(\.[0-9])?", fullmatch=True),
    st.from_regex(r"[1-9]?[a-z]([-+][0-9])?", fullmatch=True),
    st.sampled_from(
        ["3\\sqrt{2}", "\\frac{4}{7}", "(2x+3)", "AB", "angle ABC", "A lies", "°", "5°", "x = 2", "Foo(1)"]
    ),
)
_quantities = st.one_of(
    st.builds(lambda a, b: f"LengthOf(Line({a}, {b}))", _points, _points),
    st.builds(lambda a, b, c: f"MeasureOf(Angle({a}, {b}, {c}))", _points, _points, _points),
    st.builds(lambda a, b: f"MeasureOf(Arc({a}, {b}))", _points, _points),
    st.builds(lambda n: f"MeasureOf(angle {n})", st.integers(1, 12)),
    st.builds(lambda a, b, c: f"AreaOf(Triangle({a}, {b}, {c}))", _points, _points, _points),
    st.builds(lambda a: f"RadiusOf(Circle({a}, radius_0_0))", _points),
)
_forms = st.one_of(
    st.builds(lambda q, v: f"Equals({q}, {v})", _quantities, st.one_of(_atoms, _quantities)),
    st.builds(lambda p, a, b: f"PointLiesOnLine({p}, Line({a}, {b}))", _points, _points, _points),
    st.builds(
        lambda p, c, r: f"PointLiesOnCircle({p}, Circle({c}, radius_1_{r}))", _points, _points, st.integers(0, 2)
    ),
    st.builds(lambda a, b, c, d: f"Perpendicular(Line({a}, {b}), Line({c}, {d}))", _points, _points, _points, _points),
    st.builds(lambda a, v: f"Tangent({a}, {v})", _points, _atoms),
)


@given(st.lists(_forms, max_size=8))
def test_facts_of_any_forms_read_back(forms: list[str]) -> None:
    diagram = read_diagram({"diagram_logic_form": forms, "line_instances": ["AB"], "circle_instances": ["O"]})
    read = parse_facts(facts(diagram))
    assert read.stated() == diagram.stated()
    again = read_diagram({"diagram_logic_form": [str(form) for form in read.forms]})
    assert again.forms == diagram.forms  # canonical forms stay as they are


def test_a_term_prints_as_it_is_written() -> None:
    assert (
        str(Term("Equals", (Term("LengthOf", (Term("Line", ("A", "B")),)), "5"))) == "Equals(LengthOf(Line(A, B)), 5)"
    )
