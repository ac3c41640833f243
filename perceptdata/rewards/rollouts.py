"""What a workspace knows of rollouts: its examples, and the responses that a step wrote to them.

examples_by_id(ws, "rl")                      # {id: Example}, of a view
rollouts_of(ws, "cot")                        # [Rollout, …], example by example
"""

from __future__ import annotations

from collections.abc import Iterator

from perceptdata.example import Example
from perceptdata.plugins import Rollout
from perceptdata.view import open_view
from perceptdata.workspace import Workspace


def view_examples(ws: Workspace, view: str) -> Iterator[Example]:
    """The examples of a view, in its order; one that the view shows several texts of comes several times."""
    for table in open_view(ws, view).batches(images=False):
        for row in table.to_pylist():
            known = {name: row[name] for name in Example.model_fields if name in row and name != "images"}
            yield Example.from_row({**known, "images": row["image_info"]})


def examples_by_id(ws: Workspace, view: str = "all") -> dict[str, Example]:
    """The examples of a view, by id."""
    return {example.id: example for example in view_examples(ws, view)}


def rollouts_of(ws: Workspace, step: str, view: str = "all", limit: int | None = None) -> list[Rollout]:
    """A step's responses to the examples of a view, with those to one example together; of the first `limit` examples.

    Raises UsageError where the step wrote none.
    """
    table = ws.layer(step, "responses").to_table(columns=["example_id", "sample", "text"])
    said: dict[str, list[tuple[int, str]]] = {}
    for row in table.to_pylist():
        said.setdefault(row["example_id"], []).append((row["sample"], row["text"]))
    examples = [example for example in examples_by_id(ws, view).values() if example.id in said][:limit]
    return [Rollout(example, text) for example in examples for _, text in sorted(said[example.id])]
