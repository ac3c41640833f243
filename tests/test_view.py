"""Views: which text and spans a row carries, when a row list is made again, and every way of reading one."""

import hashlib
import json
import os
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from toys import picture, write_lines
from view_rows import ROWS, copy, keys, known, make, run, view

from perceptdata.errors import UsageError
from perceptdata.view import ViewSpec, define_view
from perceptdata.workspace import Workspace


@pytest.fixture(scope="module")
def made(toy_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(toy_site, tmp_path_factory.mktemp("view"))


@pytest.fixture
def ws(made: Path) -> Workspace:
    return Workspace(made)


@pytest.fixture
def own(made: Path, tmp_path: Path, with_toys: None) -> Workspace:
    """A copy that a test may change."""
    return copy(made, tmp_path)


# Texts and spans


def test_the_text_is_the_row_s_own_or_a_step_s(ws: Workspace) -> None:
    own = view(ws, where="tags.n > 0")
    assert [each["response"] for each in own] == [known(ws)[each["id"]]["response"] for each in own]
    assert [each["text_id"] for each in own] == [f"{each['id']}#response" for each in own]
    tries = view(ws, text="cards")
    expected = [f"cards/{split_of(n)}/{n}#cards/{t}" for n in tried() for t in range(3 if n % 6 == 0 else 1)]
    assert sorted(tries.rows.column("text_id").to_pylist()) == sorted(expected)
    assert all(each["response"].startswith(("Try", "Unscored")) for each in tries)
    assert tries.dropped == {"not chosen": ROWS + 6 - len(tried())}


def tried() -> list[int]:
    return [number for number in range(ROWS) if number % 3 == 0]


def split_of(number: int) -> str:
    return "test" if number // 2 % 4 == 0 else "train"


@pytest.mark.parametrize("by", [None, "cards"])
def test_best_worst_and_first_are_by_score_then_sample(ws: Workspace, by: str | None) -> None:
    def picked(pick: str) -> dict[int, int]:
        found = view(ws, text={"from": "cards", "pick": pick, **({"by": by} if by and pick != "first" else {})})
        addresses = found.rows.column("text_id").to_pylist()
        return {int(each.split("#")[0].rpartition("/")[2]): int(each.rpartition("/")[2]) for each in addresses}

    right = {number: number // 6 % 3 if number % 6 == 0 else 0 for number in tried()}
    assert picked("best") == right
    assert picked("worst") == {number: 1 if right[number] == 0 and number % 6 == 0 else 0 for number in tried()}
    assert picked("first") == dict.fromkeys(tried(), 0)


def test_best_needs_scores_and_the_own_text_is_one(ws: Workspace) -> None:
    with pytest.raises(UsageError, match="picking the best of 'cards' needs scores: name their step with 'by'"):
        len(view(ws, text={"from": "cards", "pick": "best", "by": "tags"}))
    with pytest.raises(UsageError, match="'pick' and 'by' go with the texts of a step"):
        len(view(ws, text="response.best"))


def test_spans_are_those_of_the_chosen_text(ws: Workspace) -> None:
    for spec in ({"spans": "tags"}, {"spans": "tries", "text": "cards.best"}):
        layer = {each["text_id"]: each["spans"] for each in ws.layer(spec["spans"], "spans").to_table().to_pylist()}
        found = list(view(ws, **spec))
        assert any(each["spans"] for each in found)
        for each in found:
            assert each["spans"] == layer.get(each["text_id"])
            if each["spans"]:
                said = [each["response"][span["start"] : span["end"]] for span in each["spans"]]
                labels = [span["label"] for span in each["spans"]]
                assert labels == ["perception" if "see" in text else "reasoning" for text in said]
    assert all(each["spans"] is None for each in view(ws, spans="tries"))  # the spans of another text


# What is kept


def test_the_row_list_is_kept_and_made_again_only_when_something_changed(own: Workspace) -> None:
    with own.lock("test"):
        first = define_view(own, "mine", ViewSpec(where="tags.n > 0", text="cards.best", spans="tries"))
    stamp = first.path.stat().st_mtime_ns, first.path.stat().st_ino
    again = Workspace(own.path).view("mine")
    assert keys(again) == keys(first)
    assert (again.path.stat().st_mtime_ns, again.path.stat().st_ino) == stamp
    assert again.fingerprint == own.manifest.views["mine"].fingerprint
    manifest = own.manifest_path.stat().st_ino
    with own.lock("test"):
        define_view(own, "mine", first.spec)
    assert own.manifest_path.stat().st_ino == manifest  # nothing new to say, nothing written
    for damage in (b"", b"PAR1", first.path.read_bytes()[:-10]):
        first.path.write_bytes(damage)
        assert keys(Workspace(own.path).view("mine")) == keys(first)


def test_the_fingerprint_changes_with_what_the_rows_depend_on_and_nothing_else(own: Workspace) -> None:
    specs: dict[str, dict[str, Any]] = {
        "plain": {},
        "tagged": {"spans": "tags"},
        "asked": {"where": "tags.n > 0"},
        "asked by table": {"where": "id in (select example_id from cards_scores)"},
        "asked by kind": {"where": "id in (select example_id from SCORES)"},
        "best": {"text": "cards.best"},
        "first": {"text": "cards.first"},
        "ordered": {"order": "tags.n"},
        "rejects": {"where": "id not in (select key from rejects)"},
    }

    def fingerprints() -> dict[str, str]:
        fresh = Workspace(own.path)
        return {name: view(fresh, **spec).fingerprint for name, spec in specs.items()}

    before = fingerprints()
    assert len(set(before.values())) == len(specs)
    assert fingerprints() == before

    run(own, "tags", "tag", use={"toy_words": {"see": ["sum"]}})
    after = fingerprints()
    assert {name for name in specs if after[name] != before[name]} == {"tagged", "asked", "ordered"}

    scored = own.path.parent / "cards" / "000.jsonl"
    lines = scored.read_text().splitlines()
    first = json.loads(lines[0])
    first["responses"][2]["score"] = 0.5
    write_lines(scored, [first, *lines[1:]])
    os.utime(scored, ns=(5, 5))
    run(own, "cards", "build", use="toy_cards", path=scored.parent)
    assert {name for name, each in fingerprints().items() if each != after[name]} == {
        "best",
        "asked by table",
        "asked by kind",
    }


# Reading


def test_every_way_of_reading_gives_the_same_rows(ws: Workspace) -> None:
    found = view(ws, text="cards", spans="tries", order="random", where="len(images) < 2")
    by_iteration = list(found)
    assert len(by_iteration) == len(found) > 10
    by_index = [found[at] for at in np.random.default_rng(0).permutation(len(found))]
    backwards = [found[at - len(found)] for at in range(len(found))]
    assert plain(backwards) == plain(by_iteration) == plain(found[:])
    assert sorted(plain(by_index), key=str) == sorted(plain(by_iteration), key=str)
    for at in (len(found), -len(found) - 1):
        with pytest.raises(IndexError, match=f"row {at} of a view with {len(found)} rows"):
            found[at]
    batches = [each for batch in found.batches() for each in batch.to_pylist()]
    assert [each["text_id"] for each in batches] == found.rows.column("text_id").to_pylist()
    stored = {name: picture(number) for number in range(5) for name in [hashlib.sha256(picture(number)).hexdigest()]}
    for each in batches:
        assert [image["bytes"] for image in each["images"]] == [stored[info["sha256"]] for info in each["image_info"]]


@pytest.mark.parametrize("most", [1, 500, 1 << 20])
def test_batches_are_cut_by_the_bytes_of_their_images(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    found = view(ws)
    whole = [each for batch in found.batches() for each in batch.to_pylist()]
    monkeypatch.setattr("perceptdata.view.CHUNK_BYTES", most)
    batches = [batch.to_pylist() for batch in found.batches()]
    assert [each for batch in batches for each in batch] == whole
    sizes = [[sum(len(image["bytes"]) for image in each["images"]) for each in batch] for batch in batches]
    assert all(sum(batch) <= most or sum(size > 0 for size in batch) == 1 for batch in sizes)
    assert (len(batches) > 1) == (sum(map(sum, sizes)) > most)


def plain(rows: Any) -> list[dict[str, Any]]:
    """Rows with their pictures as bytes, so that they compare."""
    return [{**each, "images": [(image.size, image.tobytes()) for image in each["images"]]} for each in rows]


def test_to_dataset_is_the_view_with_real_images(ws: Workspace) -> None:
    import datasets

    found = view(ws, text="cards", spans="tries", order="random")
    dataset = found.to_dataset()
    assert dataset.features["images"] == datasets.List(datasets.Image())
    assert plain(dataset) == [{name: each[name] for name in dataset.column_names} for each in plain(found)]
    assert dataset.column_names[:4] == ["id", "stage", "group", "images"]
    (path,) = {Path(file["filename"]) for file in dataset.cache_files}
    stamp = path.stat().st_mtime_ns
    view(ws, text="cards", spans="tries", order="random").to_dataset()
    assert path.stat().st_mtime_ns == stamp


def test_to_pandas_is_everything_but_pixels(ws: Workspace) -> None:
    frame = view(ws, where="stage = 'perception'", order="id").to_pandas()
    assert frame["id"].tolist() == sorted(each["id"] for each in known(ws).values() if each["stage"] == "perception")
    assert "images" not in frame.columns
    assert frame["image_info"].map(len).tolist() == [1] * len(frame)


def test_an_empty_view_can_be_read_in_every_way(ws: Workspace) -> None:
    found = view(ws, where="false", text="cards", spans="tries")
    empty = Workspace.create(ws.path.parent / "empty").view("all")
    assert (len(empty.to_dataset()), len(empty.to_pandas())) == (0, 0)
    assert (len(found), list(found), found[:], found.splits) == (0, [], [], [])
    assert len(found.to_pandas()) == 0
    dataset = found.to_dataset()
    assert len(dataset) == 0
    assert dataset.features == view(ws, text="cards", spans="tries").to_dataset().features


def test_splits_are_batches_of_their_own(ws: Workspace) -> None:
    found = ws.view("all")
    by_split = {
        split: [t for batch in found.batches(split=split) for t in batch.column("id").to_pylist()]
        for split in found.splits
    }
    assert Counter(map(str, by_split)) == {"test": 1, "train": 1}
    assert sum(map(len, by_split.values())) == len(found)
    assert all(known(ws)[each]["source"]["split"] == split for split, ids in by_split.items() for each in ids)


def test_row_lists_are_sorted_parquet_with_the_definition_s_fingerprint(ws: Workspace) -> None:
    found = view(ws, order="id")
    assert len(found) == ROWS + 6
    table = pq.read_table(found.path)
    assert table.schema.metadata[b"fingerprint"] == found.fingerprint.encode()
    assert all(one < two for one, two in pairwise(table.column("example_id").to_pylist()))
