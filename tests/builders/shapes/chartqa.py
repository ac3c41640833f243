"""Shape fixture: ChartQA's repository with tables, and the shape of one hub copy."""

from pathlib import Path

from drawn import png, put, put_json, put_parquet, shown

REJECTED = {"answer.missing": 1}


def write(folder: Path) -> Path:
    root = folder / "ChartQA Dataset"
    human = [
        {"imgname": "10000000000001.png", "query": "How many crops does the chart compare?", "label": "2"},
        {"imgname": "10000000000001.png", "query": "What is the difference of Hay and Corn?", "label": "0.57"},
        {"imgname": "two_col_3.png", "query": "Which is higher?", "label": ""},
    ]
    put_json(root / "train/train_human.json", human)
    generated = [{"imgname": "two_col_3.png", "query": "What was the value in 2012?", "label": "1.216666667"}]
    put_json(root / "train/train_augmented.json", generated)
    put(root / "train/png/10000000000001.png", png("bars"))
    put(root / "train/png/two_col_3.png", png("two"))
    put(root / "train/tables/10000000000001.csv", b'Entity,2012\r\nHay,103.7\r\n"Corn, dry",103.13\r\n')
    return root


def hub(folder: Path) -> Path:
    rows = [
        {"image": shown("a"), "query": "Is it over 3%?", "label": ["Yes"], "human_or_machine": 0},
        {"image": shown("b"), "query": "What was the share in 2003?", "label": ["3%", "0.03"], "human_or_machine": 1},
    ]
    return put_parquet(folder / "hub/data/test-00000-of-00001.parquet", rows).parent
