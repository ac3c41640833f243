"""The Croissant description, as the standard's own reader takes it: without errors, and its records are the rows."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import mlcroissant
import pyarrow.parquet as pq
import pytest

from perceptdata.workspace import Workspace

Publish = Callable[..., Path]
pytestmark = [
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated"),
    pytest.mark.filterwarnings("ignore:The inplace keyword"),
]


@pytest.fixture(autouse=True)
def _quiet() -> None:
    logging.getLogger("absl").setLevel(logging.ERROR)


def test_it_is_valid_and_names_every_file_by_its_hash(published_ws: Workspace, publish: Publish) -> None:
    folder = publish(published_ws)
    said = mlcroissant.Dataset(folder / "croissant.json")
    issues = said.metadata.issues
    assert not issues.errors
    assert {warning for warning in issues.warnings if "datePublished" not in str(warning)} == set()
    manifest = json.loads((folder / "manifest.json").read_text())
    hashes = {file.id: file.sha256 for file in said.metadata.distribution if isinstance(file, mlcroissant.FileObject)}
    assert hashes == {file["path"]: file["sha256"] for file in manifest["files"]}
    assert said.metadata.version == f"1.0.0+{manifest['digest'][:12]}"


@pytest.mark.parametrize("config", ["visual_reasoning", "spans", "scores", "full"])
def test_its_records_are_the_rows(published_ws: Workspace, publish: Publish, config: str) -> None:
    folder = publish(published_ws)
    files = sorted(folder.glob(f"{config}/*.parquet"))
    rows = [row for path in files for row in pq.read_table(path).to_pylist()]
    records = list(mlcroissant.Dataset(folder / "croissant.json").records(config))
    key = "id" if "id" in rows[0] else "text_id"
    found = [record[f"{config}/{key}"] for record in records]
    assert sorted(str(each and each.decode()) for each in found) == sorted(str(row[key]) for row in rows)
    if "images" in rows[0]:
        for record, row in zip(records, rows, strict=True):
            info = row["image_info"]
            assert [image.size for image in record[f"{config}/images"]] == [(i["width"], i["height"]) for i in info]
