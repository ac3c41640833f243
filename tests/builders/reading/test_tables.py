import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from perceptdata.builders.reading.tables import KEY, read_rows, row_count
from perceptdata.errors import Rejected, UsageError

ROWS = [{"id": f"r{n}", "question": f"What is {n}?", "answer": str(n)} for n in range(9)]


def save(folder: Path, suffix: str) -> Path:
    """ROWS in one format."""
    file = folder / f"rows{suffix}"
    match suffix:
        case ".jsonl":
            file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
        case ".json":
            file.write_text(json.dumps(ROWS))
        case ".parquet":
            pq.write_table(pa.Table.from_pylist(ROWS), file, row_group_size=4)
        case _:
            mark = "," if suffix == ".csv" else "\t"
            file.write_text(
                "".join(mark.join(row) + "\n" for row in [list(ROWS[0]), *(list(r.values()) for r in ROWS)])
            )
    return file


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".tsv", ".parquet"])
def test_any_stretch_of_any_format(tmp_path: Path, suffix: str) -> None:
    file = save(tmp_path, suffix)
    assert row_count(file, 2) == 9
    for start, stop in ((0, None), (0, 2), (3, 7), (5, None), (8, 9), (9, None)):
        rows = list(read_rows(file, start, stop, 2))
        assert [row.fields for row in rows] == ROWS[start:stop]
        assert [row.number for row in rows] == list(range(9))[start:stop]


def test_json_of_other_shapes(tmp_path: Path) -> None:
    def read(value: object) -> list[object]:
        file = tmp_path / "value.json"
        file.write_text(json.dumps(value))
        return [row.fields for row in read_rows(file, 0, None, 10)]

    assert read({"7": {"q": 1}, "9": {"q": 2}}) == [{KEY: "7", "q": 1}, {KEY: "9", "q": 2}]
    assert read({"info": {}, "questions": [{"q": 1}, {"q": 2}]}) == [{"q": 1}, {"q": 2}]
    assert read({"question": "one?", "answer": "1"}) == [{"question": "one?", "answer": "1"}]
    assert read({"question": "one?", "parts": [{"a": 1}]}) == [{"question": "one?", "parts": [{"a": 1}]}]
    assert [type(each) for each in read([{"q": 1}, "no object"])] == [dict, Rejected]


def test_unreadable_lines_are_named(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(b'{"q": 1}\n{"q": \n[1]\n\n{"q": "\xff"}\n{"q": 2}\n')
    rows = list(read_rows(tmp_path / "rows.jsonl", 0, None, 10))
    assert [row.where for row in rows if isinstance(row.fields, Rejected)] == [
        f"rows.jsonl, line {n}" for n in (2, 3, 5)
    ]
    assert [row.fields for row in rows if not isinstance(row.fields, Rejected)] == [{"q": 1}, {"q": 2}]
    (tmp_path / "rows.csv").write_bytes(b'q,a\n1,2\n1,2,3\n"1,2\n\xff,1\n3,4\n')
    rows = list(read_rows(tmp_path / "rows.csv", 0, None, 10))
    assert [row.fields.message for row in rows if isinstance(row.fields, Rejected)] == [
        "3 fields under 2 column names",
        "a quote is opened and never closed",
        "not UTF-8: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
    ]
    assert [row.fields for row in rows if not isinstance(row.fields, Rejected)] == [
        {"q": "1", "a": "2"},
        {"q": "3", "a": "4"},
    ]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("rows.json", b"[1,", "cannot be read as JSON"),
        ("rows.json", b'"text"', "holds a str"),
        ("rows.parquet", b"PAR1", "cannot be read as Parquet"),
        ("rows.xlsx", b"", "of no known kind"),
    ],
)
def test_files_that_cannot_be_read_at_all(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UsageError, match=said):
        row_count(tmp_path / name, 10)


def test_a_large_field_is_read(tmp_path: Path) -> None:
    (tmp_path / "rows.tsv").write_text(f"q\timage\n1\t{'A' * 1_000_000}\n")
    (row,) = read_rows(tmp_path / "rows.tsv", 0, None, 10)
    assert isinstance(row.fields, dict)
    assert len(row.fields["image"]) == 1_000_000  # the csv module stops at 131,072
