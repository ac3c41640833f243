"""Shape fixture: A-OKVQA's file beside COCO's folder, and the shape of a hub copy."""

from pathlib import Path
from typing import Any

from drawn import jpeg, put, put_json, put_parquet, shown

REJECTED = {"answer.index": 1, "answer.missing": 1}


def record(number: int, **change: Any) -> dict[str, Any]:
    return {
        "split": "train",
        "image_id": 123,
        "question_id": f"kite{number}",
        "question": "What will the girl with the kite need?",
        "choices": ["rain", "a train", "paint", "wind"],
        "correct_choice_idx": 3,
        "direct_answers": ["wind", "wind", "breeze", "wind", "string", "air", "a breeze", "wind", "space", "string"],
        "difficult_direct_answer": False,
        "rationales": ["Kites rise where the air moves.", "It hangs limp in her hand."],
    } | change


ROWS = [
    record(0),
    record(1, difficult_direct_answer=True),
    record(2, correct_choice_idx=4),
    {name: value for name, value in record(3).items() if name not in ("correct_choice_idx", "direct_answers")},
]


def write(folder: Path) -> Path:
    root = folder / "aokvqa"
    put_json(root / "aokvqa_v1p0_train.json", ROWS)
    put(root / "train2017/000000000123.jpg", jpeg("kite"))
    return root


def hub(folder: Path) -> Path:
    row = record(7) | {"image": shown("kite"), "direct_answers": str(record(7)["direct_answers"])}
    del row["image_id"], row["split"]
    return put_parquet(folder / "hub/data/validation-00000-of-00002.parquet", [row]).parent
