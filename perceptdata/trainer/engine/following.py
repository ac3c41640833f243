"""A teacher that follows the student slowly: after each step, teacher = decay·teacher + (1 - decay)·student."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from accelerate.utils import DistributedType
from safetensors.torch import load_model, save_model
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from perceptdata.errors import UsageError

FILE = "teacher.safetensors"


class Following(TrainerCallback):
    """Moves `trainer.teacher_model`, and keeps it in each checkpoint."""

    def __init__(self, trainer: Any, decay: float) -> None:
        if trainer.accelerator.distributed_type in (DistributedType.FSDP, DistributedType.DEEPSPEED):
            raise UsageError("under FSDP and DeepSpeed no rank has whole weights to average; leave teacher_ema out")
        self.trainer, self.decay = trainer, decay

    @property
    def kept(self) -> str:
        """Where the last checkpoint has the teacher, from the folder of checkpoints on."""
        return f"{PREFIX_CHECKPOINT_DIR}-{self.trainer.state.global_step}/{FILE}"

    def load(self, kept: str) -> None:
        """The teacher of a checkpoint."""
        load_model(self.trainer.teacher_model, Path(self.trainer.args.output_dir) / kept)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        """One step towards the student."""
        student = self.trainer.accelerator.unwrap_model(self.trainer.model)
        with torch.no_grad():
            for slow, fast in zip(self.trainer.teacher_model.parameters(), student.parameters(), strict=True):
                slow.lerp_(fast.to(slow.dtype), 1 - self.decay)
        return control

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        """Beside the student."""
        if args.process_index == 0:
            save_model(self.trainer.teacher_model, str(Path(args.output_dir or ".") / self.kept))
        return control
