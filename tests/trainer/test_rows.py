"""Rows of an exported view: which split is read, and what stands in their place where there is none."""

import json
import shutil
from pathlib import Path

import pytest

from perceptdata.errors import UsageError
from perceptdata.trainer.rows import fingerprint_of, read_rows


def view(folder: Path, cards: Path, *splits: str) -> Path:
    """The one file of `cards` under each of these names."""
    (folder / "data").mkdir(parents=True)
    (folder / "export.json").write_text(json.dumps({"fingerprint": "f"}))
    (file,) = (cards / "data").glob("*.parquet")
    for split in splits:
        shutil.copy(file, folder / "data" / f"{split}-00000-of-00001.parquet")
    return folder


def test_train_or_the_only_split_or_the_one_that_is_named(cards: Path, tmp_path: Path) -> None:
    assert len(read_rows(cards)) == 12
    assert len(read_rows(view(tmp_path / "one", cards, "train_sft"))) == 12
    several = view(tmp_path / "several", cards, "train-sft", "train_rl")
    assert len(read_rows(several, "train_rl")) == 12
    with pytest.raises(UsageError, match=r"no one split 'train'; name one with 'split': train-sft, train_rl"):
        read_rows(several)
    with pytest.raises(UsageError, match=r"no split 'test'; name one with 'split': train-sft, train_rl"):
        read_rows(several, "test")
    assert len(read_rows(view(tmp_path / "both", cards, "test", "train"))) == 12
    with pytest.raises(UsageError, match="no one split 'train'; name one with 'split': test"):
        read_rows(view(tmp_path / "test", cards, "test"))


def test_another_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(UsageError, match="is no exported view; write one with: perceptdata export parquet"):
        read_rows(tmp_path)


def test_images_stay_as_they_are(cards: Path) -> None:
    (image,) = read_rows(cards)[1]["images"]
    assert image["bytes"].startswith(b"\x89PNG")
    assert len(fingerprint_of(cards)) >= 16
