"""Shape fixture: the two diagnostic sets, as Parquet with pictures inside and as JSON lines with paths."""

import json
from pathlib import Path

from drawn import png, put, put_parquet, shown

REJECTED = {"asymmetric.ground_truth": 3}

ASKED = (
    "<image>The graph in the image has 4 vertices, labelled 0 to 3. Find a minimum colouring; name colours a, b, c …"
)
GRAPH = {"v": 4, "c": 3, "edges": [[0, 1], [0, 2], [1, 2], [2, 3]]}
TOLD = '{"edges": [[0, 1], [0, 2], [1, 2], [2, 3]]}'
GRID = [[1, 0, 3, 4], [3, 4, 1, 2], [2, 1, 4, 3], [4, 3, 2, 0]]
THOUGHT = f"```json\n{TOLD}\n```\nThe triangle 0, 1, 2 needs three colours.\nSo \\boxed{{0:a, 1:b, 2:c, 3:a}}"


def write(folder: Path) -> Path:
    root = folder / "asymmetric"
    taught = [
        {"query": ASKED, "image": shown("a"), "ground_truth": json.dumps(GRAPH), "response": THOUGHT},
        {
            "query": ASKED,
            "image": shown("b"),
            "ground_truth": json.dumps(GRAPH),
            "response": 'I see {"edges": [[0, 1]]}. Thus 0:a, 1:b.',
        },
    ]
    put_parquet(root / "gc/train_sft-00000-of-00001.parquet", taught)
    put_parquet(
        root / "gc/test-00000-of-00001.parquet",
        [{"query": ASKED, "image": shown("c"), "ground_truth": json.dumps(GRAPH), "response": ""}],
    )
    put(root / "sudoku/grid.png", png("grid"))
    wrong = {"v": 4, "c": 2, "edges": GRAPH["edges"]}
    asked = [
        {"query": "Fill the grid.", "image": "sudoku/grid.png", "ground_truth": json.dumps(GRID), "response": ""},
        {"query": "Fill the grid.", "image": "sudoku/grid.png", "ground_truth": "[[1, 2]]", "response": ""},
        {"query": "Colour it.", "image": "sudoku/grid.png", "ground_truth": json.dumps(wrong), "response": ""},
        {"query": "Colour it.", "image": "sudoku/grid.png", "ground_truth": "{v: 4", "response": ""},
    ]
    put(root / "sudoku/train_rl.jsonl", "\n".join(map(json.dumps, asked)).encode())
    return root
