"""A recipe, run: sources, steps, views and outputs, each only as far as it is not done.

for done in run_recipe(ws, recipe, executor=Local(workers=2)):
    print(done)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from perceptdata.errors import UsageError
from perceptdata.execution.executor import Executor
from perceptdata.recipe import Declared, Recipe
from perceptdata.steps.build import Build
from perceptdata.steps.declared import Shared, make_output, make_step
from perceptdata.steps.output import Output, Written
from perceptdata.steps.run import Outcome, outcome, plan_step, run_step
from perceptdata.steps.step import Step, Watch
from perceptdata.view import View, define_view

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace


@dataclass(slots=True)
class Chosen:
    """A view that was resolved: its rows, and what it left out."""

    view: str
    rows: int
    dropped: dict[str, int]

    @classmethod
    def of(cls, view: View) -> Chosen:
        """From a view."""
        return cls(view.name, len(view), view.dropped)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {"view": self.view, "rows": self.rows, "dropped": self.dropped}


Done = Outcome | Chosen | Written


@dataclass(slots=True)
class StepStatus:
    """Where a step stands; `left` counts shards to make, None where unknown yet.

    `state` is done, partial, stale or new, or extra: the workspace has the step and the recipe does not name it.
    """

    step: str
    do: str
    state: str
    left: int | None
    outcome: Outcome | None

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        made = self.outcome.to_json() if self.outcome else None
        return {"step": self.step, "do": self.do, "state": self.state, "left": self.left, "outcome": made}


def steps_of(recipe: Recipe, to: str | None = None, limit: int | None = None) -> list[tuple[Declared, Step]]:
    """The recipe's steps in running order, checked; up to and with `to`. `limit` bounds every source."""
    declared = recipe.declared()
    if to is not None and to not in (names := [step.name for step in declared]):
        raise UsageError(f"there is no step '{to}' in {recipe.path}; it has {', '.join(names)}")
    shared = Shared(recipe.endpoints, recipe.format)
    shared.check()
    made = []
    known: set[str] = set()
    for item in declared:
        options = {**item.options, "limit": limit} if limit and item.do == "build" else item.options
        step = make_step(item.do, options, recipe.folder, shared)
        for need in step.needs():
            if need not in known:
                raise UsageError(f"{recipe.path}: step '{item.name}' reads '{need}', which no earlier step makes")
        known.add(item.name)
        made.append((item, step))
        if item.name == to:
            break
    return made


def outputs_of(recipe: Recipe) -> list[Output]:
    """The recipe's outputs, checked."""
    shared = Shared(recipe.endpoints, recipe.format)
    return [make_output(item, recipe.folder, shared) for item in recipe.outputs]


def run_recipe(
    ws: Workspace,
    recipe: Recipe,
    *,
    to: str | None = None,
    limit: int | None = None,
    executor: Executor | None = None,
    watch: Any = None,
    tell: Callable[[str], None] | None = None,
) -> Iterator[Done]:
    """Bring a workspace to what the recipe says, yielding what each part did. `to` stops after that step.

    `watch(name)` gives the progress callback of a step; `tell` is told what a builder takes a source's
    columns for, before it is built. The caller holds the lock.
    """
    steps = steps_of(recipe, to, limit)
    outputs = [] if to else outputs_of(recipe)
    _keep(ws, recipe)
    for item, step in steps:
        if tell and isinstance(step, Build) and step.from_ is None and plan_step(ws, item.name, step).todo:
            for each in step.builder.mapped(step.place()):
                tell(f"{item.name}: {each.file}\n{each.said}\n")
        progress: dict[str, Watch] = {"watch": watch(item.name)} if watch else {}
        done = run_step(ws, item.name, step, executor, **progress)
        yield done
        if done.stopped:
            return
    if to:
        return
    for name, spec in recipe.views.items():
        yield Chosen.of(define_view(ws, name, spec))
    for output in outputs:
        yield output.write(ws)


def _keep(ws: Workspace, recipe: Recipe) -> None:
    if recipe.path.exists():
        (ws.path / "recipe.yaml").write_bytes(recipe.path.read_bytes())


def status_of(ws: Workspace, steps: list[tuple[Declared, Step]]) -> list[StepStatus]:
    """How far each step of a recipe is. A step whose inputs are not made yet is `new` with an unknown number left."""
    found = []
    for item, step in steps:
        state = ws.manifest.steps.get(item.name)
        current = state.versions.get(step.fingerprint) if state else None
        try:
            plan = plan_step(ws, item.name, step)
            left = len(plan.todo)
            settled = plan.settled(ws) is not None
        except (UsageError, KeyError):
            left, settled = None, False
        said = outcome(ws, item.name, current, step.fingerprint, 0, 0.0) if current else None
        if state is None:
            word = "new"
        elif current is None or state.active != step.fingerprint:
            word = "stale"
        elif settled:
            word = "done"
        else:
            word = "stale" if current.complete else "partial"
        found.append(StepStatus(item.name, item.do, word, left, said))
    return found


def recorded(ws: Workspace) -> list[StepStatus]:
    """What the manifest itself says of its steps, without a recipe to compare with."""
    found = []
    for name, state in ws.manifest.steps.items():
        run = state.current
        seconds = sum(shard.seconds for shard in run.shards.values())
        said = outcome(ws, name, run, state.active, 0, seconds)
        found.append(
            StepStatus(name, run.do, "done" if run.complete else "partial", run.expected - len(run.shards), said)
        )
    return found


def extra(ws: Workspace, recipe: Recipe) -> list[StepStatus]:
    """Steps that the workspace has and the recipe does not name; their rows still count in every view."""
    named = {step.name for step in recipe.declared()}
    return [replace(step, state="extra") for step in recorded(ws) if step.step not in named]
