"""Shape fixture: InfographicVQA's rows on the hub, with OCR as JSON text."""

import json
from pathlib import Path

from drawn import put_parquet, shown

REJECTED = {"answer.missing": 1}

OCR = json.dumps([{"PAGE": [{"Id": "p"}], "LINE": [{"Text": "37% of users", "Confidence": 99.1}], "WORD": []}])
ROWS = [
    {
        "questionId": "70151",
        "question": "What share of users is named?",
        "answers": ["37%", "37"],
        "answer_type": ["single span"],
        "image": shown("37%"),
        "image_url": "an/infographic.jpeg",
        "operation/reasoning": [],
        "ocr": OCR,
        "data_split": "train",
    },
    {
        "questionId": "70152",
        "question": "What is the sum of both shares?",
        "answers": ["60%"],
        "answer_type": ["non-extractive"],
        "image": shown("37%"),
        "image_url": "an/infographic.jpeg",
        "operation/reasoning": ["arithmetic"],
        "ocr": "not JSON",
        "data_split": "train",
    },
    {
        "questionId": "70153",
        "question": "Withheld?",
        "answers": [],
        "answer_type": [],
        "image": shown("x"),
        "image_url": "another.jpeg",
        "operation/reasoning": [],
        "ocr": "",
        "data_split": "test",
    },
]


def write(folder: Path) -> Path:
    return put_parquet(folder / "InfographicVQA/data-00000-of-00001.parquet", ROWS).parent
