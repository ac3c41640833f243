"""Shape fixture: ORZ-Math: lists of two turns as the repository has them, the hub's columns, and plain columns."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def turns(asked: str, truth: str, **more: Any) -> list[dict[str, Any]]:
    """A row of the repository's JSON."""
    return [
        {"from": "human", "value": asked},
        {"from": "assistant", "ground_truth": {"value": truth, **more}},
    ]


LISTS = [turns("Solve $x^2=4$ for $x>0$.", "2"), turns("Find all roots of $x^2-1$.", "-1, 1", pass_at_n=0.25)]
HUB = [{"0": {"from": "human", "value": "Find $f(2)$."}, "1": {"from": "assistant", "ground_truth": {"value": "2^5"}}}]
PLAIN = [{"problem": "What is $10^2$?", "answer": "100"}]


def write(folder: Path) -> Path:
    (folder / "orz_math_13k_collection_hard.json").write_text(json.dumps(LISTS))
    pq.write_table(pa.Table.from_pylist(HUB), folder / "train-00000-of-00001.parquet")
    (folder / "text.jsonl").write_text("".join(json.dumps(row) + "\n" for row in PLAIN))
    return folder
