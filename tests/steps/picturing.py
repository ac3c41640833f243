"""A workspace of cards that show pictures, in two shards that share one, and what steps over it say."""

import json
from pathlib import Path
from typing import Any

from toys import card, picture, write_lines

from perceptdata.execution.local import Local
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import Outcome, run_step
from perceptdata.workspace import Workspace


def shows(number: int, image: int, **changes: Any) -> dict[str, Any]:
    """A card that shows a picture."""
    fixed = {"stage": "visual_reasoning", "question": "<image>What is the sum?", "images": [f"{image}.png"]}
    gold = {"text": "42", "kind": "number"}
    return card(number, **{**fixed, "answer": gold, "response": None, "group": f"g{image}", **changes})


def workspace(folder: Path, *shards: list[dict[str, Any]]) -> Workspace:
    """One with a source `cards` of these shards."""
    for number, rows in enumerate(shards):
        write_lines(folder / "cards" / f"{number}.jsonl", rows)
    for number in range(20):
        (folder / "cards" / f"{number}.png").write_bytes(picture(number))
    ws = Workspace.create(folder / "ws")
    run(ws, "cards", "build", use="toy_cards", path=folder / "cards")
    return ws


def run(ws: Workspace, name: str, do: str, workers: int = 1, **options: Any) -> Outcome:
    with ws.lock("test"):
        return run_step(ws, name, make_step(do, options), Local(workers=workers))


def rows(ws: Workspace, step: str, kind: Any) -> list[dict[str, Any]]:
    """The rows of a layer, with their meta as a dict."""
    found = ws.layer(step, kind).to_table().to_pylist()
    return [{**row, "meta": json.loads(row["meta"])} if "meta" in row else row for row in found]


def images(ws: Workspace) -> dict[str, str]:
    """The hash of each picture, by its number."""
    table = ws.examples().to_table().to_pylist()
    return {row["group"][1:]: row["images"][0]["sha256"] for row in table if row["images"]}


def rejects(ws: Workspace, step: str) -> list[tuple[str, str]]:
    """Code and message of each."""
    return [(row["code"], row["message"]) for row in ws.rejects(step).to_table().to_pylist()]
