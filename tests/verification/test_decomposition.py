"""Decomposition: parts of clauses are believed only where they stand, word for word."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llm.server import Say, Server, last

from perceptdata import llm
from perceptdata.llm.asking import answers_of, ask_rounds
from perceptdata.verification.claims import SEGMENTER, split
from perceptdata.verification.decomposition import asks, decomposed, segmenter_of

TEXT = "A red cube left of a blue ball and a dog behind them. Two cups. It is 3 cm and 4 cm wide, and it is old."
CLAUSES = [
    "A red cube left of a blue ball and a dog behind them.",
    "Two cups.",
    "It is 3 cm and 4 cm wide, and it is old.",
]


def cut(quotes: Callable[[int, str], Any], tmp_path: Path, text: str = TEXT) -> tuple[list[str], str | None]:
    """The claims after a model cut them; `quotes` gives the parts of a clause, or a whole reply."""

    def script(asked: dict[str, Any], times: int) -> Say:
        lines = [
            (int(n), json.loads(said))
            for n, said in re.findall(r'^\[(\d+)\] (".*")$', asked["messages"][1]["content"], re.M)
        ]
        found = [quotes(number, said) for number, said in lines]
        if found and isinstance(found[0], str):
            return Say.text(found[0])
        sentences = [{"id": n, "quotes": parts} for (n, _), parts in zip(lines, found, strict=True) if parts]
        return Say.text(json.dumps({"sentences": sentences}))

    (claims,) = split([text])
    with Server(script) as server, llm.ReplyCache(tmp_path / "replies.sqlite", step="caps") as replies:
        endpoint = llm.Endpoint(urls=(server.url,), model="m", retries=0)
        ask_rounds(lambda _: asks(text, claims), endpoint, replies)
        found, problem = decomposed(text, claims, answers_of(replies, endpoint))
        asked = [said for each in server.asked for said in re.findall(r"^\[\d+\] (.*)$", last(each), re.MULTILINE)]
    assert '"Two cups."' not in asked  # it says one thing
    return [text[each.start : each.end] for each in found], None if problem is None else problem.code


def test_a_clause_becomes_its_parts_and_each_its_kind(tmp_path: Path) -> None:
    parts = {CLAUSES[0]: ["A red cube left of a blue ball", "a dog behind them"], CLAUSES[2]: []}
    assert cut(lambda _, said: parts[said], tmp_path) == (
        ["A red cube left of a blue ball", "a dog behind them", "Two cups.", CLAUSES[2]],
        None,
    )


@pytest.mark.parametrize(
    "quotes",
    [
        ["a dog behind them", "A red cube left of a blue ball"],  # out of order
        ["A red cube", "a blue ball", "a dog behind them"],  # what relates them would be lost
        ["A red cube left of a green ball", "a dog behind them"],  # reworded
        ["A red cube left of a blue ball", "a dog behind"],  # a word is left over
        ["A red cube left of a blue ball an", "d a dog behind them"],  # inside a word
        ["A red cube left of a blue ball", ""],
    ],
)
def test_parts_that_are_not_its_own_words_leave_it_whole(quotes: list[str], tmp_path: Path) -> None:
    found = cut(lambda _, said: quotes if said == CLAUSES[0] else [], tmp_path)
    assert found == (CLAUSES, "claims.unplaced")


def test_a_reply_of_no_use_leaves_everything_whole(tmp_path: Path) -> None:
    assert cut(lambda n, said: "I would cut it in two.", tmp_path) == (CLAUSES, "claims.invalid")
    foreign = json.dumps({"sentences": [{"id": 7, "quotes": ["A red cube", "a dog"]}]})
    assert cut(lambda n, said: foreign, tmp_path / "..", TEXT + " ") == (CLAUSES, "claims.ids")


def test_a_reply_that_cuts_a_clause_in_two_ways_leaves_it_whole(tmp_path: Path) -> None:
    def twice(number: int, said: str) -> str:
        one = {"id": number, "quotes": ["A red cube left of a blue ball", "a dog behind them"]}
        other = {"id": number, "quotes": ["A red cube left of a blue ball and a dog", "behind them"]}
        return json.dumps({"sentences": [one, other]})

    assert cut(twice, tmp_path) == (CLAUSES, "claims.ids")


def test_nobody_asked_nobody_cut() -> None:
    (claims,) = split([TEXT])
    found, problem = decomposed(TEXT, claims, lambda request: None)
    assert found == claims
    assert problem is not None
    assert problem.code == "claims.unanswered"


def test_the_segmenter_says_who_cut() -> None:
    endpoint = llm.Endpoint(urls=("http://localhost/v1",), model="m")
    assert segmenter_of(None) == SEGMENTER
    assert re.fullmatch(rf"{re.escape(SEGMENTER)}\+[0-9a-f]{{8}}", segmenter_of(endpoint))
    assert segmenter_of(endpoint) != segmenter_of(endpoint.model_copy(update={"model": "other"}))
