"""A release on disk: what `load_dataset` gives is the workspace, sorted by image, written without decoding any."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import PIL.Image
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from releases import rows_of, run, write
from toys import card, picture, write_lines

from perceptdata.errors import UsageError, WorkspaceError
from perceptdata.example import STAGES
from perceptdata.publishing.release.build import ReleaseSpec, WorkspaceRelease, build_release
from perceptdata.publishing.release.shard import Shard
from perceptdata.view import ViewSpec, define_view
from perceptdata.workspace import Workspace

Publish = Callable[..., Path]


def load(folder: Path, config: str, cache: Path, **options: Any) -> Any:
    return datasets.load_dataset(str(folder), config, cache_dir=str(cache), **options)


def test_configs_are_the_stages_the_layers_and_full(published_ws: Workspace, publish: Publish) -> None:
    folder = publish(published_ws)
    names = datasets.get_dataset_config_names(str(folder))
    assert names == [*STAGES, "responses", "captions", "spans", "verdicts", "scores", "full"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [*names, "README.md", "manifest.json", "croissant.json"]
    )


def test_every_config_loads_with_its_rows_and_features(
    published_ws: Workspace, publish: Publish, tmp_path: Path
) -> None:
    folder = publish(published_ws)
    examples = {row["id"]: row for row in rows_of(published_ws, "examples")}
    seen = set()
    for stage in STAGES:
        loaded = load(folder, stage, tmp_path / "cache")
        for split, dataset in loaded.items():
            assert dataset.features["images"] == datasets.List(datasets.Image())
            for row in dataset:
                own = examples[row["id"]]
                assert (row["stage"], row["split"], own["source"]["split"]) == (stage, split, split)
                assert {key: row[key] for key in own if key != "images"} == {
                    key: own[key] for key in own if key != "images"
                }
                assert row["image_info"] == own["images"]
                assert [image.size for image in row["images"]] == [
                    (image["width"], image["height"]) for image in own["images"]
                ]
                seen.add(row["id"])
    assert seen == set(examples)
    streamed = load(folder, "full", tmp_path / "cache", split="train", streaming=True)
    assert next(iter(streamed))["id"] in examples


def test_rows_are_sorted_by_image_and_order_is_their_place_in_the_view(
    published_ws: Workspace, publish: Publish
) -> None:
    with published_ws.lock("test"):
        define_view(published_ws, "sft", ViewSpec.model_validate({"order": "capability+random", "spans": "tags"}))
    folder = publish(published_ws, views=("sft",))
    rows = [row for path in sorted(folder.glob("sft/*.parquet")) for row in pq.read_table(path).to_pylist()]
    view = published_ws.view("sft")
    assert [row["id"] for row in sorted(rows, key=lambda row: row["order"])] == view.rows.column(
        "example_id"
    ).to_pylist()
    for split in ("train", "test"):
        keys = [
            (row["image_info"][0]["sha256"] if row["image_info"] else "~", row["id"])
            for row in rows
            if row["split"] == split
        ]
        assert keys == sorted(keys)
    by_id = {row["id"]: row for row in view.gather(np.arange(len(view))).to_pylist()}
    for row in rows:
        own = by_id[row["id"]]
        assert {key: row[key] for key in own} == own


def test_layers_stand_once_under_the_split_of_their_example(
    published_ws: Workspace, publish: Publish, tmp_path: Path
) -> None:
    folder = publish(published_ws)
    split_of = {row["id"]: row["source"]["split"] for row in rows_of(published_ws, "examples")}
    for kind in ("responses", "captions", "spans", "verdicts", "scores"):
        loaded = load(folder, kind, tmp_path / "cache")
        found = [row for dataset in loaded.values() for row in dataset]
        for step in {row["step"] for row in found}:
            own = [{key: row[key] for key in row if key != "step"} for row in found if row["step"] == step]
            assert sorted(own, key=repr) == rows_of(published_ws, f"layers/{kind}", step)
        assert len(found) == len(rows_of(published_ws, f"layers/{kind}"))
        if kind in ("responses", "scores"):
            assert all(split_of[row["example_id"]] == split for split, dataset in loaded.items() for row in dataset)


def test_full_joins_what_each_layer_says_of_a_row(published_ws: Workspace, publish: Publish, tmp_path: Path) -> None:
    loaded = load(publish(published_ws), "full", tmp_path / "cache").cast_column(
        "images", datasets.List(datasets.Image(decode=False))
    )
    layers = {kind: rows_of(published_ws, f"layers/{kind}") for kind in ("spans", "captions", "verdicts", "scores")}
    for dataset in loaded.values():
        for row in dataset:
            owners = {row["id"], *(f"img:{image['sha256']}" for image in row["image_info"])}
            for kind, rows in layers.items():
                own = [
                    each for each in rows if (each.get("example_id") or each["text_id"].rpartition("#")[0]) in owners
                ]
                said = [{key: each[key] for key in each if key != "step"} for each in row[kind]]
                assert sorted(said, key=repr) == own


def test_nothing_is_decoded(published_ws: Workspace, publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("an image was decoded")

    monkeypatch.setattr(PIL.Image, "open", refuse)
    release = build_release(published_ws)
    assert release.problems() == []
    folder = publish(published_ws)
    known = {picture(number) for number in range(6)}
    table = pa.concat_tables([pq.read_table(path) for path in folder.glob("visual_reasoning/*.parquet")])
    assert {image["bytes"] for images in table.column("images").to_pylist() for image in images} <= known


def test_the_same_workspace_gives_the_same_bytes_and_digest(published_ws: Workspace, publish: Publish) -> None:
    one, two = publish(published_ws, "one"), publish(published_ws, "two")
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert [(one / path).read_bytes() for path in files] == [(two / path).read_bytes() for path in files]
    assert build_release(published_ws).digest == build_release(Workspace(published_ws.path)).digest
    assert build_release(published_ws).digest != build_release(published_ws, ReleaseSpec(licence="MIT")).digest


def test_what_is_made_already_is_not_written_again(published_ws: Workspace, tmp_path: Path) -> None:
    release = build_release(published_ws)
    known = {shard.path: shard for shard in write(release, tmp_path / "one")}
    missing = next(iter(known))

    def made(path: str) -> Shard | None:
        return None if path == missing else known[path]

    found = list(release.shards(tmp_path / "two", made))
    assert [shard for shard, _ in found] == list(known.values())
    assert [shard.path for shard, path in found if path is not None] == [missing]
    assert [path.name for path in (tmp_path / "two").rglob("*.parquet")] == [Path(missing).name]
    assert [(shard.path, shard.rows) for shard in known.values()] == [(s.path, s.rows) for s in release.plan()]


def cards(folder: Path, rows: int, images: int, size: tuple[int, int] = (24, 16)) -> Workspace:
    lines = [
        card(n, stage="visual_reasoning", question="<image>What?", images=[f"{n % images}.png"], group=f"i{n % images}")
        for n in range(rows)
    ]
    write_lines(folder / "cards" / "0.jsonl", lines)
    draw = np.random.default_rng(0)
    for number in range(images):
        noise = PIL.Image.fromarray(draw.integers(0, 255, (size[1], size[0], 3), np.uint8))
        buffer = io.BytesIO()
        noise.save(buffer, "PNG")
        (folder / "cards" / f"{number}.png").write_bytes(buffer.getvalue())
    ws = Workspace.create(folder / "ws")
    run(ws, "cards", "build", use="toy_cards", path=folder / "cards")
    return ws


def shard_bytes(release: WorkspaceRelease, folder: Path) -> dict[str, int]:
    return {shard.path: shard.bytes for shard in write(release, folder)}


def test_repeated_images_are_stored_once_a_row_group(with_toys: None, tmp_path: Path) -> None:
    """At 8 rows an image, about an eighth of the image bytes, and each row still has its own."""
    ws = cards(tmp_path, 320, 40, (60, 60))
    (image,) = {len(path.read_bytes()) // 1000 for path in (tmp_path / "cards").glob("0.png")}
    assert image >= 10  # KB: noise does not compress
    folder = tmp_path / "out"
    stored = shard_bytes(build_release(ws), folder)["visual_reasoning/train-00000-of-00001.parquet"]
    images = sum(path.stat().st_size for path in (tmp_path / "cards").glob("*.png"))
    assert images < stored < images + 320 * 1000
    assert stored < (8 * images) / 5
    table = pq.read_table(folder / "visual_reasoning" / "train-00000-of-00001.parquet")
    for row in table.to_pylist():
        number = int(row["source"]["key"]) % 40
        assert row["images"][0]["bytes"] == (tmp_path / "cards" / f"{number}.png").read_bytes()


def test_files_are_cut_by_bytes_and_row_groups_stay_small(with_toys: None, tmp_path: Path) -> None:
    ws = cards(tmp_path, 90, 90, (40, 40))
    release = build_release(ws, ReleaseSpec(shard_bytes=100_000))
    planned = [shard for shard in release.plan() if shard.path.startswith("visual_reasoning/")]
    assert len(planned) > 3
    assert [shard.path.rpartition("-of-")[2] for shard in planned] == [f"{len(planned):05d}.parquet"] * len(planned)
    assert sum(shard.rows for shard in planned) == 90
    written = shard_bytes(release, tmp_path / "out")
    for shard in planned:
        assert shard.bytes <= 100_000
        assert written[shard.path] < 140_000
    assert len(load(tmp_path / "out", "visual_reasoning", tmp_path / "cache", split="train")) == 90


def test_an_edited_text_moves_no_border_between_files(with_toys: None, tmp_path: Path) -> None:
    ws = cards(tmp_path, 60, 60, (40, 40))
    before = [(shard.path, shard.rows) for shard in build_release(ws, ReleaseSpec(shard_bytes=100_000)).plan()]
    lines = (tmp_path / "cards" / "0.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    rows[7]["response"] = "Another thought: " + rows[7]["response"]
    write_lines(tmp_path / "cards" / "0.jsonl", rows)
    run(ws, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    after = build_release(Workspace(ws.path), ReleaseSpec(shard_bytes=100_000))
    assert [(shard.path, shard.rows) for shard in after.plan()] == before


def test_files_have_the_huggingface_key_and_a_page_index(published_ws: Workspace, publish: Publish) -> None:
    for path in publish(published_ws).rglob("*.parquet"):
        file = pq.ParquetFile(path)
        schema = file.schema_arrow
        info = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        if "images" in schema.names:
            assert info["images"] == {"feature": {"_type": "Image"}, "_type": "List"}
            kind = schema.field("images").type.value_type
            assert [each.name for each in kind] == ["bytes", "path"]
        assert "large" not in str(schema)
        assert all(file.metadata.row_group(0).column(at).has_offset_index for at in range(file.metadata.num_columns))


def test_no_room_is_one_sentence(published_ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(WorkspaceError, match=r"cannot be written .*free some space"):
        write(build_release(published_ws), tmp_path)


def test_an_unknown_view_is_named(published_ws: Workspace) -> None:
    with pytest.raises(UsageError, match="there is no view 'stf'"):
        build_release(published_ws, ReleaseSpec(views=("stf",)))
