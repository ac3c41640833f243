"""Shape fixture: DocVQA as its JSON file, as the hub's rows, and as pixparse's with OCR."""

from pathlib import Path

from drawn import png, put, put_json, put_parquet, shown

REJECTED = {"answer.missing": 1}

RECORDS = [
    {
        "questionId": 337,
        "question": "When was the parcel sent?",
        "image": "documents/abcd0001_1.png",
        "docId": 11,
        "ucsf_document_id": "abcd0001",
        "ucsf_document_page_no": "1",
        "answers": ["3 May 1990", "May 3, 1990"],
        "data_split": "train",
    },
    {
        "questionId": 338,
        "question": "Who signed for it?",
        "image": "documents/abcd0001_1.png",
        "docId": 11,
        "ucsf_document_id": "abcd0001",
        "ucsf_document_page_no": "1",
        "answers": None,
        "data_split": "train",
    },
]


def write(folder: Path) -> Path:
    root = folder / "docvqa"
    wrapped = {"dataset_name": "docvqa", "dataset_version": "1.0", "dataset_split": "train", "data": RECORDS}
    put_json(root / "train_v1.0.json", wrapped)
    put(root / "documents/abcd0001_1.png", png("3 May 1990"))
    return root


def hub(folder: Path) -> Path:
    row = {
        **RECORDS[0],
        "questionId": "337",
        "question_types": ["handwritten"],
        "data_split": "val",
        "image": shown("1"),
    }
    return put_parquet(folder / "hub/DocVQA/validation-00000-of-00001.parquet", [row]).parent


def pixparse(folder: Path) -> Path:
    line = {
        "bounding_box": [4, 6, 40, 6, 40, 12, 4, 12],
        "text": "May 3, 1990",
        "words": [{"bounding_box": [4, 6, 20, 6, 20, 12, 4, 12], "text": "May", "confidence": None}],
    }
    row = {
        "image": shown("page"),
        "question_id": 9,
        "question": "When was it written?",
        "answers": ["May 3, 1990"],
        "ocr_results": {"page": 1, "width": 64, "height": 48, "lines": [line]},
        "other_metadata": {"ucsf_document_id": "abc", "ucsf_document_page_no": "4", "doc_id": 2},
    }
    return put_parquet(folder / "pixparse/data/train-00000-of-00001.parquet", [row]).parent
