"""Shape fixture: RealWorldQA, whose questions carry choices and an instruction."""

from pathlib import Path

from drawn import put_parquet, shown

REJECTED = {"answer.index": 1}

LETTER = "Please answer directly with only the letter of the correct option and nothing else."
WORD = "Please answer directly with a single word or number."
ROWS = [
    {
        "image": shown("street"),
        "question": f"Which side of the road is closed?\n\nA. Left\nB. Right\nC. Both\n{LETTER}",
        "answer": "A",
    },
    {"image": shown("cars"), "question": f"How many cars are there in the image?\n{WORD}", "answer": "3"},
    {"image": shown("x"), "question": f"Which?\n\nA. Left\nB. Right\n{LETTER}", "answer": "D"},
]


def write(folder: Path) -> Path:
    return put_parquet(folder / "realworldqa/data/test-00000-of-00001.parquet", ROWS).parent
