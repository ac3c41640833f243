import math

from perceptdata.builders.corpora.geometry_forms import Diagram, read_diagram
from perceptdata.builders.corpora.geometry_questions import ask

# A right triangle ABC, its right angle at C, D the middle of AB; E and F make EF parallel to AB.
FIGURE = {
    "diagram_logic_form": [
        "Equals(LengthOf(Line(A, B)), 10)",
        "Equals(LengthOf(Line(B, C)), x+2)",
        "Equals(LengthOf(Line(C, A)), 7)",
        "Equals(LengthOf(Line(A, C)), 8)",  # two values for one segment: nothing is asked
        "Equals(LengthOf(Line(E, F)), 66--y)",  # a slip: nothing is asked
        "Equals(MeasureOf(Angle(A, B, C)), 37)",
        "Equals(LengthOf(Line(A, D)), LengthOf(Line(D, B)))",
        "Perpendicular(Line(A, C), Line(B, C))",
        "PointLiesOnLine(D, Line(A, B))",
        "Parallel(Line(A, B), Line(E, F))",
    ],
    "line_instances": ["AB", "BC", "AC", "AD", "DB", "EF", "CD"],
    "circle_instances": [""],
    "point_positions": {"A": [0, 60], "B": [80, 0], "C": [0, 0], "D": [40, 30], "E": [20, 70], "F": [100, 10]},
}


def test_questions_follow_from_the_forms() -> None:
    asked = {one.twin: one for one in ask(read_diagram(FIGURE), "seed", 10)}
    assert set(asked) == {
        "value-AB",
        "value-BC",
        "value-angle-ABC",
        "line-AB",
        "right-angle-0",
        "parallel-AB-EF",
        "equal-AD-DB",
    }
    angle = asked["value-angle-ABC"].answer
    assert (angle.text, angle.kind, angle.unit, angle.accepts) == ("37", "number", "°", ("37°",))
    assert asked["value-BC"].answer.kind == "expression"
    assert asked["line-AB"].answer.text == "D"
    assert set(asked["line-AB"].choices) <= {"D", "C", "E", "F"}
    assert asked["parallel-AB-EF"].answer.text == "EF"
    assert not {"AB", "AD", "DB"} & set(asked["parallel-AB-EF"].choices)  # on the same line, so parallel too
    assert not {"AD", "CD"} & set(asked["equal-AD-DB"].choices)  # the median CD happens to be as long: 50 = 50 = 50


def test_every_choice_question_has_one_right_choice() -> None:
    for seed in map(str, range(20)):
        for one in ask(read_diagram(FIGURE), seed, 10):
            if one.choices:
                assert len(set(one.choices)) == len(one.choices)
                assert one.choices[one.answer.index or 0] == one.answer.text


def test_half_the_right_angles_are_wrong_ones() -> None:
    said = [
        next(q for q in ask(read_diagram(FIGURE), str(seed), 10) if q.twin == "right-angle-0") for seed in range(200)
    ]
    assert 70 < sum(one.answer.text == "yes" for one in said) < 130
    place = dict(zip("ABCDEF", [(0, 60), (80, 0), (0, 0), (40, 30), (20, 70), (100, 10)], strict=True))
    for one in said:
        words = one.text.split()
        first, second = words[3], words[5]
        turn = [math.atan2(place[s[1]][1] - place[s[0]][1], place[s[1]][0] - place[s[0]][0]) for s in (first, second)]
        between = abs(math.degrees(turn[0] - turn[1])) % 180
        between = min(between, 180 - between)
        assert (one.answer.text == "yes") == (abs(between - 90) < 1)
        assert one.answer.text == "yes" or 20 < between < 70


def test_a_number_that_marks_two_angles_silences_the_numbers() -> None:
    forms = [f"Equals(MeasureOf(Angle(A, B, {p})), MeasureOf(angle {n}))" for p, n in (("C", 1), ("D", 2))]
    asked = ask(read_diagram({"diagram_logic_form": forms}), "seed", 4)
    assert [(one.text, one.answer.text) for one in asked if one.twin.startswith("number")] == [
        ("Which number marks angle ABC?", "1"),
        ("Which number marks angle ABD?", "2"),
    ]
    forms.append("Equals(MeasureOf(Angle(E, B, D)), MeasureOf(angle 2))")
    assert not [
        one for one in ask(read_diagram({"diagram_logic_form": forms}), "seed", 4) if one.twin.startswith("number")
    ]


def test_all_points_of_a_circle_are_asked_for() -> None:
    forms = [f"PointLiesOnCircle({p}, Circle(O, radius_0_0))" for p in "CAB"]
    (one,) = ask(read_diagram({"diagram_logic_form": forms, "circle_instances": ["O"]}), "seed", 4)
    assert (one.answer.text, one.answer.kind) == ("A, B, C", "set")


def test_equal_angles_are_told_from_differently_marked_ones() -> None:
    forms = ["Equals(MeasureOf(Angle(P, N, M)), MeasureOf(Angle(P, Q, M)))"]
    assert not ask(read_diagram({"diagram_logic_form": forms}), "seed", 4)  # no other mark to tell it from
    forms.append("Equals(MeasureOf(Angle(Q, P, N)), MeasureOf(Angle(Q, M, N)))")
    first = ask(read_diagram({"diagram_logic_form": forms}), "seed", 4)[0]
    assert set(first.choices) == {"PQM", "QPN", "QMN"}
    assert first.answer.text == "PQM"


def test_at_most_so_many_of_a_kind_and_the_seed_decides() -> None:
    diagram: Diagram = read_diagram(FIGURE)
    assert sum(one.twin.startswith("value") for one in ask(diagram, "seed", 1)) == 1
    assert ask(diagram, "seed", 2) == ask(diagram, "seed", 2)
    assert len({str(ask(diagram, str(seed), 2)) for seed in range(8)}) > 1
    assert ask(diagram, "seed", 0) == []
