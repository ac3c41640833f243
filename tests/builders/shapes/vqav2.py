"""Shape fixture: VQAv2's questions and annotations; one question has no annotation, one picture is not there."""

from pathlib import Path
from typing import Any

from drawn import jpeg, put, put_json, put_parquet, shown

REJECTED = {"answer.missing": 1, "image.missing": 1}

PEOPLE = ["net", "net", "net", "netting", "net", "net", "mesh", "net", "the net", "net"]


def answers(texts: list[str]) -> list[dict[str, Any]]:
    return [{"answer": text, "answer_confidence": "yes", "answer_id": number} for number, text in enumerate(texts, 1)]


def annotation(question: int, image: int, texts: list[str], kind: str = "other") -> dict[str, Any]:
    return {
        "question_id": question,
        "image_id": image,
        "question_type": "what is",
        "answer_type": kind,
        "multiple_choice_answer": max(texts, key=texts.count),
        "answers": answers(texts),
    }


QUESTIONS = [
    {"image_id": 9, "question": "What is behind the goal?", "question_id": 9000},
    {"image_id": 9, "question": "Is there a ball?", "question_id": 9001},
    {"image_id": 9, "question": "Why is he running?", "question_id": 9002},
    {"image_id": 25, "question": "How many giraffes are there?", "question_id": 25000},
]
ANNOTATIONS = [  # in another order, and without 9002
    annotation(25000, 25, ["2"] * 10, "number"),
    annotation(9001, 9, ["yes"] * 6 + ["no"] * 4, "yes/no"),
    annotation(9000, 9, PEOPLE),
]
ABOUT = {
    "info": {"version": "2.0"},
    "license": {"name": "CC BY 4.0"},
    "data_type": "mscoco",
    "data_subtype": "train2014",
}


def write(folder: Path) -> Path:
    root = folder / "vqa"
    questions = {**ABOUT, "task_type": "Open-Ended", "questions": QUESTIONS}
    put_json(root / "v2_OpenEnded_mscoco_train2014_questions.json", questions)
    put_json(root / "v2_mscoco_train2014_annotations.json", {**ABOUT, "annotations": ANNOTATIONS})
    put(root / "train2014/COCO_train2014_000000000009.jpg", jpeg("9"))
    return root


def hub(folder: Path) -> Path:
    """The hub's rows, which hold all of it."""
    row = {**annotation(9000, 9, PEOPLE), "question": "What is behind the goal?", "image": shown("9")}
    return put_parquet(folder / "hub/validation-00000-of-00001.parquet", [row]).parent
