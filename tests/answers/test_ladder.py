"""The ladder as a whole: every failure known of the rules it replaces, and whatever a model may write."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptdata import registry
from perceptdata.answers import Ladder, Verdict
from perceptdata.answers.rungs import _checker
from perceptdata.example import CheckerRef, Example
from perceptdata.plugins import Checker

Judge = Callable[..., Verdict]


# What a parser of LaTeX alone gets wrong (each was measured on math-verify 0.9.0), and what must come out.
@pytest.mark.parametrize(
    ("answer", "gold", "verdict"),
    [
        (r"a \le x \le b".replace("a", "1").replace("b", "5"), "[1, 5]", Verdict(1.0, "interval")),
        ("[1,5]", r"1 \le x \le 5", Verdict(1.0, "interval")),
        ("(1,5)", r"1 \le x \le 5", Verdict(0.0, "interval")),
        ("Yes", "Yes", Verdict(1.0, "text")),
        (r"\text{yes}", "Yes", Verdict(0.0, "text")),  # an expression keeps its case
        ("E*s*y", "Yes", Verdict(0.0, "text")),
        ("No", "Yes", Verdict(0.0, "text")),
        ("five", "five", Verdict(1.0, "text")),
        ("5", "five", Verdict(0.0, "text")),
        ("3:4", "3:4", Verdict(1.0, "text")),
        ("6:8", "3:4", Verdict(1.0, "number")),
        ("3", "3:4", Verdict(0.0, "text")),
        ("7", "7:30", Verdict(0.0, "text")),
        ("7/30", "7:30", Verdict(0.0, "text")),
        ("7:30", "7", Verdict(0.0, "expression", "answer_unreadable")),
        ("2√3", r"2\sqrt{3}", Verdict(1.0, "number")),
        ("2", "2√3", Verdict(0.0, "number")),
        ("3.14", r"\pi", Verdict(0.0, "number")),
        ("0.333", r"\frac13", Verdict(0.0, "number")),
        ("1.0e3", "1000", Verdict(1.0, "number")),
        ("1.0", "1.0e3", Verdict(0.0, "number")),
        (r"\boxed{12", "12", Verdict(0.0, "expression", "answer_unreadable")),
        (r"12 \text{ cm}", "12", Verdict(0.0, "number", "unit")),
        ("12", r"12 \text{ cm}", Verdict(0.0, "number", "unit")),
        (r"10\%", "10", Verdict(0.0, "number", "unit")),
        ("10", r"10\%", Verdict(0.0, "number", "unit")),
        ("x=12", "12", Verdict(0.0, "expression", "relation")),
        ("I got 5. Checking 3+2", "5", Verdict(0.0, "expression", "answer_words")),
        ("100000!", "9", Verdict(0.0, "algebra")),
        ("+".join(["x"] * 300), "300x", Verdict(1.0, "algebra")),
    ],
)
def test_known_failures(judge: Judge, answer: str, gold: str, verdict: Verdict) -> None:
    assert judge(answer, gold, kind="expression") == verdict


@pytest.mark.parametrize(
    ("answer", "gold", "verdict"),
    [
        ("(x-1)(x+1)", "x^2-1", Verdict(1.0, "algebra")),
        ("(x-1)(x+2)", "x^2-1", Verdict(0.0, "algebra")),
        ("x^2 - 1", "x^{2}-1", Verdict(1.0, "text")),
        ("2x+1=y", "y=2x+1", Verdict(1.0, "algebra")),
        ("2, 1", "1, 2", Verdict(1.0, "set")),
        ("(2,1)", "(1,2)", Verdict(0.0, "set")),
        ("(1.0, 2)", "(1,2)", Verdict(1.0, "interval")),
        (r"(\frac{6}{2}, 1)", "(3,1)", Verdict(1.0, "set")),
        ("12x", r"x \cdot 12", Verdict(1.0, "algebra")),
        ("x'", "f'(x)", Verdict(0.0, "text")),
        (r"\begin{pmatrix} 1 \\ 2+1 \end{pmatrix}", r"\begin{pmatrix}1\\3\end{pmatrix}", Verdict(1.0, "algebra")),
        (r"\text{Evelyn}", "Evelyn", Verdict(1.0, "text")),
        ("3+2", "5", Verdict(1.0, "algebra")),
    ],
)
def test_expressions(judge: Judge, answer: str, gold: str, verdict: Verdict) -> None:
    assert judge(answer, gold, kind="expression") == verdict


@pytest.mark.parametrize(
    ("answer", "gold", "fields", "verdict"),
    [
        ("B", "B", {"kind": "choice"}, Verdict(1.0, "text")),  # no list of choices: by letter as text
        ("(b)", "12 cm", {"kind": "choice", "choices": ("3 cm", "12 cm")}, Verdict(1.0, "choice")),
        ("purple", "12 cm", {"kind": "choice", "choices": ("3 cm", "12 cm")}, Verdict(0.0, "choice", "not_a_choice")),
        ("A", "4 cm", {"kind": "choice", "choices": ("3 cm", "12 cm")}, Verdict(None, "choice", "gold_not_a_choice")),
        (
            "A",
            "3 cm",
            {"kind": "choice", "choices": ("3 cm", "12"), "index": 1},
            Verdict(None, "choice", "gold_disagrees"),
        ),
        ("x+1, 2", "2, 1+x", {"kind": "set"}, Verdict(1.0, "algebra")),
        (r"\pm 3", "3, -3", {"kind": "set"}, Verdict(1.0, "set")),
        (r"x > 3", r"(3, \infty)", {"kind": "set"}, Verdict(1.0, "interval")),
        ("13", "about 12", {"kind": "number"}, Verdict(None, "number", "gold_unreadable")),
        ("12", "about 12", {"kind": "number", "accepts": ("12",)}, Verdict(1.0, "text")),
        ("13", "about 12", {"kind": "number", "accepts": ("12",)}, Verdict(0.0, "number")),
        ("[1]", "no JSON", {"kind": "structure"}, Verdict(None, "structure", "gold_unreadable")),
        ("no JSON", "[1]", {"kind": "structure"}, Verdict(0.0, "structure", "answer_unreadable")),
        ("[0,0,10,9]", "[0,0,10,10]", {"kind": "boxes"}, Verdict(1.0, "boxes")),
        ("[0,0,1,1]", "top left", {"kind": "boxes"}, Verdict(None, "boxes", "gold_unreadable")),
        ("x", "{", {"kind": "expression"}, Verdict(None, "expression", "gold_unreadable")),
        ("(1+2)(3", "2(1+", {"kind": "expression"}, Verdict(None, "algebra", "gold_unreadable")),
        ("", "x", {"kind": "expression"}, Verdict(0.0, "text", "answer_empty")),
        ("red", "blue", {"checker": CheckerRef(name="nonsuch")}, None),
    ],
)
def test_gold_that_cannot_be_compared_is_unscored(
    judge: Judge, answer: str, gold: str, fields: dict[str, Any], verdict: Verdict | None
) -> None:
    found = judge(answer, gold, **fields)
    if verdict is None:
        assert (found.score, found.rung) == (None, "checker")
        assert "there is no checker 'nonsuch'" in str(found.reason)
    else:
        assert found == verdict


def test_a_tower_of_powers_costs_its_limit_and_a_reason(judge: Judge) -> None:
    assert judge("9^{9^{9^9}}", "9", kind="expression") == Verdict(None, "algebra", "timeout")
    assert judge("1+8", "9", kind="expression") == Verdict(1.0, "algebra")


NASTY = [
    "x" * 100_000,
    "{" * 100_000,
    "\\frac{" * 20_000,
    "(" * 200 + "x" + ")" * 200,
    "[" * 50_000 + "]" * 50_000,
    "1," * 50_000,
    "1 " * 50_000,
    "\\boxed{\\boxed{" * 1000,
    "x\x00y",
    "\ud7ff\uffff",
    "∪" * 1000,
    "<" * 1000,
    "√" * 1000,
    "9" * 5000,
    "-" * 100_000,
    "\\",
    "$",
    "9" * 100 + "!" * 5,
]


@pytest.mark.parametrize("kind", ["choice", "number", "expression", "set", "text", "structure", "boxes"])
def test_no_answer_raises_or_takes_long(judge: Judge, kind: str) -> None:
    gold = {"structure": "[1]", "boxes": "[0,0,1,1]", "choice": "x", "number": "13", "set": "1, x"}.get(kind, "x+1")
    began = time.process_time()
    for answer in NASTY:
        assert judge(answer, gold, ("x", "y") if kind == "choice" else (), kind=kind).score in (0.0, None)
    assert time.process_time() - began < 20


@given(
    answer=st.text("x12+-*/^{}()[]\\,.:=<>√π %\x00", max_size=25), kind=st.sampled_from(["number", "set", "expression"])
)
def test_the_exact_rungs_take_any_text(asked: Any, answer: str, kind: str) -> None:
    from perceptdata.answers.ladder import rule

    verdict = rule(answer, asked("x+1, 2" if kind == "set" else "2√3", kind=kind))
    assert verdict is None or verdict.score in (0.0, 1.0)


def test_many_at_once_are_the_same_as_one_by_one(asked: Any) -> None:
    pairs = [(f"{n}+x", asked(f"x+{m}", kind="expression")) for n in range(3) for m in range(3)] * 2
    pairs += [("12", asked("12", kind="number")), ("B", asked("b"))]
    with Ladder(workers=2) as ladder:
        together = ladder.judge_many(pairs)
        assert together == [ladder.judge(*pair) for pair in pairs]
    assert [verdict.score for verdict in together[:9]] == [1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0]


def test_any_accepted_expression_is_right(judge: Judge) -> None:
    assert judge("1+x", "x^2", kind="expression", accepts=("x+1",)) == Verdict(1.0, "algebra")
    assert judge("2+x", "x^2", kind="expression", accepts=("x+1",)) == Verdict(0.0, "algebra")
    assert judge("2+x", "(1+", kind="expression", accepts=("x+1",)) == Verdict(0.0, "algebra")


class Broken(Checker):
    """Fails on some answers, and gives others more than there is."""

    name = "broken"

    def score(self, answer: str, example: Example) -> float:
        return {"2": 2.0, "nan": float("nan"), "half": 0.5}[answer]


def test_a_checker_s_fault_is_a_reason_on_the_row(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "make", lambda kind, name, options: Broken())
    _checker.cache_clear()
    said = {text: judge(text, "1", checker=CheckerRef(name="broken")) for text in ("half", "2", "nan", "zzz")}
    _checker.cache_clear()
    assert said["half"] == Verdict(0.5, "checker")
    assert said["zzz"] == Verdict(None, "checker", "checker: KeyError: 'zzz'")
    assert said["2"] == Verdict(None, "checker", "checker: it gave 2.0, not a score from 0 to 1")
    assert said["nan"].score is None


def test_checkers_read_facts(judge: Judge, asked: Any, ladder: Ladder) -> None:
    """Constraint checkers: any proper colouring counts; an example without facts is unscored, with the reason."""
    colouring = asked("A=red", checker=CheckerRef(name="family", args={"family": "graph_coloring"}))
    verdict = ladder.judge("A=red", colouring)
    assert (verdict.score, verdict.rung) == (None, "checker")
    assert "its facts state no graph_coloring scene" in str(verdict.reason)
