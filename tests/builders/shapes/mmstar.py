"""Shape fixture: MMStar's rows, with choices on one line and on several; the TSV with columns and base64."""

import base64
from pathlib import Path
from typing import Any

from drawn import png, put, put_parquet, shown

REJECTED = {"answer.index": 1}


def record(index: int, question: str, answer: str, category: str = "coarse perception") -> dict[str, Any]:
    return {
        "index": index,
        "question": question,
        "image": shown(str(index))["bytes"],
        "answer": answer,
        "category": category,
        "l2_category": "image scene and topic",
        "meta_info": {"source": "MMBench", "split": "val", "image_path": f"images/{index}.jpg"},
    }


ROWS = [
    record(0, "Where is the lamp?\nOptions: A: On the desk., B: Under the desk., C: Beside it, D: Far off", "A"),
    record(1, "What is x?\n(A) 12\n(B) 13, or so\n(C) 14", "B", "math"),
    record(2, "Which?\nOptions: A: one, B: two", "D"),
]


def write(folder: Path) -> Path:
    put(folder / "mmstar/MMStar.tsv", b"index\tquestion\timage\tanswer\n")  # the same rows again: not read
    return put_parquet(folder / "mmstar/mmstar.parquet", ROWS).parent


def tsv(folder: Path) -> Path:
    image = base64.b64encode(png("0")).decode()
    header = "index\tquestion\tA\tB\tanswer\tcategory\timage"
    return put(folder / "tsv/MMStar.tsv", f"{header}\n7\tWhich?\tone\ttwo\tB\tmath\t{image}\n".encode())
