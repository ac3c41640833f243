"""A workspace of small Sudoku scenes with rollouts of known quality, for tests of rewards that need one."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llm.server import Say
from toys import picture, write_lines

from perceptdata import registry
from perceptdata.plugins import Family

FAMILY: Family[Any] = registry.make("families", "sudoku", {"size": 4})
ARGS = {"family": "sudoku", "family_options": {"size": 4}}
BLANK = 0
COUNTS = ("none", "one", "two", "three", "four")


def written(description: str, answer: str) -> str:
    return f"<description>\n{description}\n</description>\n<think>\nSo.\n</think>\n\n\\boxed{{{answer}}}"


def misread(scene: tuple[int, ...], rng: random.Random) -> tuple[int, ...]:
    """The scene with one given digit read as another."""
    place = rng.choice([at for at, digit in enumerate(scene) if digit != BLANK])
    digit = rng.choice([each for each in (1, 2, 3, 4) if each != scene[place]])
    return (*scene[:place], digit, *scene[place + 1 :])


def rollout(scene: tuple[int, ...], sees: bool, reasons: bool, rng: random.Random) -> str:
    """A response that perceives or not, and whose answer is right or not: apart, as the two fail apart."""
    seen = scene if sees else misread(scene, rng)
    right = FAMILY.solve(scene, rng).answer
    answer = right if reasons else right[::-1]
    return written(FAMILY.facts(seen), answer)


def scenes(count: int, seed: int = 0) -> list[tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    rng = random.Random(seed)
    while len(found) < count:
        scene = FAMILY.generate(rng)
        found[FAMILY.canonical(scene)] = scene
    return list(found.values())


def task(number: int, scene: tuple[int, ...], responses: Sequence[str], **changes: Any) -> dict[str, Any]:
    """The card of a scene's task."""
    checker = {"name": "family", "args": ARGS}
    answer = FAMILY.solve(scene, random.Random(0)).answer
    return {
        "key": str(number),
        "stage": "visual_reasoning",
        "group": f"scene/{number}",
        "question": "<image>" + FAMILY.ask(scene),
        "answer": {"text": answer, "kind": "structure", "checker": checker},
        "facts": FAMILY.facts(scene),
        "facts_quality": "oracle",
        "images": [f"{number}.png"],
        "responses": [{"text": text} for text in responses],
        **changes,
    }


def write_scenes(folder: Path, count: int = 16, group: int = 6, seed: int = 0) -> None:
    """Cards of `count` tasks, `group` rollouts each: 60 % perceive; of those 80 % answer rightly, of others 40 %."""
    rng = random.Random(seed)
    cards = []
    for number, scene in enumerate(scenes(count, seed)):
        said = []
        for _ in range(group):
            sees = rng.random() < 0.6
            said.append(rollout(scene, sees, rng.random() < (0.8 if sees else 0.4), rng))
        row = number % 4
        empty = scene[4 * row : 4 * row + 4].count(BLANK)
        counted = {
            "key": f"{number}-count",
            "stage": "perception",
            "group": f"scene/{number}",
            "question": f"<image>How many cells of row {row + 1} are empty?",
            "choices": COUNTS,
            "answer": {"text": COUNTS[empty], "kind": "choice", "index": empty},
            "images": [f"{number}.png"],
            "response": None,
        }
        caption = {"captions": [FAMILY.facts(scene)]}
        cards += [task(number, scene, said, **caption), counted]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.png").write_bytes(FAMILY.draw(scene, random.Random(0)))
    write_lines(folder / "0.jsonl", cards)


CUPS = (
    "Three red cups stand on the left. A blue ball lies behind the table.",
    "Two dogs run over green grass. There is no leash.",
    "",
)


def write_cups(folder: Path, captions: Sequence[str] = CUPS) -> None:
    """A card for each caption; its picture has none where that is empty."""
    folder.mkdir(parents=True, exist_ok=True)
    cards = []
    for number, caption in enumerate(captions):
        (folder / f"{number}.png").write_bytes(picture(number))
        cards.append(
            {
                "key": str(number),
                "stage": "visual_reasoning",
                "group": f"cups/{number}",
                "question": "<image>How many cups are there when one more is put down?",
                "answer": {"text": "4", "kind": "number"},
                "images": [f"{number}.png"],
                "response": None,
                "captions": [caption] if caption else [],
            }
        )
    write_lines(folder / "0.jsonl", cards)


def counts_blanks(asked: dict[str, Any], times: int) -> Say:
    """A judge's script: the blanks of the row that is asked about, in the grid that is described; else unknown."""
    known = json.loads(asked["messages"][-1]["content"])
    row = int(known["question"].split("row ")[1][0]) - 1
    scene: Any = FAMILY.parse(known["description"])
    if scene is None:
        return Say.text("unknown")
    word = COUNTS[scene[4 * row : 4 * row + 4].count(BLANK)]
    return Say.text(next(letter for letter, choice in known["choices"].items() if choice == word))
