"""Exported views for the tests of the trainer, made once by the real workspace and exporter."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import datasets
import pytest
from models.pictures import draw
from models.tiny import Load
from toys import write_lines

from perceptdata.publishing.exports.parquet import Parquet
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.trainer.rows import read_rows
from perceptdata.view import View, ViewSpec
from perceptdata.vlm.loading import LocalModel
from perceptdata.workspace import Workspace

COLOURS = ("red", "blue", "green", "white", "orange")
WIDTHS = (64, 96, 48, 120, 80)
STAGES = ("textual_reasoning", "visual_reasoning", "perception")


def card(number: int) -> dict[str, Any]:
    """Row `number` has `number % 3` images; its response is in the format think_boxed. Row 8 has none."""
    count, places = number % 3, [number % 5, (number + 1) % 5]
    seen = " and ".join(f"a {COLOURS[place]} square" for place in places[:count]) or f"{number} and 0"
    return {
        "key": f"{number:02d}",
        "stage": STAGES[count],
        "question": "<image>" * count + f"What is {number} + 0?",
        "images": [f"{COLOURS[place]}.png" for place in places[:count]],
        "answer": {"text": str(number), "kind": "number"},
        "facts": seen if count else None,
        "facts_quality": "oracle" if count else None,
        "response": None
        if number == 8
        else f"<think>I see {seen}. So {number} + 0 = {number}.</think> \\boxed{{{number}}}",
    }


@pytest.fixture(scope="session")
def exported(toy_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two exported views, `cards` and `graphs`."""
    folder = tmp_path_factory.mktemp("exported")
    for colour, width in zip(COLOURS, WIDTHS, strict=True):
        (folder / "cards").mkdir(exist_ok=True)
        (folder / "cards" / f"{colour}.png").write_bytes(draw(colour, width, 64))
    write_lines(folder / "cards" / "0.jsonl", [card(number) for number in range(12)])
    ws = Workspace.create(folder / "ws")
    graphs = {"rows": {"train_sft": 4}, "vertices": [4], "edges": [3, 5], "colours": [2, 3]}
    with pytest.MonkeyPatch.context() as patch, ws.lock("test"):
        patch.syspath_prepend(toy_site)
        run_step(ws, "cards", make_step("build", {"use": "toy_cards", "path": folder / "cards"}))
        run_step(ws, "graphs", make_step("build", {"use": "graph_coloring", **graphs}))
        run_step(ws, "tags", make_step("tag", {"use": {"toy_words": {"see": ["see", "edge"]}}}))
        for name in ("cards", "graphs"):
            spec = ViewSpec(
                where=f"source.builder like '%{name.rstrip('s')[:4]}%'", spans="tags", splits={"train": 1.0}
            )
            Parquet().export(View(ws, name, spec), folder / name / "view")
    return folder


@pytest.fixture(scope="session")
def cards(exported: Path) -> Path:
    """Twelve rows of 0, 1 and 2 images of unlike size with spans and numbers as answers; one has no response."""
    return exported / "cards" / "view"


@pytest.fixture(scope="session")
def graphs(exported: Path) -> Path:
    """Twelve rows, the three twins of four small graphs: facts, spans, and the checkers of the family."""
    return exported / "graphs" / "view"


@pytest.fixture(scope="session")
def rows(cards: Path) -> datasets.Dataset:
    """The rows of `cards`."""
    return read_rows(cards)


@pytest.fixture(scope="session")
def load(tiny: Callable[[str], Path]) -> Load:
    """`load("qwen3_vl")`: that family's tiny model, shared by all tests, so not to be changed."""
    return cache(lambda family: LocalModel.load(tiny(family)))
