"""Captions found by image: order of images, then of samples; images without one, rows without images, no captions."""

import pyarrow as pa

from perceptdata.captions import Captions


def info(*rows: list[str]) -> pa.ListArray:
    kind = pa.list_(pa.struct([("sha256", pa.string()), ("width", pa.int32())]))
    return pa.array([[{"sha256": sha, "width": 1} for sha in row] for row in rows], kind)


def test_captions_follow_their_images() -> None:
    tables = [
        pa.table({"image": ["b", "a"], "sample": [1, 0], "text": ["b1", "a0"]}),
        pa.table({"image": ["b", "c"], "sample": [0, 0], "text": ["b0", "c0"], "more": [1, 2]}),
    ]
    found = Captions(tables)
    rows = info(["b"], [], ["c", "x", "a"], ["x"], ["a", "b", "a"])
    assert found.of(rows).to_pylist() == [["b0", "b1"], [], ["c0", "a0"], [], ["a0", "b0", "b1", "a0"]]
    assert found.of(rows.slice(2, 2)).to_pylist() == [["c0", "a0"], []]
    assert found.of(info()).to_pylist() == []


def test_without_captions_every_row_has_none() -> None:
    assert Captions([]).of(info(["a"], [])).to_pylist() == [[], []]
