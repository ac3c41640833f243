"""`perceptdata tag` with a tagger that asks a model: its options reach it, and never go nowhere."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llm.server import Say, Server, last
from toys import card, write_lines


def reasons(asked: dict[str, Any], times: int) -> Say:
    return Say.text(json.dumps(dict.fromkeys(json.loads(last(asked)), "reasoning")))


@pytest.fixture
def built(cli: Callable[..., Any], tmp_path: Path) -> None:
    write_lines(tmp_path / "cards" / "0.jsonl", [card(number) for number in range(3)])
    assert cli("build", "toy_cards", "--source", "cards").code == 0


@pytest.mark.usefixtures("built")
def test_the_endpoint_goes_to_the_tagger_that_asks(cli: Callable[..., Any]) -> None:
    with Server(reasons) as server:
        options = ["--use", "toy_words", "--use", "toy_asks", "--url", server.url, "--model", "m"]
        done = cli("tag", *options)  # the words are sure of all, and nothing is left to ask
        assert (done.code, len(server.asked)) == (0, 0)
        done = cli("tag", "--use", "toy_asks", *options[4:], "--max-calls", "2")
        assert (done.code, len(server.asked)) == (0, 2)


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("options", [("--url", "http://localhost:1/v1", "--model", "m"), ("--max-calls", "3")])
def test_options_of_a_model_that_nobody_asks_are_refused(cli: Callable[..., Any], options: tuple[str, ...]) -> None:
    done = cli("tag", "--use", "toy_words", *options)
    assert (done.code, "no tagger among --use asks a model" in done.err) == (2, True)


@pytest.mark.usefixtures("built")
def test_a_margin_without_an_endpoint_says_what_is_missing(cli: Callable[..., Any]) -> None:
    done = cli("tag", "--use", "toy_asks", "--margin-below", "0.2")
    assert (done.code, "'endpoint' is required" in done.err) == (2, True)
