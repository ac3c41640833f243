"""What a release says of itself holds its lineage, and nothing that is private or depends on when and where."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from perceptdata.publishing.release.record import public
from perceptdata.workspace import Workspace


@pytest.mark.parametrize(
    "value",
    [
        "/home/ann/data",
        "~/data",
        "C:\\data",
        "../data",
        "http://10.0.0.7:8000/v1",
        "s3://bucket/key",
        "hf_abcdefghijklmnopqrstuv",
        "use sk-abcdefghijklmnop please",
    ],
)
def test_places_and_secrets_are_left_out_wherever_they_stand(value: str) -> None:
    assert public({"a": value, "b": [value, "kept"], "c": {"d": value, "e": 1}}) == {"b": ["kept"], "c": {"e": 1}}


def test_keys_that_hold_places_and_secrets_are_left_out_and_others_kept() -> None:
    options = {
        "images": "img",
        "path": "vqa.jsonl",
        "endpoint": {"urls": ["inner:8000"], "key_env": "MY_KEY", "model": "org/Model-7B", "max_tokens": 512},
        "api_key": "abc",
        "temperature": 0.7,
        "prompt": "Describe the image / figure.",
        "labels": ["a", "b"],
    }
    assert public(options) == {
        "endpoint": {"urls": [], "model": "org/Model-7B", "max_tokens": 512},
        "temperature": 0.7,
        "prompt": "Describe the image / figure.",
        "labels": ["a", "b"],
    }


def test_the_manifest_has_files_steps_and_rejects_and_no_time_or_place(
    published_ws: Workspace, publish: Callable[..., Path]
) -> None:
    folder = publish(published_ws)
    text = (folder / "manifest.json").read_text()
    said = json.loads(text)
    assert {file["path"] for file in said["files"]} == {
        path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet")
    }
    assert said["steps"]["tags"]["do"] == "tag"
    assert said["steps"]["cards"]["rejected"] == {"id.duplicate": 6, "image.truncated": 3, "row.unreadable": 3}
    assert said["sources"][0] == {
        "source": "cards",
        "corpus": "Toys",
        "builder": "toy_cards",
        "version": "1",
        "licence": "CC0-1.0",
        "use": "train",
        "rows": 36,
    }
    assert said["images"] == 6
    for file in folder.iterdir():
        if file.is_file():
            words = file.read_text()
            assert str(published_ws.path.parent) not in words
            assert "finished" not in words
            assert "2026-" not in words
