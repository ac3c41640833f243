"""`export parquet`: what `datasets.load_dataset` reads back is the view, image bytes included, to the last one."""

import json
import shutil
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import pytest
from toys import card, picture, write_cards, write_lines

from perceptdata.errors import UsageError, WorkspaceError
from perceptdata.publishing.exports import parquet
from perceptdata.publishing.exports.parquet import Parquet
from perceptdata.publishing.features import arrange
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.view import View, ViewSpec
from perceptdata.workspace import Workspace


@pytest.fixture(scope="module")
def ws(toy_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("export")
    write_cards(folder / "cards", shards=3, rows=12)
    made = Workspace.create(folder / "ws")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(toy_site)
        with made.lock("test"):
            run_step(made, "cards", make_step("build", {"use": "toy_cards", "path": folder / "cards"}))
            run_step(made, "tags", make_step("tag", {"use": "toy_words"}))
    return made


def view(ws: Workspace, name: str = "exported", **spec: Any) -> View:
    return View(ws, name, ViewSpec.model_validate(spec))


def load(folder: Path, cache: Path) -> datasets.DatasetDict:
    return datasets.load_dataset(str(folder), cache_dir=str(cache))


def test_load_dataset_gives_the_view_back(ws: Workspace, tmp_path: Path) -> None:
    exported = view(ws, spans="tags", order="random")
    files = Parquet().export(exported, tmp_path / "out")
    assert [path.name for path in files] == ["test-00000-of-00001.parquet", "train-00000-of-00001.parquet"]
    loaded = load(tmp_path / "out", tmp_path / "cache")
    assert set(loaded) == {"train", "test"}
    assert loaded["train"].features["images"] == datasets.List(datasets.Image())
    assert loaded["train"].features == exported.to_dataset().features
    for split, dataset in loaded.items():
        ours = [row for row in exported if row["split"] == split]
        assert len(dataset) == len(ours) > 0
        for row, own in zip(dataset, ours, strict=True):
            assert [image.tobytes() for image in row["images"]] == [image.tobytes() for image in own["images"]]
            assert {**row, "images": None} == {**{name: own[name] for name in row}, "images": None}


def test_image_bytes_are_the_files_own(ws: Workspace, tmp_path: Path) -> None:
    files = Parquet().export(view(ws, where="len(images) = 1"), tmp_path / "out")
    known = {picture(number) for number in range(6)}
    rows = [row for path in files for row in pq.read_table(path, columns=["images"]).to_pylist()]
    assert len(rows) == 24
    assert {row["images"][0]["bytes"] for row in rows} == known


def test_the_file_is_what_the_hub_wants(ws: Workspace, tmp_path: Path) -> None:
    (path,) = Parquet(group_rows=5).export(view(ws, where="source.split = 'train'"), tmp_path / "out")
    file = pq.ParquetFile(path)
    info = json.loads(file.schema_arrow.metadata[b"huggingface"])["info"]["features"]
    assert info["images"] == {"feature": {"_type": "Image"}, "_type": "List"}
    column = file.metadata.row_group(0).column(0)
    assert (column.has_offset_index, column.has_column_index) == (True, True)
    assert column.compression == "SNAPPY"


def test_row_groups_and_files_are_bounded_by_bytes(toy_site: Path, tmp_path: Path, with_toys: None) -> None:
    rows = [card(n, stage="visual_reasoning", question="<image>What?", images=[f"{n}.png"]) for n in range(600)]
    write_lines(tmp_path / "cards" / "0.jsonl", rows)
    for number in range(600):
        (tmp_path / "cards" / f"{number}.png").write_bytes(picture(number, (40, 30)))
    ws = Workspace.create(tmp_path / "ws")
    with ws.lock("test"):
        run_step(ws, "cards", make_step("build", {"use": "toy_cards", "path": tmp_path / "cards"}))
    batches = [arrange(batch).nbytes for batch in ws.view("all").batches()]
    assert len(batches) == 3  # of 256, 256 and 88 rows: what is never cut
    whole = Parquet().export(ws.view("all"), tmp_path / "whole")
    assert [pq.read_metadata(path).num_row_groups for path in whole] == [1]
    grouped = Parquet(group_rows=400).export(ws.view("all"), tmp_path / "grouped")
    (metadata,) = (pq.read_metadata(path) for path in grouped)
    assert [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)] == [256, 344]
    files = Parquet(group_bytes=1, shard_bytes=batches[0] + batches[1]).export(ws.view("all"), tmp_path / "out")
    assert [path.name for path in files] == [f"train-{number:05d}-of-00002.parquet" for number in range(2)]
    assert [pq.read_metadata(path).num_row_groups for path in files] == [2, 1]
    ids = [each for path in files for each in pq.read_table(path).column("id").to_pylist()]
    assert ids == ws.view("all").rows.column("example_id").to_pylist()


