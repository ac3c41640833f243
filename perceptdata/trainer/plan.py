"""A staged plan, declared in one YAML file: what is trained when, on which rows, from which checkpoint.

    plan = Plan.load(Path("plan.yaml"))

    model: Qwen3-VL-8B-Instruct         # where the first stage begins; the others begin where the one before ended
    rows: view                          # an exported view
    out: runs/staged
    method: seeing_to_thinking
    options: {epochs: 15, batch: 4, accumulate: 20, updates: 4}
    stages:
      - {name: perception}
      - {name: textual_reasoning, options: {train: [projector, language, head]}}
      - {name: visual_reasoning}

`schedule` says how the stages follow each other: `exhaustive` (all epochs of one, then the next), `cyclic` (an epoch of
each, and round again) or `merged` (one run over all their rows with as many steps: the baseline). `order` names the
stages in another order, or some of them. Unknown keys are errors; relative paths begin at the file's folder.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from perceptdata import strict_yaml
from perceptdata.errors import UsageError
from perceptdata.example import STAGES
from perceptdata.registry import option_errors
from perceptdata.trainer.presets import Method, make

NAME = re.compile(r"[a-z][a-z0-9_]*")
PREVIOUS = "previous"


class Curriculum(BaseModel):
    """The order of rows, the same in every epoch (arXiv 2605.20177, its four arms); without one, rows are shuffled.

    `difficulty` says where pass rates are, 1 for easy: `meta.KEY` of the rows, or a JSON file of `{id, pass_rate}`, as
    `perceptdata sql --json` prints. Rows go from easy to hard. `capability` keeps the stages of a merged run apart, in
    their order. Ties fall by `seed`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    difficulty: str | None = None
    capability: bool = False
    seed: int = 42

    @property
    def file(self) -> Path | None:
        """Where the pass rates are, if they are in a file."""
        return None if self.difficulty is None or self.difficulty.startswith("meta.") else Path(self.difficulty)


