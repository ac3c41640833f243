"""What outlasts a run that is stopped: files that are whole or not there, and runs that go on where they were."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

SAVED_EVERY = 10  # steps


def keep(path: Path, what: Any) -> None:
    """Write a file of torch's that another process sees whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}.part")
    torch.save(what, beside)
    beside.replace(path)


class Unfinished(NamedTuple):
    """Where a run has come to, in a file that goes when the run is done."""

    path: Path

    @classmethod
    def of(cls, folder: Path, arm: str, seed: int, options: Mapping[str, Any]) -> Unfinished:
        """That of this arm, seed and these options alone."""
        said = json.dumps([arm, seed, dict(options)], sort_keys=True)
        return cls(folder / f"unfinished-{hashlib.sha256(said.encode()).hexdigest()[:16]}.pt")

    def load(self, model: torch.nn.Module, optimiser: torch.optim.Optimizer, *lists: list[Any]) -> int:
        """Put everything back as it was; the step to go on with, 0 where nothing was kept."""
        if not self.path.exists():
            return 0
        said = torch.load(self.path, weights_only=True)
        model.load_state_dict(said["model"])
        optimiser.load_state_dict(said["optimiser"])
        for given, kept in zip(lists, said["lists"], strict=True):
            given[:] = kept
        return int(said["step"])

    def save(self, step: int, model: torch.nn.Module, optimiser: torch.optim.Optimizer, *lists: list[Any]) -> None:
        """`step` is the next one."""
        state = {"step": step, "model": model.state_dict(), "optimiser": optimiser.state_dict(), "lists": list(lists)}
        keep(self.path, state)

    def remove(self) -> None:
        """The run is done."""
        self.path.unlink(missing_ok=True)