def test_the_same_view_gives_the_same_bytes(ws: Workspace, tmp_path: Path) -> None:
    one, two = (Parquet().export(view(ws), tmp_path / name) for name in ("one", "two"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    assert (tmp_path / "one" / "export.json").read_bytes() == (tmp_path / "two" / "export.json").read_bytes()


def test_an_export_is_replaced_and_a_stranger_s_folder_refused(ws: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "out"
    Parquet().export(view(ws), out)
    (out / "README.md").write_text("mine")
    files = Parquet().export(view(ws, where="source.split = 'test'"), out)
    assert [path.name for path in files] == ["test-00000-of-00001.parquet"]
    assert sorted(path.name for path in out.iterdir()) == ["README.md", "data", "export.json"]
    assert json.loads((out / "export.json").read_text())["definition"] == {"where": "source.split = 'test'"}
    (tmp_path / "theirs" / "data").mkdir(parents=True)
    (tmp_path / "theirs" / "data" / "precious").write_text("x")
    with pytest.raises(UsageError, match="data was not written by an export; name another folder with --to"):
        Parquet().export(view(ws), tmp_path / "theirs")
    assert [path.name for path in (tmp_path / "theirs").rglob("*")] == ["data", "precious"]


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize(
    ("owner", "name", "call"),
    [(shutil, "rmtree", 2), (Path, "rename", 1), (Path, "rename", 3), (parquet, "write_atomically", 1)],
)
def test_a_crash_in_between_is_taken_up(
    ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, call: int, earlier: bool
) -> None:
    """Whether an earlier export is there, half gone, or gone, the next one finishes the exchange."""
    out, function, calls = tmp_path / "out", getattr(owner, name), iter(range(1, 100))
    if earlier:
        Parquet().export(view(ws, where="stage = 'perception'"), out)

    def dying(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == call:
            raise KeyboardInterrupt
        return function(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, dying)
        with pytest.raises(KeyboardInterrupt):
            Parquet().export(view(ws), out)
    files = Parquet().export(view(ws), out)
    assert sum(pq.read_metadata(path).num_rows for path in files) == len(view(ws))
    assert sorted(path.name for path in out.iterdir()) == ["data", "export.json"]


def test_no_room_is_one_sentence_and_keeps_the_earlier_export(
    ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [path.read_bytes() for path in Parquet().export(view(ws, where="source.split = 'test'"), tmp_path / "out")]

    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pq.ParquetWriter, "write_table", full)
        with pytest.raises(WorkspaceError, match=r"out cannot be written .*No space left on device.*free some space"):
            Parquet().export(view(ws), tmp_path / "out")
    assert [path.read_bytes() for path in (tmp_path / "out" / "data").iterdir()] == before
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["data", "export.json"]


def test_an_empty_view_leaves_a_file_with_its_columns(ws: Workspace, tmp_path: Path) -> None:
    """`datasets` loads no split without rows, whoever wrote it; everything that reads parquet sees the columns."""
    (path,) = Parquet().export(view(ws, where="false", spans="tags"), tmp_path / "out")
    assert path.name == "train-00000-of-00001.parquet"
    (full,) = Parquet().export(view(ws, where="source.split = 'train'", spans="tags"), tmp_path / "full")
    assert pq.read_table(path).num_rows == 0
    assert pq.read_schema(path).equals(pq.read_schema(full), check_metadata=True)


def test_split_names_that_datasets_does_not_take_are_written_with_an_underscore(
    with_toys: None, tmp_path: Path
) -> None:
    write_lines(tmp_path / "cards" / "0.jsonl", [card(1, split="test-mini"), card(2, split="v2/train")])
    ws = Workspace.create(tmp_path / "ws")
    with ws.lock("test"):
        run_step(ws, "cards", make_step("build", {"use": "toy_cards", "path": tmp_path / "cards"}))
    Parquet().export(ws.view("all"), tmp_path / "out")
    loaded = load(tmp_path / "out", tmp_path / "cache")
    assert {name: rows["split"] for name, rows in loaded.items()} == {
        "test_mini": ["test-mini"],
        "v2_train": ["v2/train"],
    }
    write_lines(tmp_path / "cards" / "1.jsonl", [card(3, split="test_mini")])
    with ws.lock("test"):
        run_step(ws, "cards", make_step("build", {"use": "toy_cards", "path": tmp_path / "cards"}))
    with pytest.raises(UsageError, match="cannot be told apart as file names"):
        Parquet().export(ws.view("all"), tmp_path / "out")