class StageOptions(BaseModel):
    """One stage. `of` names the values of the rows' column `stage` that it trains on: by default its own name.

    With `rows` of its own it trains on all of them, unless `of` says otherwise. `model` is `previous`, or a checkpoint.
    `options` stand over the plan's, key by key; both are the method's (`perceptdata train METHOD -o`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    of: tuple[Literal["perception", "visual_reasoning", "textual_reasoning"], ...] | None = Field(None, min_length=1)
    rows: Path | None = None
    method: str | None = None
    model: str = PREVIOUS
    options: dict[str, Any] = Field(default_factory=dict)


class Plan(BaseModel):
    """A plan as written, its paths resolved and its stages in the order in which they are trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    model: str
    rows: Path
    out: Path
    method: str
    options: dict[str, Any] = Field(default_factory=dict)
    schedule: Literal["exhaustive", "cyclic", "merged"] = "exhaustive"
    curriculum: Curriculum | None = None
    stages: tuple[StageOptions, ...] = Field(min_length=1)
    order: tuple[str, ...] | None = Field(None, min_length=1)

    @classmethod
    def load(cls, path: Path) -> Plan:
        """Read and check a plan, every stage's options too. Raises UsageError that names file and key."""
        content = strict_yaml.read(path, "plan", "docs/training.md shows one")
        try:
            return cls.of(content, path.parent)
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from None

    @classmethod
    def of(cls, content: Mapping[str, Any], folder: Path = Path()) -> Plan:
        """A plan from plain values; `folder` is what its paths are relative to."""
        try:
            plan = cls.model_validate(dict(content))
        except ValidationError as error:
            raise UsageError(option_errors(error, cls)) from None
        plan._check_names()
        plan = plan.model_copy(update=_rooted(plan, folder))
        plan._check_schedule()
        for stage in plan.stages:
            plan.method_of(stage)
        return plan

    def method_of(self, stage: StageOptions, without: tuple[str, ...] = (), **more: Any) -> Method:
        """A stage's method with its options: `more` of them, and `without` some."""
        options = {**self.options, **stage.options}
        options = {**{key: value for key, value in options.items() if key not in without}, **more}
        if self.curriculum is not None and options.setdefault("order", "view") != "view":
            raise UsageError(f"stage {stage.name}: a curriculum gives the order of rows; leave out the option 'order'")
        try:
            return make(stage.method or self.method, options)
        except UsageError as error:
            raise UsageError(f"stage {stage.name}: {error}") from None

    def view_of(self, stage: StageOptions) -> Path:
        """The exported view that a stage reads."""
        return stage.rows or self.rows

    def model_of(self, stage: StageOptions) -> str:
        """The checkpoint whose tokenizer and processor a stage has: its own, or that of the beginning."""
        return self.model if stage.model == PREVIOUS else stage.model

    def capabilities_of(self, stage: StageOptions) -> tuple[str, ...] | None:
        """The values of the column `stage` that a stage trains on; None for every row of its view."""
        if stage.of is None and stage.rows is None:
            return (stage.name,)
        return stage.of

    def _check_names(self) -> None:
        names = [stage.name for stage in self.stages]
        for stage in self.stages:
            if not NAME.fullmatch(stage.name) or names.count(stage.name) > 1:
                raise UsageError(
                    f"'{stage.name}' cannot name a stage: small letters, digits and _, and no other stage's name"
                )
            if stage.of is None and stage.rows is None and stage.name not in STAGES:
                hint = _hint(stage.name, STAGES)
                raise UsageError(
                    f"stage {stage.name} names no rows; {hint}, or give it 'of: [{STAGES[0]}]' or 'rows' of its own"
                )

    def _check_schedule(self) -> None:
        if self.curriculum is not None and self.curriculum.capability and self.schedule != "merged":
            raise UsageError(
                f"schedule {self.schedule} trains one stage after another already; capability orders the rows of "
                "schedule: merged"
            )
        if self.schedule == "merged":
            self._check_merged()

    def _check_merged(self) -> None:
        first = self.stages[0]
        for stage in self.stages[1:]:
            one, other = (
                {"method": each.method or self.method, "rows": self.view_of(each), "model": each.model}
                | {**self.options, **each.options}
                for each in (first, stage)
            )
            unlike = [key for key in {**one, **other} if one.get(key) != other.get(key)]
            if unlike:
                raise UsageError(
                    f"stages {first.name} and {stage.name} differ in {', '.join(unlike)}; a merged run is one run: "
                    "write what holds for all of them above the stages"
                )


def _ordered(plan: Plan) -> tuple[StageOptions, ...]:
    if plan.order is None:
        return plan.stages
    known = {stage.name: stage for stage in plan.stages}
    for name in plan.order:
        if name not in known:
            raise UsageError(f"'order' names '{name}', which is no stage; {_hint(name, known)}")
        if plan.order.count(name) > 1:
            raise UsageError(f"'order' names '{name}' twice; give the second visit a stage of its own")
    return tuple(known[name] for name in plan.order)


def _rooted(plan: Plan, folder: Path) -> dict[str, Any]:
    """Every path taken from the folder. A model is one only where something lies there; else it is a Hub's name."""

    def model(name: str) -> str:
        near = folder / Path(name).expanduser()
        return str(near) if name != PREVIOUS and near.exists() else name

    def place(path: Path) -> Path:
        return folder / path.expanduser()

    stages = tuple(
        stage.model_copy(update={"rows": stage.rows and place(stage.rows), "model": model(stage.model)})
        for stage in _ordered(plan)
    )
    found: dict[str, Any] = {"stages": stages, "model": model(plan.model), "rows": place(plan.rows)}
    if plan.curriculum is not None and plan.curriculum.file is not None:
        found["curriculum"] = plan.curriculum.model_copy(update={"difficulty": str(place(plan.curriculum.file))})
    return {**found, "out": place(plan.out)}


def _hint(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known)}"
