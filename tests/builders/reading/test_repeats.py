import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptdata.builders.reading.repeats import first_rows, repeats
from perceptdata.errors import Rejected


def texts(fields: Mapping[str, Any]) -> tuple[str, str]:
    if fields.get("q") is None:
        raise Rejected("field.invalid", "no q")
    return str(fields["q"]), str(fields.get("a"))


ROWS = [("x", 1), ("y", 2), ("x", 1), (None, 0), ("z", 3), ("y", 9), (None, 0), ("x", 1)]


def write(folder: Path, suffix: str) -> Path:
    rows = [{"q": q, "a": a, "other": "?"} for q, a in ROWS]
    file = folder / f"rows [a]*{suffix}"  # no pattern
    if suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=3)
    else:
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_firsts_copies_and_agreement(tmp_path: Path, suffix: str) -> None:
    file = write(tmp_path, suffix)
    found = repeats(file, texts, ("q", "a"))
    assert found.first.tolist() == [0, 1, 3, 4, 6]  # rows that cannot be read are never the same
    assert found.copies.tolist() == [3, 2, 1, 1, 1]
    assert found.agree.tolist() == [True, False, True, True, True]
    for start, stop in ((0, 5), (1, 3), (4, 5), (2, 2)):
        rows = list(first_rows(file, found.first, start, stop, 2))
        assert [(place, row.number) for place, row in rows] == [
            (place, found.first[place]) for place in range(start, stop)
        ]


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    file = write(tmp_path, ".jsonl")
    assert len(repeats(file, texts, ("q",)).first) == 5
    file.write_text('{"q": "x"}\n')
    assert repeats(file, texts, ("q",)).first.tolist() == [0]
    file.write_text("")
    assert repeats(file, texts, ("q",)).first.tolist() == []


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=40))
def test_against_a_dict(tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[int, int]]) -> None:
    file = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    file.write_text("".join(json.dumps({"q": q, "a": a}) + "\n" for q, a in pairs))
    seen: dict[int, list[int]] = {}
    for q, a in pairs:
        seen.setdefault(q, []).append(a)
    found = repeats(file, texts, ("q", "a"))
    assert found.copies.tolist() == [len(each) for each in seen.values()]
    assert found.agree.tolist() == [len(set(each)) == 1 for each in seen.values()]
    assert np.all(np.diff(found.first) > 0)
