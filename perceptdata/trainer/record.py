"""The numbers of a run, as it goes: a file of JSON lines, and TensorBoard's event files where tensorboardX is there.

    out/metrics.jsonl       one line a logged step: step, epoch, seconds, tokens_per_second, every scalar by its name
    out/tensorboard/        the same scalars

A run that goes on from a checkpoint drops the lines after it, so no step stands twice; `seconds` goes on from the last
line that is kept. What is no number (a reward that scored nothing in this step, a loss that overflowed) is null.
"""

from __future__ import annotations

import importlib.util
import math
import time
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any

from perceptdata.trainer.lines import StepLines

METRICS, EVENTS = "metrics.jsonl", "tensorboard"
TOKENS, RATE = "num_tokens", "tokens_per_second"


class Record:
    """Of one run, for the rank that writes. `begin`, then `add` a line a step, then `end`."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.lines = StepLines(out / METRICS)
        self._events: Any = None
        self._begun = self._last = 0.0
        self._tokens = 0.0

    def begin(self, step: int, tokens: float = 0.0) -> None:
        """The run starts with step `step`, before which it has seen so many tokens."""
        before = self.lines.begin(step)
        self._begun = self._last = time.perf_counter()
        self._begun -= float((before or {}).get("seconds") or 0.0)
        self._tokens = tokens
        if importlib.util.find_spec("tensorboardX") is not None:
            from tensorboardX import SummaryWriter

            # Files are named by the second, and a run may go on within it.
            suffix = f".{step}"
            again = step if step > 1 else None
            self._events = SummaryWriter(str(self.out / EVENTS), purge_step=again, filename_suffix=suffix)

    def add(self, step: int, epoch: float | None, logs: Mapping[str, Any]) -> dict[str, Any]:
        """Write what one step logged. The line."""
        now = time.perf_counter()
        scalars = {name: float(value) for name, value in logs.items() if isinstance(value, Real)}
        absent: dict[str, Any] = {name: None for name, value in logs.items() if value is None}
        scalars.pop("epoch", None)
        if RATE not in scalars and TOKENS in scalars and now > self._last:
            scalars[RATE] = (scalars[TOKENS] - self._tokens) / (now - self._last)
        self._tokens, self._last = scalars.get(TOKENS, self._tokens), now
        line = {"step": step, "epoch": epoch, "seconds": round(now - self._begun, 3), **absent, **scalars}
        self.lines.add(line)
        if self._events is not None:
            for name, value in scalars.items():
                if math.isfinite(value):
                    self._events.add_scalar(name, value, step)
        return line

    def end(self) -> None:
        """Close what is open."""
        if self._events is not None:
            self._events.close()
            self._events = None
