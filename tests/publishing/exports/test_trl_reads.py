"""TRL's own collators on exported rows: the loss falls on the response alone, and every image reaches the model."""

from pathlib import Path
from typing import Any

import datasets
import pytest
from models import tiny
from publishing.exports.conftest import number, view

from perceptdata.publishing.exports.pairs import Pairs
from perceptdata.publishing.exports.trl import Trl
from perceptdata.vlm.loading import Reader
from perceptdata.workspace import Workspace


@pytest.fixture(scope="module")
def processor(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return Reader.read(tiny.write("qwen2_5_vl", tmp_path_factory.mktemp("tiny"))).processor


def loaded(folder: Path) -> list[dict[str, Any]]:
    files, cache = str(folder / "train.parquet"), str(folder.parent / "cache")
    return list(datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=cache))


def spoken(processor: Any, ids: Any, kept: Any) -> str:
    return str(processor.tokenizer.decode(ids[kept])).removesuffix("\n").removesuffix("<|im_end|>")


def test_sft(talk_ws: Workspace, tmp_path: Path, processor: Any) -> None:
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    Trl().export(view(talk_ws, where="split = 'train'"), tmp_path / "out")
    rows = [row for row in loaded(tmp_path / "out") if row["images"]]
    assert [number(row["id"]) for row in rows] == [1, 2, 3, 4]
    # As the trainer sets it for rows with a prompt and a completion.
    collator = DataCollatorForVisionLanguageModeling(processor, max_length=None, completion_only_loss=True)
    batch = collator([dict(row) for row in rows])
    assert len(batch["image_grid_thw"]) == sum(len(row["images"]) for row in rows) == 6
    own = {row["id"]: row["response"] for row in view(talk_ws)}
    for at, row in enumerate(rows):
        labels = batch["labels"][at]
        assert spoken(processor, labels, labels != -100) == own[row["id"]]


def test_dpo(scene_ws: Workspace, tmp_path: Path, processor: Any) -> None:
    from trl.trainer.dpo_trainer import DataCollatorForVisionPreference

    Pairs(responses="cards", format="describe_think_boxed").export(view(scene_ws), tmp_path / "out")
    rows = loaded(tmp_path / "out")[:3]
    batch = DataCollatorForVisionPreference(processor)([dict(row) for row in rows])
    assert len(batch["image_grid_thw"]) == 6  # chosen, then rejected
    for at, row in enumerate([*rows, *rows]):
        kept = batch["completion_mask"][at].bool()
        side = "chosen" if at < 3 else "rejected"
        assert spoken(processor, batch["input_ids"][at], kept) == row[side][0]["content"][0]["text"]
