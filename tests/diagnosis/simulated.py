"""A model that misperceives and misreasons as often as it is told, behind a real server: a_p and a_r are known.

It knows every picture of its workspace by its bytes. A grid is misread (one clue becomes another digit) with
probability 1 - a_p; what it then holds to be the grid is solved with probability a_r, and left wrong otherwise. A
misread grid is never answered right. What happens hangs on the item, the condition and how
often it was asked alone, so that two runs agree, and two models with the same seed err alike.
"""

import base64
import hashlib
import json
import random
import re
from dataclasses import dataclass, field
from typing import Any

import pyarrow.parquet as pq

from perceptdata import registry
from perceptdata.workspace import EXAMPLES, Workspace

from llm.server import Say  # isort: skip

CANARY = {"Write the numbers": ("fourteen, fifteen", "one, two, three, four, five"), "Write the letters": ("S, T", "A")}
SUDOKU = registry.make("families", "sudoku", {"size": 4})


@dataclass
class Simulated:
    """`prefill`: continued, ignored (the turn is begun anew), echoed, or deaf (canaries are answered with nonsense).

    `peeks` ignores what the answer was opened with and looks at the picture instead; `unparsed` is how often no box is
    written, `cut` how often the answer ends at its limit.
    """

    pictures: dict[str, str]
    a_p: float = 0.6
    a_r: float = 0.9
    prefill: str = "continued"
    peeks: bool = False
    unparsed: float = 0.0
    cut: float = 0.0
    seed: int = 0
    calls: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, ws: Workspace, **traits: Any) -> "Simulated":
        """It knows the pictures of this workspace."""
        known = {}
        for _, _, _, file in ws.shards(EXAMPLES):
            for row in pq.read_table(ws.file(file)).to_pylist():
                for image in row["images"]:
                    data = bytes(memoryview(ws.images[image["sha256"]]))
                    known[hashlib.sha256(base64.b64encode(data)).hexdigest()] = row["facts"]
        return cls(known, **traits)

    def __call__(self, asked: dict[str, Any], times: int) -> Say:
        self.calls.append(asked)
        text = self.answer(asked, times)
        if random.Random(f"cut/{self.seed}/{text}").random() < self.cut:
            return Say.text(text[: len(text) // 2], usage=(100, 30), finish_reason="length")
        return Say.text(text, usage=(100, 60))

    def answer(self, asked: dict[str, Any], times: int = 0) -> str:
        messages = list(asked["messages"])
        opened = messages.pop()["content"] if messages[-1]["role"] == "assistant" else ""
        text, picture = _shown(messages[-1]["content"])
        for question, (onwards, anew) in CANARY.items():
            if text.startswith(question):
                return {"continued": onwards, "ignored": anew, "echoed": opened + onwards, "deaf": "?!"}[self.prefill]
        if text.startswith("Name the days"):
            return {"continued": "Saturday", "ignored": "Monday", "echoed": opened + "Sat", "deaf": "?!"}[self.prefill]
        told = re.search(r"The figure shows:\n(\[.*\]\])", text)
        chance = random.Random(f"{self.seed}/{picture}/{told and told[1]}/{opened}/{times}")
        true = self.pictures.get(picture) or (told[1] if told else None)
        stated = opened.removeprefix("<description>").split("</description>")[0].strip()
        if self.prefill in ("ignored", "deaf"):
            stated = opened = ""
        if stated and not (self.peeks and true is None):
            read = stated
        elif stated or true is None:
            read = _blind(chance)
        elif told:
            read = true
        else:
            read = true if chance.random() < self.a_p else _misread(true, chance)
        whole = f"<description>\n{stated or read}\n</description>\n<think>\nI solve it.\n</think>\n"
        if chance.random() >= self.unparsed:
            whole += f"\\boxed{{{_solved(read, chance.random() < self.a_r)}}}"
        if self.prefill == "echoed" or not opened:
            return whole
        return whole[len(opened) :] if whole.startswith(opened) else whole


def _shown(content: Any) -> tuple[str, str | None]:
    """The text of a turn, and the hash of its picture's encoded bytes."""
    if isinstance(content, str):
        return content, None
    text = "".join(part.get("text", "") for part in content)
    urls = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
    return text, hashlib.sha256(urls[0].partition(",")[2].encode()).hexdigest() if urls else None


def _solved(read: str, right: bool) -> str:
    scene = SUDOKU.parse(read)
    try:
        solved = SUDOKU.solve(scene, random.Random(0)).answer
    except Exception:  # a misread grid may have no solution; the model writes something all the same
        return read
    return solved if right else solved[1] + solved[0] + solved[2:]


def _misread(facts: str, chance: random.Random) -> str:
    rows = json.loads(facts)
    places = [(r, c) for r, row in enumerate(rows) for c, digit in enumerate(row) if digit != "-"]
    r, c = chance.choice(places)
    rows[r][c] = rows[r][c] % 4 + 1
    return json.dumps(rows)


def _blind(chance: random.Random) -> str:
    return json.dumps([[chance.choice([1, 2, 3, 4, "-"]) for _ in range(4)] for _ in range(4)])
