"""A corpus of cards with duplicates of every kind, built into a workspace."""

from pathlib import Path
from typing import Any

from toys import card, write_lines

from curation import pictures
from perceptdata.execution.executor import Executor
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import Outcome, run_step
from perceptdata.workspace import Workspace

LONG = (
    "A farmer walks from the old mill to the market along the river and counts 12 boats on the way before lunch , "
    "then she walks home again past the church and counts 9 boats more . How many boats did she count in all ?"
)


def run(ws: Workspace, name: str, do: str, executor: Executor | None = None, **options: Any) -> Outcome:
    with ws.lock("test"):
        return run_step(ws, name, make_step(do, options), executor)


def shown(number: int, name: str, question: str, answer: str, **changes: Any) -> dict[str, Any]:
    return card(
        number,
        question=f"<image>{question}",
        images=[name],
        answer={"text": answer, "kind": "text"},
        stage="perception",
        **changes,
    )


def corpus(folder: Path) -> Path:
    """Cards 0 to 19 in two files, and their pictures."""
    folder.mkdir(parents=True)
    drawn = {seed: pictures.drawing(seed) for seed in range(4)}
    for seed, picture in drawn.items():
        (folder / f"{seed}.png").write_bytes(pictures.png(picture))
    (folder / "0j.png").write_bytes(pictures.png(pictures.jpeg(drawn[0])))
    (folder / "0h.png").write_bytes(pictures.png(pictures.half(drawn[0])))
    picture = drawn[1].convert("RGBA")
    (folder / "1same.png").write_bytes(pictures.png(picture))  # other bytes, the same pixels
    first = [
        card(0, question=LONG, answer={"text": "21", "kind": "number"}),
        card(1, question=LONG.upper(), answer={"text": "21", "kind": "number"}),  # the same but for case
        card(
            2, question=LONG.replace("old mill", "old  mill"), answer={"text": "22", "kind": "number"}
        ),  # gold differs
        card(3, question=LONG.replace("lunch", "supper"), answer={"text": "21", "kind": "number"}),  # near
        card(4, question=LONG.replace("12", "14"), answer={"text": "21", "kind": "number"}),  # another number
        card(5, question=LONG.replace("lunch", "dinner"), answer={"text": "23", "kind": "number"}),  # another answer
        shown(6, "0.png", "What colour is the disc?", "red"),
        shown(7, "0j.png", "What colour is the disc?", "red"),  # near picture
        shown(8, "0h.png", "What colour is the disc?", "blue"),  # near picture, another answer
        shown(9, "0h.png", "How many discs are there?", "1"),  # near picture, another question
    ]
    second = [
        shown(10, "1.png", "What colour is the disc?", "red"),  # another picture
        shown(11, "1same.png", "what colour is the disc?", "red"),
        shown(12, "2.png", "What colour is the disc?", "red"),
        card(13, question=LONG, answer={"text": "21", "kind": "number"}),
        card(14, question="What is 3 + 4?", answer={"text": "7", "kind": "number"}),
        card(15, question="What is 4 + 3?", answer={"text": "7", "kind": "number"}),  # of one template
        shown(16, "3.png", "Which is further left, AB or BC?", "AB"),
        shown(17, "3.png", "Which is further left, BC or AB?", "AB"),
    ]
    write_lines(folder / "a.jsonl", first)
    write_lines(folder / "b.jsonl", second)
    return folder


def built(folder: Path) -> Workspace:
    corpus(folder / "cards")
    ws = Workspace.create(folder / "ws")
    run(ws, "cards", "build", use="toy_cards", path=folder / "cards")
    return ws


def known(ws: Workspace, step: str) -> dict[int, dict[str, Any]]:
    """A step's scores by the number of their card, `meta` as values."""
    import json

    rows = ws.layer(step, "scores").to_table().to_pylist()
    return {int(row["example_id"].rpartition("/")[2]): row | {"meta": json.loads(row["meta"])} for row in rows}
