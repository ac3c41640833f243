"""The legs of a plan: runs that follow each other, each with its rows in order, its method and its steps.

chosen = choose(plan)                       # reads the views; no weights, no images
legs = lay_out(plan, chosen, processes=8)   # plain arithmetic
legs[0].name, legs[0].steps, legs[0].places
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perceptdata.errors import UsageError
from perceptdata.trainer.core.curriculum import Row, arrange
from perceptdata.trainer.core.stages import Stage, cyclic, exhaustive, merged
from perceptdata.trainer.lengths import Measured
from perceptdata.trainer.plan import PREVIOUS, Curriculum, Plan, StageOptions
from perceptdata.trainer.presets import Method
from perceptdata.trainer.rows import read_rows
from perceptdata.trainer.run import MODEL, admit, make_format, quiet
from perceptdata.vlm.loading import Reader

if TYPE_CHECKING:
    import datasets

MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A stage's rows: their places in its view, and what a curriculum orders them by.

    `kept` of them can be trained on; `rejected` counts the others by reason.
    """

    places: tuple[int, ...]
    rows: tuple[Row, ...]
    kept: int
    rejected: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Leg:
    """One run. `places` are rows of `view`, in order; `rows` of them can be trained on. `model` may be yet to come."""

    name: str
    stage: str
    method: Method
    model: str
    view: Path
    places: tuple[int, ...]
    rows: int
    rejected: Mapping[str, int]
    steps: int
    out: Path

    def to_json(self) -> dict[str, Any]:
        """Plain values; places only by their number."""
        return {
            "name": self.name,
            "stage": self.stage,
            "method": self.method.method,
            "options": self.method.model_dump(mode="json", by_alias=True),
            "model": self.model,
            "view": str(self.view),
            "rows": self.rows,
            "rejected": dict(self.rejected),
            "steps": self.steps,
            "trains": list(self.method.train),
            "out": str(self.out),
        }


def choose(plan: Plan, known: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Chosen]:
    """Each stage's rows, by its name. Raises UsageError where a stage has none, or a pass rate is missing.

    `known` are `kept` and `rejected` of the stages, where they were counted before: it saves the tokenising.
    """
    rates, reader = _pass_rates(plan.curriculum), cache(_reader)
    with quiet():
        views = {path: read_rows(path) for path in dict.fromkeys(map(plan.view_of, plan.stages))}
    chosen = {}
    for rank, stage in enumerate(plan.stages):
        rows = views[plan.view_of(stage)]
        places = _places(rows, plan.capabilities_of(stage))
        if not places:
            raise UsageError(f"stage {stage.name} has no rows in {plan.view_of(stage)}: {_held(rows)}")
        keys = _keys(rows.select(places), rank, rates)
        if known is not None:
            kept, rejected = known[stage.name]["kept"], known[stage.name]["rejected"]
        else:
            found = _admitted(rows.select(places), *reader(plan.model_of(stage)), plan, stage)
            kept, rejected = len(found.kept), dict(Counter(each.code for each in found.rejects).most_common())
        chosen[stage.name] = Chosen(tuple(places), keys, kept, rejected)
    return chosen


def lay_out(plan: Plan, chosen: Mapping[str, Chosen], processes: int = 1) -> list[Leg]:
    """The plan's runs in order, on so many devices. Folders are numbered, so that they list in this order."""
    stages = {stage.name: stage for stage in plan.stages}
    methods = {name: plan.method_of(stage) for name, stage in stages.items()}
    counted = [_counted(name, methods[name], chosen[name].kept, processes) for name in stages]
    if plan.schedule == MERGED:
        mixed = merged(counted, MERGED)
        like = plan.stages[0]
        method = plan.method_of(like, without=("epochs",), steps=mixed.steps)
        return [_leg(plan, like, method, _mixture(chosen), mixed.steps, MERGED, [])]
    blocks = exhaustive(counted) if plan.schedule == "exhaustive" else cyclic(counted)
    width = len(str(len(blocks)))
    legs: list[Leg] = []
    for number, block in enumerate(blocks, 1):
        stage, method, name = stages[block.stage], methods[block.stage], f"{number:0{width}}-{block.stage}"
        if block.epoch is not None:  # rows and adapters are drawn anew each time round
            method = plan.method_of(stage, epochs=1, seed=method.seed + block.epoch)
        legs.append(_leg(plan, stage, method, chosen[block.stage], block.steps, name, legs))
    return legs


