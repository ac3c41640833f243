"""Shape fixture: DAPO-Math-17k: three prompts said over and over, one of them with two answers; and processed rows."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

REJECTED = {"dapo_math.answers_differ": 1}
BEFORE = (
    "Solve the following math problem step by step. The last line of your response should be of the form Answer: "
    "$Answer (without quotes) where $Answer is the answer to the problem.\n\n"
)
BEHIND = '\n\nRemember to put your answer on its own line after "Answer:".'


def row(asked: str, truth: str, index: str) -> dict[str, Any]:
    """A row in verl's columns."""
    return {
        "data_source": "math_dapo",
        "prompt": [{"content": f"{BEFORE}{asked}{BEHIND}", "role": "user"}],
        "ability": "MATH",
        "reward_model": {"ground_truth": truth, "style": "rule-lighteval/MATH_v2"},
        "extra_info": {"index": index},
    }


FIRST, SECOND, TORN = (
    row("Find $1+1$.", "2", "a-1"),
    row("Find $-7 \\cdot 5$.", "-35", "b-2"),
    row("Find it.", "4", "c-3"),
)
RAW = [FIRST, SECOND, FIRST, TORN, FIRST, SECOND, row("Find it.", "5", "c-3")]
PROCESSED = [
    {
        "prompt": "Find the largest prime below 10.",
        "solution": "7",
        "data_source": "math_dapo",
        "source_prompt": [{"content": f"{BEFORE}Find the largest prime below 10.{BEHIND}", "role": "user"}],
    }
]


def write(folder: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(RAW), folder / "dapo-math-17k.parquet", row_group_size=3)
    (folder / "en").mkdir()
    pq.write_table(pa.Table.from_pylist(PROCESSED), folder / "en" / "train-00000-of-00001.parquet")
    return folder
