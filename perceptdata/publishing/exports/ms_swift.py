"""ms-swift: messages, with the response in pieces that each have their own `loss_scale`.

    to/train.jsonl  test.jsonl  images/  reward.py  README.md

`task: sft` cuts the response where its spans change, and each piece is an assistant message with the weight of its
label; ms-swift joins neighbouring messages of one side. Earlier turns carry `loss: false`: each is another row's
response. `task: grpo` ends with the question and carries what a reward reads.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import pyarrow as pa
from pydantic import Field

from perceptdata.formats import Format
from perceptdata.publishing.exports.certified import COLUMNS, RewardedExport
from perceptdata.publishing.exports.conversations import MS_SWIFT, messages, said, segments
from perceptdata.publishing.exports.pictures import Shape
from perceptdata.publishing.exports.rows import Row
from perceptdata.view import View

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
MARKERS = ("<video>", "<audio>", "<bbox>", "<ref-object>", "<cot-process>", "<start-image>")
WEIGHED = pa.list_(
    pa.struct([("role", pa.string()), ("content", pa.string()), ("loss", pa.bool_()), ("loss_scale", pa.float64())])
)
SFT = """
## Train

    export ROOT_IMAGE_DIR=$PWD
    swift sft --model Qwen/Qwen2.5-VL-7B-Instruct --dataset {train} --val_dataset {val} \\
        --is_binary_loss_scale false --loss_scale default

`--is_binary_loss_scale false` is needed: by default ms-swift takes every weight above 0 for 1. Each piece of a response
is tokenised alone. ROOT_IMAGE_DIR is the folder that the image paths begin in.
"""
GRPO = """
## Train

    export ROOT_IMAGE_DIR=$PWD
    swift rlhf --rlhf_type grpo --model Qwen/Qwen2.5-VL-7B-Instruct --dataset {train} \\
        --external_plugins reward.py --reward_funcs perceptdata --remove_unused_columns false

`reward.py` scores here with our checkers, or asks `perceptdata rewards serve` where PERCEPTDATA_REWARDS is its address.
"""


class MsSwift(RewardedExport):
    """JSON lines for ms-swift. `perception`, `reasoning` and `other` are the weights of a response's stretches."""

    name: ClassVar[str] = "ms_swift"
    title: ClassVar[str] = "For ms-swift"
    markers: ClassVar[tuple[str, ...]] = MARKERS
    task: Literal["sft", "grpo"] = "sft"
    perception: Weight = 1.0
    reasoning: Weight = 1.0
    other: Weight = 1.0

    @property
    def shape(self) -> Shape:
        """See `conversations.MS_SWIFT`."""
        return MS_SWIFT

    @property
    def learns(self) -> bool:
        """From the responses, or from rewards."""
        return self.task == "sft"

    @property
    def launch(self) -> str:
        """How to train on it."""
        return SFT if self.task == "sft" else GRPO

    @property
    def copied(self) -> tuple[str, ...]:
        """The reward, where one is needed."""
        return () if self.task == "sft" else ("reward.py",)

    @property
    def _weights(self) -> dict[str, float]:
        return {"perception": self.perception, "reasoning": self.reasoning, "other": self.other}

    def columns(self, view: View) -> list[tuple[str, pa.DataType]]:
        """See `TrainerExport.columns`."""
        own = COLUMNS if self.task == "grpo" else [("id", pa.string())]
        return [("messages", WEIGHED), *own]

    def row(self, row: Row) -> dict[str, Any]:
        """See `TrainerExport.row`."""
        asked = [{**turn, "loss": False} if turn["role"] == "assistant" else turn for turn in messages(row)]
        if self.task == "grpo":
            return {"messages": asked, **self.carried(row)}
        pieces = segments(said(row), row.spans, self._weights)
        said_ = [{"role": "assistant", "content": text, "loss_scale": weight} for text, weight in pieces]
        return {"messages": [*asked, *said_], "id": row.id}

    def lost(self, view: View, form: Format) -> list[str]:
        """See `TrainerExport.lost`."""
        notes = super().lost(view, form)
        if self.task == "grpo":
            return notes
        if len(set(self._weights.values())) > 1 and not view.spec.spans:
            notes.append(f"view '{view.name}' carries no spans, so that every response weighs as `other`")
        if view.spec.spans and len(set(self._weights.values())) == 1:
            notes.append("all weights are equal, so that no response is cut: set perception, reasoning or other")
        return notes
