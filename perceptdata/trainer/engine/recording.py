"""What writes the record of a run while transformers drives it. On rank 0 alone."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from perceptdata.trainer.progress import Progress
from perceptdata.trainer.record import Record

SUMMARY = "train_runtime"
"""In the log that transformers writes when training has ended, under the number of its last step."""


class Recording(TrainerCallback):
    """Every log of a step goes to `record`, and to `progress` where there is a terminal."""

    def __init__(self, record: Record, progress: Progress | None = None) -> None:
        self.record, self.progress = record, progress

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """By now the state is that of the checkpoint."""
        if not state.is_world_process_zero:
            return
        self.record.begin(state.global_step + 1, float(state.num_input_tokens_seen))
        if self.progress is not None:
            self.progress.begin(state.global_step, state.max_steps)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """One line."""
        if not state.is_world_process_zero or logs is None or SUMMARY in logs:
            return
        line = self.record.add(state.global_step, state.epoch, logs)
        if self.progress is not None:
            self.progress.show(state.global_step, line)

    def close(self) -> None:
        """However training ended."""
        self.record.end()
        if self.progress is not None:
            self.progress.end()
