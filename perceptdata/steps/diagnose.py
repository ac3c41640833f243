"""Diagnose: the same items asked under several conditions, each a layer of responses, so that they can be compared.

    Diagnose(endpoint={…}, condition="oracle", n=4, temperature=0.7)
    diagnose(ws, "diag", {"endpoint": {…}}, CONDITIONS)       # every condition, with scores: what the verb does

What is shown under each condition is in `diagnosis.conditions`. Asking, resuming and paying are those of `generate`: a
run that is killed or stopped by its budget goes on, and no answer is bought twice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field

from perceptdata import llm
from perceptdata.diagnosis.conditions import BLANKED, PREFILLED, WITH_FACTS, Blank, Condition, blank, opened_with
from perceptdata.diagnosis.continuation import Continuation, detect, without_echo
from perceptdata.errors import Rejected, UsageError
from perceptdata.example import Example, Image
from perceptdata.layers import Reject, Response
from perceptdata.manifest import digest
from perceptdata.packs import ImageStore, PackWriter
from perceptdata.shard import IMAGES
from perceptdata.steps.answered import GenerateWork
from perceptdata.steps.declared import make_step
from perceptdata.steps.generate import Generate
from perceptdata.steps.prompt import Prompt, prompt_of
from perceptdata.steps.run import Outcome, plan_step, run_step
from perceptdata.steps.step import Shard
from perceptdata.workspace import REJECTS, layer_room

if TYPE_CHECKING:
    from collections.abc import Callable

    from perceptdata.steps.step import Watch
    from perceptdata.workspace import Workspace

FORMAT = "describe_think_boxed"
RESPONSES = layer_room("responses")
# Whoever asks for the facts, or for one of them, has nothing to reason: such rows are asked only of sources, or under a
# `where`, that have no others.
_ROWS = """
    with fit as (
        select id, "group", source.builder as builder, facts is not null as told, to_json(images) as images,
            stage = 'visual_reasoning' as reasons
        from examples
        where len(images) > 0 and stage <> 'textual_reasoning' and answer.text is distinct from facts
          and answer.checker.name is distinct from 'family_perception' and ({where}
        )
    ),
    kept as (select * from fit qualify reasons = bool_or(reasons) over (partition by builder))
    select id, "group", builder, told, images from kept
    qualify row_number() over (partition by builder order by md5(id), id) <= {items}
    order by md5(id), id
