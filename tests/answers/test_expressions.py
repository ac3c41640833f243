"""What looking tells apart before algebra is asked."""

import pytest

from perceptdata.answers.expressions import difference, shape, squeezed
from perceptdata.answers.notation import latex, plain, tidy


@pytest.mark.parametrize(
    ("said", "gold", "reason"),
    [
        ("x(x+1)", "x^2+x", None),
        (r"\sin^2 x", r"1-\cos^2 x", None),
        (r"\frac{\alpha}{2}", r"0.5\alpha", None),
        (r"e^{x \ln 2}", "2^x", None),  # e is a number
        ("12 cm", "12", "symbols"),
        (r"12 \text{ metres}", "12", "answer_words"),
        ("I got 5. Checking 3+2", "5", "answer_words"),
        (r"10\%", "10", "unit"),
        (r"90^\circ", "90", "unit"),
        ("x=12", "12", "relation"),
        ("12", "x=12", "relation"),
        ("x<y", "x", "relation"),
        ("y+1", "x+1", "symbols"),
        (r"\beta", r"\alpha", "symbols"),
        (r"\boxed{3", "3", "answer_unreadable"),
        ("{3", "3", "answer_unreadable"),
        ("}3{", "3", "answer_unreadable"),
        ("$3$ 4", "3", "answer_unreadable"),
        ("x\x00", "x", "answer_unreadable"),
        ("7:30", "7", "answer_unreadable"),
        ("101_2", "101", "answer_unreadable"),  # a base
        ("3 4", "7", "answer_unreadable"),
        (r"3 \quad 4", "7", "answer_unreadable"),
        ("x'", "x", "answer_unreadable"),
        (r"x=1 \lor x=2", "x=2", "answer_unreadable"),
        ("1.2.3", "1.2", "answer_unreadable"),
        ("x" * 1001, "x", "answer_too_long"),
    ],
)
def test_differences(said: str, gold: str, reason: str | None) -> None:
    assert difference(tidy(said), tidy(gold)) == reason


def test_functions_and_commands_are_no_words() -> None:
    found = shape(tidy(r"\frac{\arcsin(x)}{\log_{2} y} + \varphi"))
    assert not found.words
    assert not found.literal
    assert found.symbols == {"x", "y", "varphi"}
    assert shape("evelyn").words


@pytest.mark.parametrize(
    ("text", "same"),
    [
        (r"\left[ \dfrac{1}{2},\; \infty \right)", r"[\frac{1}{2}, ∞)"),
        (r"$x \leqslant 3$.", "x≤3"),
        (r"\text{even}", "even"),
        (r"\(x^{2}\)", "x^2"),
        ("x²", "x^2"),
        ("2 × 3", r"2 \cdot 3"),
        ("1{,}000", "1,000"),
    ],
)
def test_one_spelling(text: str, same: str) -> None:
    assert squeezed(text) == squeezed(same)


def test_spaces_that_part_figures_stay() -> None:
    assert squeezed("1 1/2") != squeezed("11/2")


def test_there_and_back() -> None:
    assert latex(tidy("2√3 ≤ π")) == r"2\sqrt{3} \le  \pi "
    assert latex("√(x+1)") == r"\sqrt{x+1}"
    assert squeezed(latex(tidy(r"x \geq \infty"))) == squeezed("x ≥ ∞")


def test_plain_text() -> None:
    assert plain("  A  Dog. ") == plain("**a dog**") == plain(r"\text{A dog}") == plain("$a dog$") == "a dog"
