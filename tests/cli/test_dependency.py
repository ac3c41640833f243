"""The verb `dependency`: what it would do, what it did, and what to do next."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toys import picture  # isort: skip

CARDS = [
    {
        "key": str(at),
        "images": ["one.png"],
        "question": "<image>How many?",
        "response": "Two cups. So 2.",
        "stage": stage,
    }
    for at, stage in enumerate(["visual_reasoning"] * 3)
]


@pytest.fixture
def cards(cli: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "cards"
    folder.mkdir()
    (folder / "one.png").write_bytes(picture(1, (64, 64)))
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, CARDS)))
    assert cli("build", "toy_cards", "--source", folder).code == 0


def test_a_dry_run_says_how_much_there_is_to_read(
    cli: Callable[..., Any], cards: None, tiny: Callable[[str], Path]
) -> None:
    said = cli("dependency", "--model", tiny("llava"), "--dry-run")
    assert said.code == 0, said.err
    assert "texts: 3" in said.out
    assert "to_score: 3" in said.out
    assert "characters: 45" in said.out


def test_scores_and_then_tags(cli: Callable[..., Any], cards: None, tiny: Callable[[str], Path]) -> None:
    options = ("--model", tiny("llava"), "--blind", "drop", "--estimator", "full_kl", "--format", "answer_only")
    said = cli("dependency", *options, "--name", "dep")
    assert said.code == 0, said.err
    assert "perceptdata tag --from response --set 'use=[structure, {visual-dependency: {scores: dep}}]'" in said.out
    use = "use=[structure, {visual-dependency: {scores: dep}}]"
    tagged = cli("tag", "--from", "response", "--set", use, "--json")
    assert tagged.code == 0, tagged.err
    assert json.loads(tagged.out)["made"] == {"layers/spans": 3}


def test_mistakes_are_one_sentence(cli: Callable[..., Any], cards: None, tiny: Callable[[str], Path]) -> None:
    missing = cli("dependency", "--model", "./nowhere")
    assert (missing.code, missing.err.count("\n")) == (2, 1)
    assert "there is no folder nowhere" in missing.err
    unknown = cli("dependency", "--model", tiny("llava"), "--blind", "gauze")
    assert unknown.code == 2
    assert "blind" in unknown.err
    blind = cli("dependency", "--model", tiny("qwen3"))
    assert blind.code == 2
    assert "is a text model" in blind.err
