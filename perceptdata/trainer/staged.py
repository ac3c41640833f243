"""A plan, run: leg after leg, each from what the one before left. Running it again goes on where it stopped.

    for leg, outcome in follow(Plan.load(Path("plan.yaml"))):
        print(leg.name, outcome.steps, outcome.loss)

    out/plan.json               the plan, its legs with rows and steps, what each left
    out/1-perception/           a run of its own (`trainer.run`): record, rejects, checkpoints, model

A leg that has ended is not looked at again; one that was killed goes on from its last checkpoint. Of a cyclic plan only
the newest leg keeps its weights: fifteen rounds of three stages are forty-five models.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perceptdata.errors import UsageError
from perceptdata.manifest import disk_error, write_atomically
from perceptdata.trainer.legs import Leg, choose, lay_out
from perceptdata.trainer.options import Paths
from perceptdata.trainer.plan import Plan
from perceptdata.trainer.rows import fingerprint_of
from perceptdata.trainer.run import ADAPTER, CHECKPOINTS, MODEL, Outcome, train
from perceptdata.vlm.loading import fingerprint

if TYPE_CHECKING:
    from transformers import TrainerCallback

RECORD = "plan.json"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a leg stands: `done`, `begun` or `new`; `step` of its newest checkpoint."""

    leg: Leg
    state: str
    step: int

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**self.leg.to_json(), "state": self.state, "step": self.step}


def survey(plan: Plan, processes: int = 1) -> list[Standing]:
    """What a plan would do, and how far it is; nothing is written. No weights are loaded."""
    record = _read(plan, processes)
    legs = lay_out(plan, choose(plan, record and record["chosen"]), processes)
    done = record["outcomes"] if record else {}
    standings = []
    for leg in legs:
        saved = [int(folder.name.rpartition("-")[2]) for folder in (leg.out / CHECKPOINTS).glob("checkpoint-*")]
        if leg.name in done:
            standings.append(Standing(leg, "done", leg.steps))
        else:
            standings.append(Standing(leg, "begun" if leg.out.exists() else "new", max(saved, default=0)))
    return standings


def follow(plan: Plan, processes: int = 1, callbacks: Sequence[TrainerCallback] = ()) -> Iterator[tuple[Leg, Outcome]]:
    """Train, yielding each leg as it ends; those that had ended before come first, as they were.

    `processes` are the devices that this runs on, all of which call it. Raises UsageError for a folder that holds
    another plan, and what `run.train` raises.
    """
    before = _read(plan, processes)
    chosen = choose(plan, before and before["chosen"])
    legs = lay_out(plan, chosen, processes)
    record = before or {
        "plan": _declared(plan),
        "processes": processes,
        "chosen": {name: {"kept": each.kept, "rejected": dict(each.rejected)} for name, each in chosen.items()},
        "legs": [leg.to_json() for leg in legs],
        "outcomes": {},
        "started": _now(),
    }
    _write(plan.out, record)
    last: Leg | None = None
    for leg in legs:
        if leg.name in record["outcomes"]:
            outcome = Outcome(**{**record["outcomes"][leg.name], "model": leg.out / MODEL})
        else:
            if last is not None and leg.model == str(last.out / MODEL):
                _check_left(last)
            outcome = train(leg.method, Paths(model=leg.model, view=leg.view, out=leg.out), callbacks, leg.places)
            _meet()
            record["outcomes"][leg.name] = outcome.to_json()
            _write(plan.out, record)
        if last is not None and plan.schedule == "cyclic":
            _forget(last)
        last = leg
        yield leg, outcome
    if "finished" not in record:
        _write(plan.out, {**record, "finished": _now()})


def _check_left(leg: Leg) -> None:
    """The next leg can begin with what this one left."""
    if not (leg.out / MODEL).exists():
        adapters = leg.out / ADAPTER
        left = f"only adapters ({adapters})" if adapters.exists() else f"no {MODEL} in {leg.out}"
        raise UsageError(
            f"leg {leg.name} left {left}; FSDP and DeepSpeed do not merge adapters: train without lora, or with DDP"
        )


def _meet() -> None:
    """What a leg held is given back, and all ranks wait until rank 0 has written its model."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()


def _forget(leg: Leg) -> None:
    if _first():
        for name in (CHECKPOINTS, MODEL):
            shutil.rmtree(leg.out / name, ignore_errors=True)


def _declared(plan: Plan) -> dict[str, Any]:
    """What makes it the same plan: all but where things lie. Views, models and files count by what is in them."""
    declared = plan.model_dump(mode="json", exclude={"out", "rows", "order"})
    declared["model"] = fingerprint(plan.model)
    for stage, plain in zip(plan.stages, declared["stages"], strict=True):
        plain |= {"rows": fingerprint_of(plan.view_of(stage)), "model": fingerprint(stage.model)}
    if plan.curriculum is not None and (file := plan.curriculum.file) is not None:
        held = file.read_bytes() if file.exists() else b""
        declared["curriculum"]["difficulty"] = hashlib.sha256(held).hexdigest()
    return declared


def _read(plan: Plan, processes: int) -> dict[str, Any] | None:
    """The record of this plan, where it has begun."""
    path = plan.out / RECORD
    if not path.exists():
        return None
    record: dict[str, Any] = json.loads(path.read_text("utf-8"))
    declared = _declared(plan)
    changed = [key for key in declared if declared[key] != record["plan"].get(key)]
    if changed:
        raise UsageError(
            f"{plan.out} holds a plan with another {', '.join(changed)}; name another 'out', or remove this folder"
        )
    if processes != record["processes"]:
        raise UsageError(
            f"{plan.out} was begun on {record['processes']} devices and this is {processes}; its steps depend on that: "
            "start as many processes"
        )
    return record


def _write(out: Path, record: dict[str, Any]) -> None:
    if not _first():
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_atomically(out / RECORD, json.dumps(record, indent=1).encode())
    except OSError as error:
        raise disk_error(error, out) from error


def _first() -> bool:
    return os.environ.get("RANK", "0") == "0"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
