"""Shape fixture: PixMo-Docs, with the pictures inside and several questions a picture."""

from pathlib import Path

from drawn import put_parquet, shown

REJECTED = {"answer.missing": 1}


def write(folder: Path) -> Path:
    rows = [
        {
            "image": shown("bars"),
            "image_id": "charts_3",
            "questions": {
                "question": ["What is the top value?", "Which bar is red?", "And?"],
                "answer": ["42%", "Ohio", ""],
            },
        },
        {
            "image": shown("line"),
            "image_id": "charts_4",
            "questions": {"question": ["How many lines are there?"], "answer": ["3"]},
        },
    ]
    return put_parquet(folder / "docs/charts/train-00000-of-00001.parquet", rows).parent.parent
