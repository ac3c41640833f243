"""Short runs of tiny models, and what they left."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import TrainerCallback, set_seed

from perceptdata.trainer.model import TrainedModel
from perceptdata.trainer.options import Paths
from perceptdata.trainer.presets import Job, make
from perceptdata.trainer.rows import read_rows
from perceptdata.trainer.run import Outcome, admit, common_arguments, make_format, train

QUICK = {"batch": 3, "accumulate": 2, "learning_rate": 1e-3, "steps": 2}


def run(model: Path, view: Path, out: Path, *watching: TrainerCallback, method: str = "sft", **options: Any) -> Outcome:
    return train(make(method, {**QUICK, **options}), Paths(model=str(model), view=view, out=out), watching)


def build(model: Path, view: Path, out: Path, method: str = "sft", **options: Any) -> Any:
    """The trainer of a run, before its first step."""
    chosen = make(method, {**QUICK, **options})
    form, rows = make_format(chosen), read_rows(view)
    arguments = chosen.arguments(common_arguments(chosen, out))
    set_seed(chosen.seed)
    loaded = TrainedModel.load(str(model), chosen)
    found = admit(rows, loaded.reader, loaded.reader.context, form, chosen)
    return chosen.trainer(Job(loaded, rows.select(found.kept), form, arguments, [], out))


def weights(outcome: Outcome) -> dict[str, torch.Tensor]:
    return load_file(outcome.model / "model.safetensors")


def logs(outcome: Outcome) -> list[dict[str, float]]:
    """What each step logged, of all that the last checkpoint remembers."""
    folders = (outcome.model.parent / "checkpoints").glob("checkpoint-*")
    newest = max(folders, key=lambda folder: int(folder.name.partition("-")[2]))
    state = json.loads((newest / "trainer_state.json").read_text())
    return [entry for entry in state["log_history"] if "loss" in entry]


def losses(outcome: Outcome) -> list[float]:
    return [entry["loss"] for entry in logs(outcome)]


class Dies(TrainerCallback):
    """The process dies at the end of a step, before anything of that step is saved."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step:
            raise SystemExit("killed")
