"""Shape fixture: CLEVR questions as R1-V (`solution` in tags, with `thinking` or without) and EasyR1 write them."""

from pathlib import Path

from drawn import put_parquet, shown

REJECTED = {"answer.missing": 1}

ROWS = [
    {
        "image": shown("a"),
        "problem": "How many different items are there?",
        "solution": "<answer> 7 </answer>",
        "thinking": None,
    },
    {
        "image": shown("b"),
        "problem": "Is there a cube?",
        "solution": "<answer> yes </answer>",
        "thinking": "Left of the ball stands a cube.",
    },
    {"image": shown("c"), "problem": "How many items are there?", "solution": "<answer>  </answer>"},
]


def write(folder: Path) -> Path:
    put_parquet(folder / "counts/data/train-00000-of-00001.parquet", ROWS)
    easy = {"images": [shown("d")], "problem": "<image>How many items are there in the image?", "answer": "3"}
    put_parquet(folder / "counts/easy/test-00000-of-00001.parquet", [easy])
    return folder / "counts"
