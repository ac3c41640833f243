"""What all exports do alike: rows are checked, images written once, folders swapped in whole, losses told."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest
from publishing.exports.conftest import image_of, lines, number, view

from perceptdata import registry
from perceptdata.errors import UsageError, WorkspaceError
from perceptdata.packs import ImageStore
from perceptdata.publishing.exports import pictures
from perceptdata.publishing.exports.folder import Folder
from perceptdata.publishing.exports.jsonl import Jsonl
from perceptdata.publishing.exports.llama_factory import LlamaFactory
from perceptdata.publishing.exports.tally import say_bytes
from perceptdata.publishing.exports.trainer import split_names
from perceptdata.publishing.exports.writers import ParquetRows
from perceptdata.workspace import Workspace

ALL = ("cap_curriculum", "easyr1", "jsonl", "llama_factory", "ms_swift", "trl", "verl")


def test_a_row_that_does_not_fit_is_left_out_by_name(talk_ws: Workspace, tmp_path: Path) -> None:
    LlamaFactory().export(view(talk_ws), tmp_path / "out")
    assert [number(row["id"]) for row in lines(tmp_path / "out" / "train.jsonl")] == [0, 1, 2, 3, 4]
    skipped = {number(row["id"]): row for row in lines(tmp_path / "out" / "skipped.jsonl")}
    codes = {5: "export.no_response", 6: "export.marker", 7: "export.placeholders"}
    assert {key: row["code"] for key, row in skipped.items()} == codes
    assert "cards/train/6: a text holds <video>" in skipped[6]["why"]
    assert "1 <image> in what is asked for 1 images, and 1 in other texts" in skipped[7]["why"]
    record = json.loads((tmp_path / "out" / "export.json").read_text())
    assert record["rows_by_file"] == {"train.jsonl": 5, "test.jsonl": 1}
    assert record["skipped"] == dict.fromkeys(sorted(codes.values()), 1)
    readme = (tmp_path / "out" / "README.md").read_text()
    assert "1 left out: export.marker" in readme
    assert "{train}" not in readme


def test_images_are_the_workspaces_bytes_in_the_order_of_their_placeholders(talk_ws: Workspace, tmp_path: Path) -> None:
    Jsonl().export(view(talk_ws), tmp_path / "out")
    own = {row["id"]: row for table in view(talk_ws).batches(images=False) for row in table.to_pylist()}
    for row in lines(tmp_path / "out" / "train.jsonl"):
        found = [(tmp_path / "out" / path).read_bytes() for path in row["images"]]
        assert found == [image_of(talk_ws.images, own[row["id"]], place) for place in range(len(found))]
        assert len(found) == len(own[row["id"]]["image_info"])


def test_each_image_is_written_once(talk_ws: Workspace, tmp_path: Path) -> None:
    LlamaFactory().export(view(talk_ws), tmp_path / "out")
    files = [path for path in (tmp_path / "out" / "images").rglob("*") if path.is_file()]
    record = json.loads((tmp_path / "out" / "export.json").read_text())
    assert len(files) == record["images"]["count"] == 3  # 4.png is of a row that is left out
    assert sum(path.stat().st_size for path in files) == record["images"]["bytes"]
    assert all(path.suffix == ".png" and path.stem.startswith(path.parent.name) for path in files)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("images", ["path", "bytes"])
def test_a_plan_counts_what_an_export_writes(talk_ws: Workspace, tmp_path: Path, name: str, images: str) -> None:
    if images == "bytes" and name in ("cap_curriculum", "jsonl"):
        pytest.skip("JSON lines alone")
    exporter = registry.make("exporters", name, {"images": images})
    planned = exporter.plan(view(talk_ws))
    files = exporter.export(view(talk_ws), tmp_path / "out")
    record = json.loads((tmp_path / "out" / "export.json").read_text())
    assert planned.about == {key: record[key] for key in planned.about}
    assert planned.rows == record["rows"] > 0
    assert all(path.is_file() for path in files)
    assert (images == "bytes") == any("of image bytes stand inside the rows" in note for note in planned.notes)
    assert (tmp_path / "out" / "images").exists() == (images == "path")


@pytest.mark.parametrize("name", ALL)
def test_the_same_view_gives_the_same_bytes(talk_ws: Workspace, tmp_path: Path, name: str) -> None:
    def files(folder: Path) -> dict[str, bytes]:
        registry.make("exporters", name, {"root": "/data"}).export(view(talk_ws), folder)
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_a_second_export_replaces_the_first_and_links_its_images(talk_ws: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "out"
    LlamaFactory().export(view(talk_ws), out)
    first = {path.name: path.stat().st_ino for path in (out / "images").rglob("*.png")}
    (out / "mine.txt").write_text("notes")
    Jsonl().export(view(talk_ws, where="split = 'test'"), out)
    assert sorted(path.name for path in out.iterdir()) == [
        "README.md",
        "export.json",
        "images",
        "mine.txt",
        "test.jsonl",
    ]
    (kept,) = (out / "images").rglob("*.png")
    assert kept.stat().st_ino == first[kept.name]


def test_a_folder_of_somebody_elses_is_refused(talk_ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds files that no export for a trainer wrote"):
        Jsonl().export(view(talk_ws), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_of_somebody_elses_is_not_overwritten(talk_ws: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "out"
    Jsonl().export(view(talk_ws, where="split = 'test'"), out)
    (out / "train.jsonl").write_text("mine")
    with pytest.raises(UsageError, match=r"train\.jsonl was not written by an export"):
        Jsonl().export(view(talk_ws), out)
    assert (out / "train.jsonl").read_text() == "mine"
    assert len(lines(out / "test.jsonl")) == 1


def test_an_export_that_breaks_off_leaves_the_one_before(
    talk_ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    Jsonl().export(view(talk_ws), out)
    before = (out / "train.jsonl").read_bytes()

    def full(self: ImageStore, sha256: str) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ImageStore, "__getitem__", full)
    with pytest.raises(WorkspaceError, match="free some space"):
        LlamaFactory().export(view(talk_ws), out)
    assert (out / "train.jsonl").read_bytes() == before
    assert not (out / ".export.part").exists()


def test_what_a_crash_left_halfway_is_cleaned_up(talk_ws: Workspace, tmp_path: Path) -> None:
    """Killed between the first and the second file that takes its place."""
    out = tmp_path / "out"
    Jsonl().export(view(talk_ws), out)
    (out / "test.jsonl").unlink()
    (out / ".export.part").mkdir()
    (out / ".export.part" / "junk").write_text("")
    (out / "export.json").write_text(json.dumps({"entries": ["README.md", "images", "train.jsonl", "test.jsonl"]}))
    Jsonl().export(view(talk_ws), out)
    assert len(lines(out / "test.jsonl")) == 1
    assert not (out / ".export.part").exists()


def test_nothing_to_export_is_refused_and_leaves_nothing(talk_ws: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing of view 'chosen' can be exported: 1 left out: export\.no_response"):
        LlamaFactory().export(view(talk_ws, where="response is null"), tmp_path / "out")
    assert not (tmp_path / "out" / "export.json").exists()


def test_json_lines_hold_no_bytes(talk_ws: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="jsonl is JSON lines, which hold no bytes"):
        Jsonl(images="bytes").export(view(talk_ws), tmp_path / "out")


def test_responses_in_another_format_than_prompts_ask_for_are_counted(talk_ws: Workspace) -> None:
    assert not LlamaFactory().plan(view(talk_ws)).notes[3:]
    notes = LlamaFactory(format="describe_think_boxed").plan(view(talk_ws)).notes
    assert any("6 responses do not keep to describe_think_boxed" in note for note in notes)
    assert not any("opens the response" in note for note in notes)  # the responses begin with it already
    notes = registry.make("exporters", "verl", {"format": "describe_think_boxed"}).plan(view(talk_ws)).notes
    assert any("opens the response with <description>" in note for note in notes)


def test_a_format_without_a_name_is_refused(talk_ws: Workspace) -> None:
    with pytest.raises(UsageError, match="a format is named with 'use'"):
        LlamaFactory(format={"rule": "x"}).plan(view(talk_ws))


def test_splits_that_would_be_one_file_are_refused() -> None:
    with pytest.raises(UsageError, match="cannot be told apart as file names"):
        split_names(SimpleNamespace(splits=["a/b", "a-b"]))  # as sources may call them


def test_without_hard_links_images_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, talk_ws: Workspace
) -> None:
    out = tmp_path / "out"
    Jsonl().export(view(talk_ws), out)
    monkeypatch.setattr("os.link", lambda *_: (_ for _ in ()).throw(OSError("none here")))
    Jsonl().export(view(talk_ws), out)
    assert len(list((out / "images").rglob("*.png"))) == 4


def test_the_folders_memory_of_names_is_bounded(talk_ws: Workspace, tmp_path: Path) -> None:
    hashes = talk_ws.examples().to_table(columns=["images"]).column(0).combine_chunks().flatten().field(0).to_pylist()
    with Folder.open(tmp_path / "out") as folder:
        folder._known.update({str(place): "" for place in range(65536)})
        assert folder.image(talk_ws.images, hashes[0]) == folder.image(talk_ws.images, hashes[0])
        assert len(folder._known) == folder.files == 1


@pytest.mark.parametrize(("count", "said"), [(999, "999 B"), (1500, "1.5 kB"), (3_200_000_000, "3.2 GB")])
def test_bytes_are_said_by_thousands(count: int, said: str) -> None:
    assert say_bytes(count) == said


def test_terabytes() -> None:
    assert say_bytes(2_500_000_000_000) == "2.5 TB"


def test_embedded_images_are_held_a_portion_at_a_time(
    talk_ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    LlamaFactory(images="bytes").export(view(talk_ws), tmp_path / "one")
    held: list[int] = []
    written = ParquetRows.write

    def write(self: ParquetRows, rows: Any) -> None:
        held.append(sum(len(image["bytes"]) for row in rows for image in row["images"]))
        written(self, rows)

    monkeypatch.setattr(ParquetRows, "write", write)
    monkeypatch.setattr(pictures, "PORTION", 1)
    LlamaFactory(images="bytes").export(view(talk_ws), tmp_path / "two")
    assert len(held) > 3
    for name in ("train.parquet", "test.parquet"):
        assert pq.read_table(tmp_path / "one" / name).equals(pq.read_table(tmp_path / "two" / name))
