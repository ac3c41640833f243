"""`perceptdata show ROW --tokens --model FOLDER`: the rendered row with its roles."""

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from models import families
from rich.console import Console
from toys import picture, write_lines

from perceptdata.errors import UsageError
from perceptdata.report.row import row_of
from perceptdata.report.tokens import print_tokens, tokens_of
from perceptdata.workspace import Workspace

Cli = Callable[..., Any]
RESPONSE = "I see a red square. So the answer is 7."


@pytest.fixture
def tagged(cli: Cli, tmp_path: Path) -> Path:
    """A workspace with one tagged row with an image, and one row without a response."""
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "a.png").write_bytes(picture(3))
    rows = [
        {"key": "0", "group": "0", "question": "<image>What?", "images": ["a.png"], "response": RESPONSE},
        {"key": "1", "group": "1", "question": "What?"},
    ]
    write_lines(tmp_path / "cards" / "train.jsonl", [{"split": "train", **row} for row in rows])
    for words in (["build", "toy_cards", "-s", tmp_path / "cards", "--name", "cards"], ["tag", "--use", "toy_words"]):
        said = cli(*words, "-w", "ws")
        assert said.code == 0, said.err
    return tmp_path / "ws"


def test_a_row_is_shown_as_it_is_trained(cli: Cli, tagged: Path, tiny: Callable[[str], Path]) -> None:
    model = tiny("qwen3_vl")
    said = cli("show", "cards/train/0", "--tokens", "--model", model, "-w", "ws")
    assert said.code == 0, said.err
    assert RESPONSE in said.out
    assert "<|im_start|>assistant" in said.out
    assert re.search(r"<\|image_pad\|> × \d+<\|vision_end\|>", said.out)
    shown = json.loads(cli("show", "cards/train/0", "--tokens", "--model", model, "-w", "ws", "--json").out)
    (one,) = shown
    assert (one["text_id"], one["reject"], one["straddles"]) == ("cards/train/0#response", None, 0)
    runs = [(run["role"], run["text"].strip()) for run in one["runs"][1:] if run["text"].strip()]
    assert runs == [
        ("perception", "I see a red square."),
        ("reasoning", "So the answer is 7."),
        ("other", "<|im_end|>"),
    ]
    by_address = cli("show", "cards/train/0#response", "--tokens", "--model", model, "-w", "ws", "--json")
    assert json.loads(by_address.out) == shown


def test_what_is_missing_is_said(cli: Cli, tagged: Path, tiny: Callable[[str], Path]) -> None:
    for words, sentence in (
        (["cards/train/0", "--tokens"], "--tokens and --model go together"),
        (["cards/train/0", "--model", "x"], "--tokens and --model go together"),
        (["cards/train/1", "--tokens", "--model", tiny("qwen3")], "cards/train/1 has no response with spans"),
        (["cards/train/0#facts", "--tokens", "--model", tiny("qwen3")], "cards/train/0#facts has no response"),
        (["cards/train/0", "--tokens", "--model", "./none"], "there is no folder ./none"),
    ):
        said = cli("show", *words, "-w", "ws")
        assert (said.code, sentence in said.err) == (2, True), said.err


def test_a_row_that_cannot_be_aligned_says_why(tagged: Path) -> None:
    ws = Workspace(tagged)
    row = row_of(ws, "cards/train/0")
    (shown,) = tokens_of(ws, row, families.reader("qwen3"))  # a text model
    assert shown.reject is not None
    assert shown.reject.code == "prompt.images"
    console = Console(record=True, width=100, file=None, quiet=False)
    with console.capture() as printed:
        print_tokens(shown, console)
    assert "prompt.images" in printed.get()
    assert shown.to_json()["reject"]["code"] == "prompt.images"


def test_spans_of_another_text_are_refused(tagged: Path) -> None:
    ws = Workspace(tagged)
    row = row_of(ws, "cards/train/0")
    assert row.example is not None
    other = dataclasses.replace(row, example=row.example.model_copy(update={"response": "Something else entirely."}))
    with pytest.raises(UsageError, match="made for another text; tag it again"):
        tokens_of(ws, other, families.reader("qwen3_vl"))
