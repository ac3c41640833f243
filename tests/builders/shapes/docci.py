"""Shape fixture: DOCCI's descriptions beside their pictures; one picture is not there."""

from pathlib import Path

from drawn import jpeg, put, put_json

REJECTED = {"image.missing": 1}

DESCRIPTION = 'An outdoor view of a red bench. Behind it stand two trees, and a sign reads "PARK".'


def write(folder: Path) -> Path:
    root = folder / "docci"
    rows = [
        {
            "example_id": f"{split}_{number:05d}",
            "split": split,
            "image_file": f"{split}_{number:05d}.jpg",
            "description": f"{DESCRIPTION} It is number {number}.",
        }
        for split, number in (("train", 9), ("test", 0), ("qual_dev", 3))
    ]
    put_json(root / "docci_descriptions.jsonlines", rows)
    put(root / "images/train_00009.jpg", jpeg("bench"))
    put(root / "images/test_00000.jpg", jpeg("test"))
    return root
