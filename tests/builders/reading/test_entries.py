import json
from pathlib import Path
from typing import Any

import pytest

from perceptdata.builders.reading import entries
from perceptdata.builders.reading.entries import Lookup, entry_index, read_entries
from perceptdata.errors import Rejected

ROWS = [
    {"n": n, "text": f"größe {n}" if n % 3 == 0 else 'a "quoted" \\ text', "deep": [[n], {"x": 1.5e3}]}
    for n in range(9)
]


def save(folder: Path, value: Any, *, ascii_only: bool = True) -> Path:
    file = folder / "rows.json"
    file.write_text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=ascii_only, indent=1))
    return file


def values(
    file: Path, start: int = 0, stop: int | None = None, every: int = 2, under: tuple[str, ...] = ()
) -> list[Any]:
    return [entry.value for entry in read_entries(file, start, stop, every, under)]


@pytest.mark.parametrize("chunk", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize("shape", ["list", "wrapped", "keyed"])
def test_any_stretch_whatever_the_buffer(
    tmp_path: Path, shape: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "_CHUNK", chunk)
    entries._index.cache_clear()
    made = {
        "list": ROWS,
        "wrapped": {"info": {"v": 1}, "task": "x", "questions": ROWS, "more": [1]},
        "keyed": {f"k{n}ü": row for n, row in enumerate(ROWS)},
    }[shape]
    file = save(tmp_path, made, ascii_only=False)
    assert entry_index(file, 2, ("questions",)).rows == 9
    for start, stop in ((0, None), (0, 2), (3, 7), (5, None), (8, 9), (9, None)):
        assert values(file, start, stop, under=("questions",)) == ROWS[start:stop]
    if shape == "keyed":
        assert [entry.key for entry in read_entries(file, 4, 6, 2)] == ["k4ü", "k5ü"]


def test_a_byte_order_mark_and_empty_lists(tmp_path: Path) -> None:
    (tmp_path / "bom.json").write_bytes(b'\xef\xbb\xbf[{"n": 1}]')
    assert values(tmp_path / "bom.json") == [{"n": 1}]
    assert values(save(tmp_path, "[]")) == []
    assert values(save(tmp_path, " {} ")) == [{}]  # one object without anything


def test_a_torn_file_keeps_what_stands_before(tmp_path: Path) -> None:
    text = json.dumps(ROWS)
    file = save(tmp_path, text[: text.index('"n": 5') + 4])
    found = values(file)
    assert found[:5] == ROWS[:5]
    assert len(found) == 6
    assert isinstance(found[5], Rejected)
    assert "not JSON from here on" in found[5].message
    assert values(file, 2, 4) == ROWS[2:4]  # only the stretch that reaches the place says so
    assert [type(value) for value in values(file, 4, 6)] == [dict, Rejected]


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ('[{"n": 1}, {"n": 2} {"n": 3}]', 2),
        ('[{"n": 1}, {"n": nope}]', 1),
        ('{"a": {"n": 1}, "b" {"n": 2}}', 1),
        ('{"a": {"n": 1}}\n{"b": {"n": 2}}', 1),
        ('{"a": {"n": 1}, 7: {}}', 1),
        ('[{"n": 1}, ' + "[" * 100_000, 1),
    ],
)
def test_a_file_that_stops_being_json(tmp_path: Path, text: str, good: int) -> None:
    found = values(save(tmp_path, text))
    assert [type(value) for value in found] == [dict] * good + [Rejected]


def test_an_entry_that_is_not_utf8(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    file.write_bytes(b'[{"q": "\xff"}, {"q": "ok"}]')
    first, second = values(file)
    assert isinstance(first, Rejected)
    assert second == {"q": "ok"}


def test_lookup(tmp_path: Path) -> None:
    file = save(
        tmp_path,
        {"info": {}, "scenes": [{"split": "val", "at": n, "x": f"ö{n}"} for n in (5, 3, 9, 3)]},
        ascii_only=False,
    )
    lookup = Lookup.of(file, ("split", "at"))
    assert lookup.find("val", 9) == {"split": "val", "at": 9, "x": "ö9"}
    assert lookup.find("val", "3") == {"split": "val", "at": 3, "x": "ö3"}
    assert lookup.find("train", 3) is None
    assert Lookup.of(file, ("x",)).find("ö5")["at"] == 5
    assert Lookup.of(file, ("split", "at")) is lookup
    keyed = save(tmp_path, {"é": {"n": 1}, "b": {"n": 2}}, ascii_only=False)
    assert Lookup.of(keyed).find("é") == {"n": 1}
    assert Lookup.of(save(tmp_path, "[]"), ("a",)).find(1) is None


def test_a_torn_lookup_has_what_stands_before(tmp_path: Path) -> None:
    file = save(tmp_path, '{"a": {"n": 1}, "b": {"n": ')
    assert Lookup.of(file).find("a") == {"n": 1}
    assert Lookup.of(file).find("b") is None