"""


class Diagnose(Generate):
    """`condition` says what is shown; `items` is how many rows of each source are asked at most, the same ones every
    time. `where` chooses among the rows with images (SQL). Of each source those of visual reasoning are asked, others
    where it has none; rows that ask for the facts themselves, and textual twins, never.
    """

    do: ClassVar[str] = "diagnose"
    condition: Condition = "image"
    items: int = Field(default=300, ge=1)
    format: dict[str, Any] = Field(default_factory=lambda: {"use": FORMAT})

    def identity(self) -> dict[str, Any]:
        """As of `generate`, and which items are asked how."""
        return {**super().identity(), "condition": self.condition, "items": self.items}

    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        """One shard for each shard of examples of which some are asked."""
        chosen = self._chosen(ws)
        if self.condition in PREFILLED:
            opened_with(self.form, "x")  # a format that has no place for facts ends it here
        shards = []
        for shard in super().plan(ws, name):
            assert isinstance(shard.work, GenerateWork)  # the base class's promise
            ids = pq.read_table(shard.work.examples, columns=["id"]).column("id").to_pylist()
            asked = {id: chosen[id] for id in ids if id in chosen}
            if asked:
                given = {name: getattr(shard.work, name) for name in GenerateWork.__dataclass_fields__}
                work = AskWork(**given, condition=self.condition, asked=asked)
                seen = [[id, [image.sha256 for image in images]] for id, images in asked.items()]
                shards.append(Shard(shard.name, digest(shard.digest, seen), shard.about, work))
        if not shards:
            raise UsageError(
                "there is nothing to diagnose: no row with an image"
                + (" and facts" if self.condition in WITH_FACTS else "")
                + " fits; build some, or widen --where"
            )
        return shards

    def images(self, ws: Workspace) -> ImageStore:
        """Those of the workspace; with blank ones of the same sizes where these are shown."""
        if self.condition not in BLANKED:
            return ws.images
        sizes = {(image.width, image.height) for images in self._chosen(ws).values() for image in images}
        drawn = [blank(*size) for size in sorted(sizes)]
        pack = ws.path / "cache" / self.do / f"blank-{digest([each.sha256 for each in drawn])[:16]}.arrow"
        if not pack.exists():
            pack.parent.mkdir(parents=True, exist_ok=True)
            _pack(pack, drawn)
        return ImageStore([*(ws.file(file) for _, _, _, file in ws.shards(IMAGES)), pack])

    def _chosen(self, ws: Workspace) -> dict[str, tuple[Image, ...]]:
        """The rows that are asked, and the pictures that each is shown; its own unless they are shuffled."""
        query = _ROWS.format(where=self.where or "true", items=self.items)
        rows = ws.sql(query).fetchall()
        found: dict[str, tuple[Image, ...]] = {}
        for at, (id, group, builder, told, _) in enumerate(rows):
            if self.condition in WITH_FACTS and not told:
                continue
            source = rows[at] if self.condition != "shuffled" else _other(rows, at, group, builder)
            if source is not None:
                found[id] = tuple(_images(source[4]))
        return found


def _other(rows: Sequence[Any], at: int, group: str, builder: str) -> Any:
    """The next row of the same source about another picture, with as many of them; None where there is none."""
    count = len(_images(rows[at][4]))
    for step in range(1, len(rows)):
        other = rows[(at + step) % len(rows)]
        if other[2] == builder and other[1] != group and len(_images(other[4])) == count:
            return other
    return None


def _images(told: str) -> list[Image]:
    return [Image(**each) for each in json.loads(told)]


def _pack(path: Path, drawn: Sequence[Blank]) -> None:
    beside = path.with_suffix(".part")
    with PackWriter(beside) as writer:
        for each in drawn:
            writer.add(each)
    beside.replace(path)


@dataclass(frozen=True, slots=True)
class AskWork(GenerateWork):
    """One shard of answers under one condition; `asked` are its rows, with the pictures that are shown."""

    condition: Condition = "image"
    asked: Mapping[str, tuple[Image, ...]] = field(default_factory=dict)

    def _chosen(self) -> list[str]:
        return list(self.asked)

    def _read(self) -> Iterator[Example]:
        table = pq.read_table(self.examples)
        table = table.filter(pc.is_in(table.column("id"), value_set=pa.array(list(self.asked), pa.string())))
        for row in table.to_pylist():
            yield Example.from_row(row)

    def _prompt(self, example: Example, captions: Mapping[str, str]) -> Prompt | Reject:
        try:
            prompt = self._shown(example)
            self._check_length(prompt, example)
        except Rejected as error:
            return self._reject(example, error)
        return prompt

    def _shown(self, example: Example) -> Prompt:
        if self.condition == "removed":
            return prompt_of(example, "nothing", self.form)
        if self.condition == "facts":
            return prompt_of(example, "facts", self.form)
        prompt = prompt_of(example, "image", self.form)
        shown = self.asked[example.id]
        hashes = [blank(image.width, image.height).sha256 for image in shown] if self.condition in BLANKED else None
        prompt = replace(prompt, images=tuple(hashes or [image.sha256 for image in shown]))
        if self.condition in PREFILLED:
            prompt = replace(prompt, prefill=opened_with(self.form, example.facts or ""))
        return prompt

    def _response(
        self, example: Example, address: str, sample: int, prompt: Prompt, reply: llm.Reply | None
    ) -> Response:
        if reply is not None and prompt.prefill:
            reply = replace(reply, text=without_echo(prompt.prefill, reply.text))
        # The two-argument form: a dataclass with slots is another class than the one that is written here.
        made = GenerateWork._response(self, example, address, sample, prompt, reply)
        return made.model_copy(update={"meta": {**made.meta, "condition": self.condition}})


class Asked(NamedTuple):
    """What asking did: an outcome a step, and whether the endpoint continued what was opened for it."""

    outcomes: list[Outcome]
    continuation: Continuation
    left_out: dict[str, str]

    @property
    def stopped(self) -> str | None:
        """Why some answers are missing; None where all are there."""
        return next((each.stopped for each in self.outcomes if each.stopped), None)


LOCAL = Continuation(dialect=None, honoured=True, words=())
"""A local model's turn is opened by us."""


