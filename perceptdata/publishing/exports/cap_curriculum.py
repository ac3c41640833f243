"""VLM-CapCurriculum (arXiv 2605.20177): the JSON lines that its staged training and its curriculum scripts read.

    to/train.jsonl  test.jsonl  images/  README.md

Options stand one a line in the prompt and in columns of their own; the format's rule does not, since that training adds
its own (`data.format_prompt`). `rate` names a scores step: its mean is `pass_rate`, and `correctness` each sample's.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import PrivateAttr

from perceptdata.formats import Format
from perceptdata.layers import CORRECT
from perceptdata.publishing.exports.easyr1 import only_question
from perceptdata.publishing.exports.pictures import Shape
from perceptdata.publishing.exports.rows import Row
from perceptdata.publishing.exports.trainer import TrainerExport
from perceptdata.view import View

LAUNCH = """
## Train

With EasyR1, from a checkout of UCSC-VLAA/VLM-CapCurriculum:

    python3 -m verl.trainer.main config=training/configs/config.yaml \\
        data.train_files=$PWD/{train} data.val_files=$PWD/{val} data.image_dir=$PWD \\
        data.prompt_key=prompt data.answer_key=answer data.image_key=image_path \\
        data.format_prompt=training/format_prompts/math.jinja \\
        worker.reward.reward_function=training/reward_functions/math.py:compute_score worker.reward.reward_type=batch

Stages are views: export `perception`, `textual_reasoning` and `visual_reasoning` each to its folder.
"""


class CapCurriculum(TrainerExport):
    """JSON lines of VLM-CapCurriculum."""

    name: ClassVar[str] = "cap_curriculum"
    title: ClassVar[str] = "For VLM-CapCurriculum"
    markers: ClassVar[tuple[str, ...]] = ("<video>",)
    rate: str | None = None
    _rates: dict[str, list[float]] = PrivateAttr(default_factory=dict)

    @property
    def shape(self) -> Shape:
        """Paths begin in `data.image_dir`; JSON lines alone."""
        return Shape(key="image_path")

    @property
    def launch(self) -> str:
        """How to train on it."""
        return LAUNCH

    def prepare(self, view: View, form: Format) -> None:
        """Read the pass rates."""
        super().prepare(view, form)
        self._rates.clear()
        if self.rate is None:
            return
        layer = view.ws.layer(self.rate, "scores")
        for batch in layer.to_batches(columns=["example_id", "name", "value"]):
            for example, name, value in zip(
                *(batch.column(key).to_pylist() for key in batch.schema.names), strict=True
            ):
                if name == CORRECT and value is not None:
                    self._rates.setdefault(example, []).append(value)

    def row(self, row: Row) -> dict[str, Any]:
        """See `TrainerExport.row`."""
        only_question(row)
        answer, choices = row.values["answer"], row.values["choices"] or []
        if len(choices) > 26:
            raise row.refuse("export.choices", f"it has {len(choices)} choices, for which there are no letters")
        options = {chr(ord("A") + place): text for place, text in enumerate(choices)}
        asked = row.asked
        if options:
            listed = "".join(f"{letter}: {text}\n" for letter, text in options.items())
            asked = f"{asked}\nOptions:\n{listed}Answer with the letter of the right option.\n"
        made = {
            "index": row.id,
            "answer": answer["text"] if answer["index"] is None else chr(ord("A") + answer["index"]),
            "example_id": row.values["group"],
            "split": row.split,
            **{f"option_{letter}": text for letter, text in options.items()},
            "prompt": asked,
        }
        if self.rate is None:
            return made
        rates = self._rates.get(row.id, [])
        rate = sum(rates) / len(rates) if rates else None
        return {**made, "correctness": [value == 1 for value in rates], "pass_rate": rate}

    def lost(self, view: View, form: Format) -> list[str]:
        """See `TrainerExport.lost`."""
        return [
            "rewards see `answer` alone: facts, captions, accepted variants and tolerances stay behind",
            "the format's rule is not in the prompt: the training adds its own by data.format_prompt",
        ]
