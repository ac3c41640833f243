"""EasyR1: one question a row, its images, and a ground truth: the three columns that it reads.

    to/train.parquet  test.parquet  images/  reward.py  README.md

Its reward function sees the response and the ground truth and no other column. So by default the ground truth is the
whole gold record, which `reward.py` reads; `ground_truth: text` is the bare answer, for EasyR1's own rewards.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import pyarrow as pa

from perceptdata.errors import UsageError
from perceptdata.formats import Format
from perceptdata.publishing.exports.gold import gold_of
from perceptdata.publishing.exports.pictures import Shape
from perceptdata.publishing.exports.rows import Row
from perceptdata.publishing.exports.trainer import TrainerExport
from perceptdata.view import View

LAUNCH = """
## Train

    python3 -m verl.trainer.main config=examples/config.yaml \\
        data.train_files=$PWD/{train} data.val_files=$PWD/{val} data.image_dir=$PWD \\
        data.prompt_key=problem data.answer_key=answer data.image_key=images data.format_prompt=null \\
        worker.reward.reward_function={reward} worker.reward.reward_type=batch

`data.format_prompt=null`: the question asks for its format already ({use}). {said}
"""
OURS = (
    "`reward.py` scores with our checkers, or asks `perceptdata rewards serve` at the address in PERCEPTDATA_REWARDS."
)
THEIRS = "Choose a reward function of EasyR1 that fits these answers; it sees no more than them."


class EasyR1(TrainerExport):
    """Parquet for EasyR1."""

    name: ClassVar[str] = "easyr1"
    title: ClassVar[str] = "For EasyR1"
    markers: ClassVar[tuple[str, ...]] = ("<video>",)
    ground_truth: Literal["record", "text"] = "record"

    @property
    def shape(self) -> Shape:
        """Paths begin in `data.image_dir`."""
        return Shape(jsonl=False)

    @property
    def launch(self) -> str:
        """How to train on it."""
        ours = self.ground_truth == "record"
        reward = "$PWD/reward.py:for_easyr1" if ours else "examples/reward_function/math.py:compute_score"
        return LAUNCH.replace("{reward}", reward).replace("{said}", OURS if ours else THEIRS)

    @property
    def copied(self) -> tuple[str, ...]:
        """The reward, where the ground truth is what it reads."""
        return ("reward.py",) if self.ground_truth == "record" else ()

    def prepare(self, view: View, form: Format) -> None:
        """Refuse a format that asks in the system prompt, which EasyR1 has not."""
        super().prepare(view, form)
        if form.system:
            raise UsageError("EasyR1 has no system prompt; use the format with place: question")

    def columns(self, view: View) -> list[tuple[str, pa.DataType]]:
        """See `TrainerExport.columns`."""
        return [("problem", pa.string()), ("answer", pa.string()), ("id", pa.string())]

    def row(self, row: Row) -> dict[str, Any]:
        """See `TrainerExport.row`."""
        problem = only_question(row)
        answer = gold_of(row) if self.ground_truth == "record" else row.values["answer"]["text"]
        return {"problem": problem, "answer": answer, "id": row.id}

    def lost(self, view: View, form: Format) -> list[str]:
        """See `TrainerExport.lost`."""
        said = "EasyR1's reward sees the response and the ground truth, and no other column"
        if self.ground_truth == "record":
            return [f"{said}: `answer` is therefore the whole gold record, which only reward.py beside it understands"]
        return [f"{said}: facts, captions, checkers and tolerances stay behind, and so does the example's id"]


def only_question(row: Row) -> str:
    """The one turn of a row. Raises Rejected where there are more."""
    if len(row.turns) > 1:
        raise row.refuse("export.history", f"it has {len(row.turns) - 1} earlier turns, for which there is no place")
    return row.turns[0].text
