"""LLaMA-Factory: sharegpt conversations, and the `dataset_info.json` that describes them.

to/train.jsonl  test.jsonl  dataset_info.json  images/  train_sft.yaml  README.md
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pyarrow as pa

from perceptdata.formats import Format
from perceptdata.publishing.exports.conversations import LLAMA_FACTORY, SHAREGPT, said, sharegpt
from perceptdata.publishing.exports.pictures import Shape
from perceptdata.publishing.exports.rows import Row
from perceptdata.publishing.exports.tally import Tally
from perceptdata.publishing.exports.trainer import TrainerExport
from perceptdata.view import View

MARKERS = ("<video>", "<audio>")
INFO, CONFIG = "dataset_info.json", "train_sft.yaml"
TAGS = {"role_tag": "from", "content_tag": "value", "user_tag": "human", "assistant_tag": "gpt"}
SETTINGS = """\
model_name_or_path: Qwen/Qwen2.5-VL-7B-Instruct
template: qwen2_vl
stage: {stage}
do_train: true
finetuning_type: full
dataset_dir: .
media_dir: .
dataset: {dataset}
mask_history: {mask}
cutoff_len: 8192
preprocessing_num_workers: 4
output_dir: trained
"""
LAUNCH = """
## Train

    llamafactory-cli train {config}

Run it in this folder, or set `dataset_dir` and `media_dir` to it. `dataset_info.json` names one data set a file.
`mask_history` keeps the loss off earlier turns: each is another row's response.
"""


class LlamaFactory(TrainerExport):
    """JSON lines for supervised training with LLaMA-Factory."""

    name: ClassVar[str] = "llama_factory"
    title: ClassVar[str] = "For LLaMA-Factory"
    markers: ClassVar[tuple[str, ...]] = MARKERS

    @property
    def shape(self) -> Shape:
        """See `conversations.LLAMA_FACTORY`."""
        return LLAMA_FACTORY

    @property
    def learns(self) -> bool:
        """From the responses."""
        return True

    @property
    def launch(self) -> str:
        """How to train on it."""
        return LAUNCH.replace("{config}", CONFIG)

    def columns(self, view: View) -> list[tuple[str, pa.DataType]]:
        """See `TrainerExport.columns`."""
        return [("conversations", SHAREGPT), ("system", pa.string()), ("id", pa.string())]

    def row(self, row: Row) -> dict[str, Any]:
        """See `TrainerExport.row`."""
        answer = {"from": "gpt", "value": said(row)}
        return {"conversations": [*sharegpt(row), answer], "system": row.system, "id": row.id}

    def extra(self, view: View, tally: Tally) -> dict[str, str]:
        """See `TrainerExport.extra`."""
        return described(view, tally, "sft", {})

    def lost(self, view: View, form: Format) -> list[str]:
        """See `TrainerExport.lost`."""
        notes = super().lost(view, form)
        if view.spec.spans:
            notes.append("LLaMA-Factory gives every token of a response the same weight: the spans stay behind")
        return notes


def described(view: View, tally: Tally, stage: str, columns: dict[str, str], **settings: Any) -> dict[str, str]:
    """`dataset_info.json` with one data set a file, `<view>_<split>`, and the settings that train on the first."""
    info = {
        f"{view.name}_{file.rpartition('.')[0]}": {
            "file_name": file,
            "formatting": "sharegpt",
            **settings,
            "columns": {"messages": "conversations", "system": "system", "images": "images", **columns},
            "tags": TAGS,
        }
        for file in tally.files
    }
    first = f"{view.name}_{tally.train.rpartition('.')[0]}"
    config = SETTINGS.format(stage=stage, dataset=first, mask=str(stage == "sft").lower())
    return {INFO: json.dumps(info, indent=2) + "\n", CONFIG if stage == "sft" else f"train_{stage}.yaml": config}
