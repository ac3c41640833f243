"""Shape fixture: TextVQA's JSON file beside its pictures."""

from pathlib import Path
from typing import Any

from drawn import jpeg, put, put_json, put_parquet, shown

REJECTED = {"answer.missing": 1}


def record(question: int, image: str, text: str, answers: list[str], split: str = "train") -> dict[str, Any]:
    return {
        "image_id": image,
        "question_id": question,
        "question": text,
        "question_tokens": text.lower().rstrip("?").split(),
        "image_width": 64,
        "image_height": 48,
        "flickr_original_url": "",
        "flickr_300k_url": "",
        "answers": answers,
        "image_classes": ["Clock"],
        "set_name": split,
        "ocr_tokens": ["BAKERY", " ", "7:30"],
    }


RECORDS = [
    record(34602, "00aa11bb22cc33dd", "what does the sign say?", ["bakery"] * 8 + ["baker", "Bakery"]),
    record(34603, "00aa11bb22cc33dd", "what time is it?", [""] * 10),
]


def write(folder: Path) -> Path:
    root = folder / "textvqa"
    file = {"dataset_type": "train", "dataset_name": "textvqa", "dataset_version": "0.5.1", "data": RECORDS}
    put_json(root / "TextVQA_0.5.1_train.json", file)
    put(root / "train_images/00aa11bb22cc33dd.jpg", jpeg("BAKERY"))
    return root


def hub(folder: Path) -> Path:
    row = {**record(1, "00aa", "what is written?", ["stop"] * 10, "val"), "image": shown("stop")}
    return put_parquet(folder / "hub/validation-00000-of-00001.parquet", [row]).parent
