"""Texts to review, and people who fill in sheets."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from perceptdata.review import ReviewPlan
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.workspace import Workspace

TEXTS = (
    "<think>\r\nI see 🙂🙂 two red cups, so there are 2. The 👨‍👩‍👧 family stands left.\r\n\r\n"
    "Then $\\frac{1}{2}+x=3$, hence x = 5/2.\r\n</think>\r\nThe answer is 5/2.",
    "<think>The figure shows a triangle ABC. Since AB = 3 and BC = 4, AC = 5.</think> So \\boxed{5}.",
    "<think>The chart has 4 bars. The tallest is 9.\u2028Subtracting, 9 - 4 = 5.</think> 5",
    "<think>A <script>alert(1)</script> & a cat. Because it is night, the lamp is on.</think> lamp",
)
Row = dict[str, Any]


def build(path: Path, many: int = 24) -> Workspace:
    """Texts of four kinds, each with its number; `tags` and `rough` label them, and differ."""
    rows = [
        {
            "id": f"q{at}",
            "question": f"How many? ({at})",
            "answer": "5",
            "response": TEXTS[at % 4].replace("<think>", f"<think>No. {at}. ", 1),
        }
        for at in range(many)
    ]
    source = path.parent / "own.jsonl"
    source.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    ws = Workspace.create(path)
    with ws.lock("test"):
        run_step(ws, "own", make_step("build", {"use": "auto", "path": source}))
        run_step(ws, "tags", make_step("tag", {"from": ["response"], "use": ["structure", "cues"]}))
        run_step(ws, "rough", make_step("tag", {"from": ["response"], "use": ["linear"]}))
    return ws


def plan(**changed: Any) -> ReviewPlan:
    """Two people who read ten texts, each once."""
    given: Row = {"name": "people", "screen": "spans", "layers": ("tags",), "people": ("ann", "bob"), "budget": 10}
    return ReviewPlan(**{**given, **changed})


def lines(file: Path) -> list[Row]:
    """The lines of a sheet."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]


def fill_in(file: Path, answer: Callable[[int, Row], Row]) -> None:
    """Each line as `answer` of its number and content has it."""
    rows = [answer(at, row) for at, row in enumerate(lines(file))]
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def agree(at: int, row: Row) -> Row:
    """Leave everything as it is shown; what is blind is all reasoning."""
    spans = row["spans"] or [{"text": row["cot"], "label": "reasoning"}]
    return {**row, "spans": spans, "done": True, "seconds": 20}


def think(at: int, row: Row) -> Row:
    """The first sentence of the thought perceives, the rest of it reasons."""
    start, end = row["cot"].index("<think>") + len("<think>"), row["cot"].index("</think>")
    cut = row["cot"].index(". ", row["cot"].index(". ", start) + 1) + 1
    spans = [(start, cut, "perception"), (cut, end, "reasoning")]
    return {
        **row,
        "spans": [{"start": s, "end": e, "label": name} for s, e, name in spans],
        "done": True,
        "seconds": 40,
    }
