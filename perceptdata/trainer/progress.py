"""One line on a terminal while a run goes on: how far, and what the last step logged.

bar = Progress(sys.stderr)
bar.begin(0, 500); bar.show(1, {"loss": 0.7, "lambda": 0.42, …}); bar.end()
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from perceptdata.trainer.record import RATE

SHOWN = {
    "loss": "loss",
    "loss_perception": "perception",
    "loss_reasoning": "reasoning",
    "lambda": "λ",
    "norm_perception": "‖g_p‖",
    "norm_reasoning": "‖g_r‖",
    "rollouts/accuracy": "accuracy",
    "rollouts/invalid": "invalid",
    "pgpo/weight_max": "max weight",
    RATE: "tokens/s",
}
"""What is shown of a step by what name, in this order; after the loss every part of it and every reward."""


def told(logs: Mapping[str, Any]) -> str:
    """`loss 0.713  perception 0.402  λ 0.42  512 tokens/s`."""
    return "  ".join(_words(logs))


def _words(logs: Mapping[str, Any]) -> Iterator[str]:
    parts = {name: name.removeprefix("loss/") for name in logs if name.startswith("loss/")}
    rewards = {name: name.split("/")[1] for name in logs if name.startswith("rewards/") and name.endswith("/mean")}
    order = {"loss": "loss", **parts, **rewards, **SHOWN}
    for name, word in order.items():
        value = logs.get(name)
        if value is not None:
            yield f"{value:,.0f} {word}" if name == RATE else f"{word} {value:.3g}"


class Progress:
    """The line. Made only where somebody sees it: `stream` is a terminal."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        columns = (
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
        )
        self._bars = Bars(*columns, console=Console(file=stream), transient=True)

    def begin(self, done: int, steps: int) -> None:
        """`done` of `steps` are behind us."""
        self._task = self._bars.add_task("", total=steps, completed=done)
        self._bars.start()

    def show(self, step: int, logs: Mapping[str, Any]) -> None:
        """After a step."""
        self._bars.update(self._task, completed=step, description=told(logs))

    def end(self) -> None:
        """Take it away."""
        self._bars.stop()
