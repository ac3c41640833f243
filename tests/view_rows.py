"""A workspace for the tests of views, and the few questions they all ask of it."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from toys import card, picture, write_lines

from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.view import View, ViewSpec
from perceptdata.workspace import Workspace

ROWS = 24
STAGE_OF = ("perception", "visual_reasoning", "textual_reasoning", "textual_reasoning")


def row(number: int) -> dict[str, Any]:
    """Half the rows are textual; every sixth has three tries of which try `number % 3` is right, or none scored."""
    made = card(number, group=f"g{number // 2}", split="test" if number // 2 % 4 == 0 else "train")
    made["stage"] = STAGE_OF[number % 4]
    if number % 4 < 2:
        made |= {"question": f"<image>What is {number}?", "images": [f"{number % 5}.png"]}
    if number % 4 == 0:
        made["response"] = None
    if number % 6 == 0:
        made["responses"] = [
            {"text": f"Try {each}. I see {number}. Thus {number}.", "score": float(each == number // 6 % 3)}
            for each in range(3)
        ]
    if number % 6 == 3:
        made["responses"] = [{"text": f"Unscored try of {number}."}]
    return made


def sources(folder: Path) -> None:
    for name, numbers in (("cards", range(ROWS)), ("more", range(100, 106))):
        (folder / name).mkdir(parents=True)
        for number in range(5):
            (folder / name / f"{number}.png").write_bytes(picture(number))
        for start in range(numbers.start, numbers.stop, 8):
            rows = [row(number) for number in range(start, min(start + 8, numbers.stop))]
            write_lines(folder / name / f"{start:03d}.jsonl", rows)


def run(ws: Workspace, name: str, do: str, **options: Any) -> None:
    with ws.lock("test"):
        run_step(ws, name, make_step(do, options))


def make(site: Path, folder: Path) -> Path:
    """Two sources, their responses with scores, and spans over both kinds of text; where the workspace lies."""
    sources(folder)
    ws = Workspace.create(folder / "ws")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        for name in ("cards", "more"):
            run(ws, name, "build", use="toy_cards", path=folder / name)
        run(ws, "tags", "tag", use="toy_words")
        run(ws, "tries", "tag", use="toy_words", **{"from": "cards"})
    return ws.path


def copy(made: Path, folder: Path) -> Workspace:
    """A copy of the workspace and its sources that a test may change."""
    shutil.copytree(made.parent, folder / "copy", copy_function=shutil.copy2)
    return Workspace(folder / "copy" / "ws")


def view(ws: Workspace, **spec: Any) -> View:
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True, default=str).encode()).hexdigest()
    return View(ws, f"v{digest[:12]}", ViewSpec.model_validate(spec))


def keys(found: View) -> list[int]:
    return [int(each.rpartition("/")[2]) for each in found.rows.column("example_id").to_pylist()]


def known(ws: Workspace) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in ws.examples().to_table().to_pylist()}