def _counted(name: str, method: Method, rows: int, processes: int) -> Stage:
    try:
        return Stage(name, method.planned_steps(rows, processes), method.epochs)
    except UsageError as error:
        raise UsageError(f"stage {name}: {error}") from None


def _leg(
    plan: Plan, stage: StageOptions, method: Method, chosen: Chosen, steps: int, name: str, before: Sequence[Leg]
) -> Leg:
    previous = str(before[-1].out / MODEL) if before else plan.model
    return Leg(
        name,
        MERGED if name == MERGED else stage.name,
        method,
        previous if stage.model == PREVIOUS else stage.model,
        plan.view_of(stage),
        _ordered(chosen, plan.curriculum),
        chosen.kept,
        chosen.rejected,
        steps,
        plan.out / name,
    )


def _mixture(chosen: Mapping[str, Chosen]) -> Chosen:
    """The rows of all stages, each once, in the view's order."""
    rows = {place: row for each in chosen.values() for place, row in zip(each.places, each.rows, strict=True)}
    if len(rows) < sum(len(each.places) for each in chosen.values()):
        raise UsageError("two stages share rows; a merged run would train on them once: keep the stages' rows apart")
    places = sorted(rows)
    rejected = sum((Counter(each.rejected) for each in chosen.values()), Counter())
    return Chosen(tuple(places), tuple(map(rows.__getitem__, places)), sum(e.kept for e in chosen.values()), rejected)


def _ordered(chosen: Chosen, curriculum: Curriculum | None) -> tuple[int, ...]:
    """The places in training order: the curriculum's, else the view's (the trainer shuffles them)."""
    if curriculum is None:
        return chosen.places
    order = arrange(chosen.rows, curriculum.difficulty is not None, curriculum.capability, curriculum.seed)
    return tuple(chosen.places[at] for at in order)


def _places(rows: datasets.Dataset, capabilities: Sequence[str] | None) -> list[int]:
    if capabilities is None:
        return list(range(len(rows)))
    return [place for place, stage in enumerate(rows.select_columns(["stage"])["stage"]) if stage in capabilities]


def _held(rows: datasets.Dataset) -> str:
    counts = Counter(rows.select_columns(["stage"])["stage"])
    return "it has " + (", ".join(f"{stage} {count:,}" for stage, count in counts.items()) or "no rows at all")


def _keys(rows: datasets.Dataset, rank: int, rates: _Rates | None) -> tuple[Row, ...]:
    """What the curriculum looks at. A row is named by its text too: an example may stand there with several."""
    table = rows.select_columns([name for name in ("id", "text_id", "meta") if name in rows.column_names]).to_list()
    return tuple(
        Row(
            f"{row['id']} {row.get('text_id') or ''}".rstrip(),
            rank,
            None if rates is None else rates.of(row),
        )
        for row in table
    )


@dataclass(frozen=True, slots=True)
class _Rates:
    """Pass rates by a key of the rows' `meta`, or by their id in a file."""

    key: str | None = None
    by_id: Mapping[str, float] | None = None

    def of(self, row: Mapping[str, Any]) -> float | None:
        if self.by_id is not None:
            return self.by_id.get(row["id"])
        value = json.loads(row["meta"] or "{}").get(self.key)
        return float(value) if isinstance(value, int | float) else None


def _pass_rates(curriculum: Curriculum | None) -> _Rates | None:
    if curriculum is None or curriculum.difficulty is None:
        return None
    if (file := curriculum.file) is None:
        return _Rates(key=curriculum.difficulty.removeprefix("meta."))
    try:
        listed = json.loads(file.read_text("utf-8"))
        return _Rates(by_id={str(each["id"]): float(each["pass_rate"]) for each in listed})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"difficulty: {file} is neither meta.KEY nor a JSON file of {{id, pass_rate}} ({error}); write one with: "
            'perceptdata sql "select example_id as id, avg(value) as pass_rate from … group by id" --json'
        ) from error


def _admitted(rows: datasets.Dataset, reader: Reader, context: int | None, plan: Plan, stage: StageOptions) -> Measured:
    method = plan.method_of(stage)
    try:
        with quiet():
            return admit(rows, reader, context, make_format(method), method)
    except UsageError as error:
        raise UsageError(f"stage {stage.name}: {error}") from None


def _reader(source: str) -> tuple[Reader, int | None]:
    """A checkpoint's tokenizer and processor, and its context."""
    import transformers

    config = transformers.AutoConfig.from_pretrained(str(Path(source).expanduser()))
    return Reader.read(source), getattr(config.get_text_config(), "max_position_embeddings", None)
