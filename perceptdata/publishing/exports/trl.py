"""TRL: prompt and completion as messages of blocks, each image in its place.

    to/train.parquet  test.parquet  images/  reward.py  README.md

`task: sft` has a completion (SFTTrainer), `grpo` what a reward reads instead (GRPOTrainer). Blocks, because TRL moves
the images of a plain text to its front, which mixes up several.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import pyarrow as pa

from perceptdata.formats import Format
from perceptdata.publishing.exports.certified import COLUMNS, RewardedExport
from perceptdata.publishing.exports.conversations import BLOCKS, TRL, blocks, said, trl_prompt
from perceptdata.publishing.exports.pictures import Shape
from perceptdata.publishing.exports.rows import Row
from perceptdata.view import View

SPANS = pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32()), ("label", pa.string())]))
SFT = """
## Train

```python
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

rows = load_dataset("parquet", data_files={"train": "{train}"}, split="train")
config = SFTConfig(output_dir="trained", max_length=None, assistant_only_loss=False)
SFTTrainer(model="Qwen/Qwen2.5-VL-7B-Instruct", args=config, train_dataset=rows).train()
```

`max_length=None`: truncation would cut image tokens. The loss is on the completion alone.
"""
GRPO = """
## Train

```python
from datasets import load_dataset
from trl import GRPOConfig, GRPOTrainer
from reward import for_trl

rows = load_dataset("parquet", data_files={"train": "{train}"}, split="train")
config = GRPOConfig(output_dir="trained", num_generations=8, max_completion_length=2048)
GRPOTrainer(model="Qwen/Qwen2.5-VL-7B-Instruct", args=config, train_dataset=rows, reward_funcs=for_trl).train()
```

`reward.py` scores here with our checkers, or asks `perceptdata rewards serve` where PERCEPTDATA_REWARDS is its address.
"""


class Trl(RewardedExport):
    """Parquet for TRL's trainers. With a view's spans, `spans` says which stretches of the completion perceive."""

    name: ClassVar[str] = "trl"
    title: ClassVar[str] = "For TRL"
    task: Literal["sft", "grpo"] = "sft"

    @property
    def shape(self) -> Shape:
        """Paths are absolute, since `datasets` looks for others where it was started."""
        return TRL

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

    def columns(self, view: View) -> list[tuple[str, pa.DataType]]:
        """See `TrainerExport.columns`."""
        if self.task == "grpo":
            return [("prompt", BLOCKS), *COLUMNS]
        spans = [("spans", SPANS)] if view.spec.spans else []
        return [("prompt", BLOCKS), ("completion", BLOCKS), ("id", pa.string()), ("stage", pa.string()), *spans]

    def row(self, row: Row) -> dict[str, Any]:
        """See `TrainerExport.row`."""
        if self.task == "grpo":
            return {"prompt": trl_prompt(row), **self.carried(row)}
        kept = {"id": row.id, "stage": row.values["stage"]}
        spans = [{key: span[key] for key in ("start", "end", "label")} for span in row.spans]
        return {"prompt": trl_prompt(row), "completion": [blocks("assistant", said(row))], **kept, "spans": spans}

    def lost(self, view: View, form: Format) -> list[str]:
        """See `TrainerExport.lost`."""
        notes = super().lost(view, form)
        if self.task == "sft" and view.spec.spans:
            notes.append("TRL's loss has no weights and reads no `spans`: use ms_swift, or `perceptdata train sft`")
        return notes
