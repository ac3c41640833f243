"""`perceptdata agreement` and `consensus`, as a person and a program meet them."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toys import card, write_lines

Cli = Callable[..., Any]


@pytest.fixture
def tagged(cli: Cli, tmp_path: Path) -> Cli:
    """A workspace `ws` with two layers over twelve responses, which differ on every second clause."""
    write_lines(tmp_path / "cards" / "0.jsonl", [card(number) for number in range(12)])
    cli("build", "toy_cards", "-s", "cards", "--name", "cards", "-w", "ws", "--workers", "1")
    (tmp_path / "recipe.yaml").write_text(
        "sources: [{use: toy_cards, name: cards, path: cards}]\n"
        "steps:\n"
        "  tags: {do: tag, use: toy_words}\n"
        "  other: {do: tag, use: {toy_words: {see: [I, sum]}}}\n"
        "  third: {do: tag, use: {toy_words: {see: [see]}}}\n"
        "  both: {do: consensus, from: [tags, other, third]}\n"
    )
    said = cli("run", "recipe.yaml", "-w", "ws", "--workers", "1")
    assert said.code == 0, said.err
    return cli


def test_json_has_everything(tagged: Cli) -> None:
    said = tagged("agreement", "tags", "other", "-w", "ws", "--by", "source", "--json", "--bootstraps", "20")
    assert (said.code, said.err) == (0, "")
    found = json.loads(said.out)
    assert (found["annotators"], found["texts"], found["clauses"], found["disputed"]) == (["tags", "other"], 12, 24, 12)
    # Of 24 clauses 12 are perception to both, and 12 reasoning to one and perception to the other: kappa is 0.
    assert found["agreement"]["clauses"]["kappa"]["tags~other"]["all"]["value"] == 0
    assert found["confusion"]["clauses"]["tags~other"] == [[12, 0, 0], [12, 0, 0], [0, 0, 0]]
    assert found["sources"]["cards"]["texts"] == 12
    heaviest = found["disagreements"][0]
    assert heaviest["labels"] == {"tags": "reasoning", "other": "perception"}
    assert heaviest["text"] == "So the sum is 10."
    assert found["dawid_skene"] is None  # of two


def test_words_for_people(tagged: Cli) -> None:
    said = tagged("agreement", "tags", "other", "-w", "ws", "--by", "source", "--show", "1", "--bootstraps", "20")
    assert said.code == 0, said.err
    assert said.out.startswith("tags, other: 12 texts, 24 clauses, 268 characters; 12 clauses in dispute\n")
    for part in (
        "alpha",
        "kappa",
        "iou_0.75",
        "another border",
        "So the sum is 10.",
        "tags reasoning, other perception",
    ):
        assert part in said.out
    assert said.out.count("So the sum") == 1
    assert "perceptdata agreement tags other --json --workspace ws" in said.out


def test_three_annotators_are_judged_by_their_consensus(tagged: Cli) -> None:
    said = tagged("agreement", "tags", "other", "third", "-w", "ws", "--bootstraps", "0")
    assert said.code == 0, said.err
    assert "right, by Dawid-Skene" in said.out
    assert "kappa tags~third" in said.out
    assert "perceptdata consensus --from tags --from other --from third --workspace ws" in said.out
    said = tagged("agreement", "tags", "other", "third", "-w", "ws", "--bootstraps", "0", "--json")
    found = json.loads(said.out)["dawid_skene"]["confusion"]
    # Twelve clauses that reason; `other` says perception to all of them.
    assert found["other"]["reasoning"]["perception"] > 0.6 > 0.2 > found["tags"]["reasoning"]["perception"]


def test_consensus_is_a_verb_and_a_step(tagged: Cli) -> None:
    layers = ("--from", "tags", "--from", "other", "--from", "third", "-w", "ws")
    said = tagged("consensus", *layers, "--name", "both", "--json")
    assert said.code == 0, said.err
    made = json.loads(said.out)
    assert (made["do"], made["skipped"], made["shards"]) == ("consensus", 1, 1)  # the recipe made the same
    said = tagged("consensus", *layers, "--margin", "0", "--workers", "1")
    assert said.out.startswith("consensus: 12 spans in ")


def test_gamma_without_its_extra_is_said(tagged: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygamma_agreement", None)
    said = tagged("agreement", "tags", "other", "-w", "ws", "--gamma", "5")
    assert (said.code, said.out) == (2, "")
    assert said.err == "error: gamma needs the extra `gamma`; install perceptdata[gamma]\n"


def test_gamma_is_of_as_many_texts_as_asked(tagged: Cli) -> None:
    pytest.importorskip("pygamma_agreement", reason="pygamma-agreement (extra `gamma`, 0.6 GB) is not installed")
    given = ("agreement", "tags", "other", "-w", "ws", "--bootstraps", "20", "--gamma", "5")
    said = tagged(*given, "--json")
    found = json.loads(said.out)["gamma"]["tags~other"]
    assert (found["texts"], found["too_long"]) == (5, 0)
    assert -2 < found["low"] <= found["value"] <= found["high"] < 1
    assert "tags~other, gamma: " in tagged(*given).out
    assert json.loads(tagged("agreement", "tags", "other", "-w", "ws", "--json").out)["gamma"] is None


def test_texts_of_others_and_missing_layers_are_said(tagged: Cli, tmp_path: Path) -> None:
    tagged("tag", "--use", "toy_words", "--name", "asked", "--from", "question", "-w", "ws", "--workers", "1")
    said = tagged("agreement", "tags", "asked", "-w", "ws")
    assert said.code == 0
    assert said.out.splitlines() == [
        "tags, asked: 0 texts, 0 clauses, 0 characters; 0 clauses in dispute",
        "  left out of tags: 12 unpaired",
        "  left out of asked: 12 unpaired",
        "no text has been labelled by two of them, so there is nothing to compare",
    ]
    said = tagged("consensus", "--from", "asked", "--from", "tags", "-w", "ws", "--name", "c", "--workers", "1")
    assert said.code == 2
    assert said.err == "error: which of 2 annotators errs cannot be told without a third; name another\n"
    said = tagged("agreement", "tags", "nobody", "-w", "ws")
    assert (said.code, said.out) == (2, "")
    assert said.err == "error: step 'nobody' has no spans or reviews; tags, other, third, both, asked has\n"
