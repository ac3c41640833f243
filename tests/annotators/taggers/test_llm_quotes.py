"""Where a quote parts a clause: only where it cannot be anywhere else."""

import pytest

from perceptdata.annotators.taggers.llm.quotes import echoes, parted

CLAUSE = "The figure shows 32°, so x = 7"


def parts(clause: str, quote: str) -> tuple[str, ...] | None:
    found = parted(clause, quote)
    return None if found is None else tuple(clause[start:end] for start, end in found)


@pytest.mark.parametrize(
    "quote",
    [
        "The figure shows 32°",
        "The figure shows 32°,",
        "so x = 7",
        "the  figure\nshows 32°",  # case and white space
        "THE FIGURE SHOWS 32",  # a sign lost
        "So x=7",  # spaces lost
    ],
)
def test_a_beginning_or_an_end_parts_the_clause(quote: str) -> None:
    assert parts(CLAUSE, quote) == ("The figure shows 32°,", "so x = 7")


@pytest.mark.parametrize(
    ("clause", "quote", "found"),
    [
        ("It says “40” – so it is 40.", 'it says "40"', ("It says “40”", "– so it is 40.")),
        ("Side is $x^2$ and so on", "Side is $x^2$", ("Side is $x^2$", "and so on")),
        ("Two cups (so x is 2)", "so x is 2", ("Two cups", "(so x is 2)")),
        ("图中有三个苹果所以答案是3", "图中有三个苹果", ("图中有三个苹果", "所以答案是3")),
        ("Die Straße ist rot, also ja", "die strasse ist rot", ("Die Straße ist rot,", "also ja")),
    ],
)
def test_signs_scripts_and_foldings(clause: str, quote: str, found: tuple[str, str]) -> None:
    assert parts(clause, quote) == found


@pytest.mark.parametrize(
    ("clause", "quote"),
    [
        (CLAUSE, ""),
        (CLAUSE, "   "),
        (CLAUSE, CLAUSE),  # nothing is left for the other part
        (CLAUSE, "The figure shows 32°, so x = 7."),
        (CLAUSE, "figure shows 32"),  # in the middle: which border is meant?
        (CLAUSE, "The figure shows 33°"),
        (CLAUSE, "The fig"),  # inside a word
        (CLAUSE, "The figure shows 3"),
        (CLAUSE, "so y = 7"),
        ("x is 3.14, so yes", "x is 3"),
        ("x is 3.14, so yes", "14, so yes"),
        ("x = 3, so x = 3", "x = 3"),  # begins and ends it
        ("Here $a = 4$ holds", "Here $a"),  # inside a formula
        ("Two cups?!", "Two cups"),  # the rest says nothing
        ("!", "!"),
    ],
)
def test_what_could_be_wrong_is_refused(clause: str, quote: str) -> None:
    assert parted(clause, quote) is None


@pytest.mark.parametrize(
    "words", ["The figure shows 32°", "the figure shows", "The figure shows 32, so x", "The figure"]
)
def test_an_echo_may_be_a_little_short_or_long(words: str) -> None:
    assert echoes(CLAUSE, words)


@pytest.mark.parametrize("words", ["", "The", "So x = 7", "The picture shows 32"])
def test_an_echo_of_other_words_is_none(words: str) -> None:
    assert not echoes(CLAUSE, words)


def test_a_clause_of_signs_alone_echoes_in_anything() -> None:
    assert echoes("---", "")
    assert echoes("No", "no")