def layer_of(name: str, condition: Condition) -> str:
    """The step that holds a condition's answers; its scores are in `<this>_score`."""
    return f"{name}_{condition}"


def diagnose(
    ws: Workspace,
    name: str,
    options: Mapping[str, Any],
    conditions: Sequence[Condition],
    watch: Callable[[str], Watch] | None = None,
) -> Asked:
    """Ask every condition, and score the answers; the caller holds the lock. What is there already is kept.

    Conditions that open the model's answer are left out where its endpoint ignores that. Raises what steps raise, and
    UsageError where no row is answered with its picture, such as by a model that takes none.
    """
    options, continuation = _prefilled(ws, name, options, conditions)
    outcomes: list[Outcome] = []
    left_out: dict[str, str] = {}
    for condition in conditions:
        if condition in PREFILLED and continuation.honoured is False:
            left_out[condition] = "the endpoint ignores what its answer was opened with"
            continue
        layer = layer_of(name, condition)
        try:
            step = _made(options, condition)
            done = run_step(ws, layer, step, watch=(watch or _unwatched)(layer))
        except UsageError as error:
            if condition not in WITH_FACTS or "nothing to diagnose" not in str(error):
                raise
            left_out[condition] = "no row has facts"
            continue
        outcomes.append(done)
        if ws.shards(RESPONSES, layer):
            form = {"from": layer, "format": step.format}
            outcomes.append(run_step(ws, f"{layer}_score", make_step("score", form)))
        elif done.stopped is None:
            why = _unanswered(ws, layer)
            if condition == "image":
                raise UsageError(f"no row was answered with its picture: {why}")
            left_out[condition] = f"no row was answered: {why}"
    return Asked(outcomes, continuation, left_out)


def _unanswered(ws: Workspace, layer: str) -> str:
    """Why none was: the reason that most rows have, in the words of the first."""
    rows = ws.rejects(layer).to_table(columns=["code", "message"]).to_pylist() if ws.shards(REJECTS, layer) else []
    if not rows:
        return "none came back"
    code, many = Counter(row["code"] for row in rows).most_common(1)[0]
    first = next(row["message"] for row in rows if row["code"] == code)
    return f"{first} ({many:,} rows, {code})"


def foresee(ws: Workspace, name: str, options: Mapping[str, Any], conditions: Sequence[Condition]) -> dict[str, Any]:
    """What `diagnose` would send, by condition and in all. Nothing is sent; the canaries are not counted."""
    found: dict[str, Any] = {}
    for condition in conditions:
        layer = layer_of(name, condition)
        step = _made(options, condition)
        try:
            plan = plan_step(ws, layer, step)
        except UsageError as error:
            if condition not in WITH_FACTS or "nothing to diagnose" not in str(error):
                raise
            continue
        found[condition] = step.estimate(ws, layer, plan.todo)
    keys = ("requests", "cached", "calls", "prompt_tokens", "completion_tokens", "cost", "gpu_hours")
    total = {
        key: None if any(each[key] is None for each in found.values()) else sum(each[key] for each in found.values())
        for key in keys
    }
    return {"conditions": found, "total": total}


def _prefilled(
    ws: Workspace, name: str, options: Mapping[str, Any], conditions: Sequence[Condition]
) -> tuple[dict[str, Any], Continuation]:
    """The options with the dialect that the endpoint understands, and without a prefill where it understands none."""
    step = _made(options, "image")
    endpoint = step.endpoint
    if endpoint is None:
        return dict(options), LOCAL
    if not step.form.prefill and not set(PREFILLED) & set(conditions):
        return dict(options), Continuation(dialect=None, honoured=None)
    with llm.ReplyCache(ws.path / llm.REPLIES, step=f"{name}_canary") as replies:
        found = detect(endpoint, replies, budget=step.budget)
    said = dict(options)
    if found.honoured:
        said["endpoint"] = endpoint.model_copy(update={"prefill": found.dialect})
    elif found.honoured is False:
        said["format"] = {**step.format, "prefill": ""}
    return said, found


def _made(options: Mapping[str, Any], condition: Condition) -> Diagnose:
    step = make_step("diagnose", {**options, "condition": condition})
    assert isinstance(step, Diagnose)  # what its name stands for
    return step


def _unwatched(layer: str) -> Watch:
    return lambda done, total, rows: None
