"""Shape fixture: MathVerse in three of its versions, and the text-only file."""

from pathlib import Path
from typing import Any

from drawn import put_parquet, shown

REJECTED = {"answer.index": 1}

WHOLE = "Two lines meet at O, and angle 1 is 50°. Angle 2 measures ().\nChoices:\nA:130°\nB:50°\nC:40°\nD:60°"


def record(sample: int, version: str, question: str, answer: str = "A", **change: Any) -> dict[str, Any]:
    return {
        "sample_index": str(sample),
        "problem_index": "7",
        "problem_version": version,
        "question": question,
        "image": shown(version),
        "answer": answer,
        "question_type": "multi-choice",
        "metadata": {"split": "testmini", "source": "GeoQA", "subject": "Plane Geometry", "subfield": "Angle"},
        "query_wo": "…",
        "query_cot": "…",
        "question_for_eval": WHOLE,
    } | change


ROWS = [
    record(31, "Text Dominant", WHOLE),
    record(34, "Vision Intensive", "Angle 2 measures ().\nChoices:\nA:130°\nB:50°\nC:40°\nD:60°"),
    record(35, "Vision Only", ""),
    record(40, "Text Lite", "How long is the arc?", "315^\\circT", question_type="free-form", question_for_eval="…"),
    record(41, "Text Lite", WHOLE, "F"),
]


def write(folder: Path) -> Path:
    root = folder / "mathverse"
    put_parquet(root / "testmini.parquet", ROWS)
    text = {name: value for name, value in record(1, "Text Only", WHOLE).items() if name != "image"}
    put_parquet(root / "testmini_text_only.parquet", [text])
    return root
