import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perceptdata.builders.reading import records
from perceptdata.builders.reading.records import read_records, record_index, split_fields, stretches


def write(folder: Path, data: bytes, name: str = "rows.txt") -> Path:
    (folder / name).write_bytes(data)
    return folder / name


def test_lines_by_number_and_by_stretch(tmp_path: Path) -> None:
    file = write(tmp_path, b"\xef\xbb\xbfa\r\n\nb\n  \nc\nd")
    index = record_index(file, 2)
    assert (index.rows, [mark.line for mark in index.marks]) == (4, [1, 5])
    assert [(row.number, row.line, row.data) for row in read_records(file, 0, None, 2)] == [
        (0, 1, b"a"),
        (1, 3, b"b"),
        (2, 5, b"c"),
        (3, 6, b"d"),
    ]
    for start in range(5):
        for stop in (*range(start, 6), None):
            assert [row.data for row in read_records(file, start, stop, 2)] == [b"a", b"b", b"c", b"d"][start:stop]


def test_a_changed_file_has_a_new_index(tmp_path: Path) -> None:
    file = write(tmp_path, b"a\nb\n")
    assert record_index(file, 1).rows == 2
    write(tmp_path, b"a\nb\nccc\n")
    assert record_index(file, 1).rows == 3


def test_fields_by_hand() -> None:
    assert split_fields("a,b,,c", ",") == ["a", "b", "", "c"]
    assert split_fields('"a,1","say ""hi""",x', ",") == ["a,1", 'say "hi"', "x"]
    assert split_fields('5" tall,b', ",") == ['5" tall', "b"]  # a quote inside a field quotes nothing
    assert split_fields('a,"open', ",") is None
    assert split_fields("", ",") == [""]


_cells = st.lists(st.text(alphabet='ab,"\t\n é', max_size=6), min_size=2, max_size=4)


@settings(max_examples=60)
@given(st.lists(_cells, min_size=1, max_size=7), st.sampled_from([",", "\t"]), st.integers(1, 4))
def test_rows_and_fields_agree_with_the_csv_module(tmp_path_factory, rows, delimiter, every) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    file = write(tmp_path_factory.mktemp("csv"), text.getvalue().encode())
    expected = [row for row in csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter=delimiter) if row]
    found = list(read_records(file, 0, None, every, delimiter))
    # A row of white space alone does not count here; the csv module sees a cell of blanks, or a TSV's empty cells.
    expected = [row for row in expected if delimiter.join(row).strip()]
    assert [split_fields(row.data.decode(), delimiter) for row in found] == expected
    half = len(found) // 2
    assert list(read_records(file, half, None, every, delimiter)) == found[half:]


def test_a_quote_that_is_never_closed_costs_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b'a,b\n1,"open\n2,x\n3,y\n4,z\n'
    file = write(tmp_path, data)
    assert [row.data for row in read_records(file, 0, None, 2, ",")] == [b"a,b", b'1,"open', b"2,x", b"3,y", b"4,z"]
    monkeypatch.setattr(records, "MAX_LINES", 2)
    again = write(tmp_path, data, "again.csv")
    assert [row.data for row in read_records(again, 0, None, 2, ",")] == [b"a,b", b'1,"open', b"2,x", b"3,y", b"4,z"]
    assert [row.line for row in read_records(again, 2, 4, 2, ",")] == [3, 4]


def test_stretches() -> None:
    assert list(stretches(10, 4)) == [(0, 4), (4, 8), (8, 10)]
    assert list(stretches(0, 4)) == []
