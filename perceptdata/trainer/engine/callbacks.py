"""What watches every run: complete checkpoints, Ctrl-C that saves, and losses that are no number."""

from __future__ import annotations

import json
import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch
import torch.distributed as dist
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from perceptdata.errors import PerceptDataError
from perceptdata.manifest import write_atomically
from perceptdata.trainer.engine import Engine

MARK = "perceptdata.json"
"""Written last: a checkpoint without it was cut off while it was being written."""

STOPS = (signal.SIGINT, signal.SIGTERM)


class Complete(TrainerCallback):
    """Marks each checkpoint once all of it is written, and keeps the engine's own memory in it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        """Once every rank has written its part."""
        if args.world_size > 1:
            dist.barrier()
        if args.process_index == 0:
            folder = Path(args.output_dir or ".") / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
            write_atomically(folder / MARK, json.dumps(self.engine.memory()).encode())
        return control


class Finite(TrainerCallback):
    """Stops at the first step whose loss or gradient is no number, before a checkpoint is made of it."""

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> TrainerControl:
        """Logs come after every step, and before saving."""
        for name in ("loss", "grad_norm"):
            value = (logs or {}).get(name)
            if value is not None and not math.isfinite(float(value)):
                raise PerceptDataError(
                    f"{name} is {value} at step {state.global_step}: nothing after the last checkpoint is saved; lower "
                    "learning_rate, lengthen warmup, or look at the rows of this step"
                )
        return control


class Interruptible(TrainerCallback):
    """The first Ctrl-C (or SIGTERM) lets the step finish, saves a checkpoint and stops; the second stops at once."""

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take the signals, as long as this lasts. Only a main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._note) for number in STOPS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        """All ranks stop at the same step, whichever of them was asked."""
        if args.world_size > 1:
            asked = torch.tensor(float(self.asked), device=args.device)
            dist.all_reduce(asked, dist.ReduceOp.MAX)
            self.asked = bool(asked)
        if self.asked:
            control.should_save = control.should_training_stop = True
        return control

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
