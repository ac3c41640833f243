"""Shape fixture: MATH in its three layouts: a file a problem, a dict by path, and Parquet of the hub."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def problem(asked: str, solution: str, level: str = "Level 3", subject: str = "Algebra") -> dict[str, str]:
    """A record; all layouts have the same four keys."""
    return {"problem": asked, "level": level, "type": subject, "solution": solution}


FILES: dict[str, dict[str, str]] = {
    "train/algebra/2.json": problem("What is $2+3$?", "We count on: $2+3=\\boxed{5}$."),
    "train/algebra/10.json": problem("Halve $x$.", "It is $\\boxed{\\frac{x}{\\sqrt{4}}}$.", "Level ?"),
    "test/geometry/7.json": problem("Name the point.", "It is $\\boxed{(3, -4)}$.", "Level 5", "Geometry"),
}
BY_PATH: dict[str, Any] = {
    "modeling/MATH/data/test/counting_&_probability_8.json": problem("How many?", "There are $\\boxed 6$ ways."),
    "modeling/MATH/data/test/geometry_9.json": problem("Which day?", "So it is $\\fbox{\\text{Friday}}$."),
}
HUB = [problem("Is it even?", "It is \\boxed{\\text{even}}.", "Level 1", "Number Theory")]


def write(folder: Path) -> Path:
    for name, record in FILES.items():
        file = folder / "MATH" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(record))
    (folder / "some.json").write_text(json.dumps(BY_PATH))
    (folder / "number_theory").mkdir()
    pq.write_table(pa.Table.from_pylist(HUB), folder / "number_theory" / "train-00000-of-00001.parquet")
    return folder
