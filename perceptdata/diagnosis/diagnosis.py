"""A diagnosis: every number of one model on one set of items, as one record, and as files that others compare with.

found = conclude("diag", table, model="m", continuation=told)
save(found, table, Path("ws/diagnosis/diag"))        # diagnosis.json, answers.parquet
found, table = load(Path("ws/diagnosis/diag"))
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from perceptdata.agreement.significance import FEWEST_GROUPS, FEWEST_ITEMS
from perceptdata.diagnosis.answered import SCHEMA
from perceptdata.diagnosis.attribution import Attribution, exactly
from perceptdata.diagnosis.continuation import Continuation
from perceptdata.diagnosis.coupling import Coupling, coupling
from perceptdata.diagnosis.rates import Rates, all_rates, condition
from perceptdata.diagnosis.shares import Role, Training
from perceptdata.diagnosis.shortcuts import Shortcuts, shortcuts
from perceptdata.errors import UsageError
from perceptdata.manifest import digest, disk_error, write_atomically
from perceptdata.records import Record

VERSION = 2
DIAGNOSIS, ANSWERS = "diagnosis.json", "answers.parquet"
MANY_RESTARTS = 0.2
"""Of prefilled answers: where more begin anew they are not counted, whatever the canaries say."""


class Helpful(Record):
    """A surrogate for perception on these answers: r within items where there are several each, and whether it passes
    the gate of `rewards.reliability`.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    passes: bool | None


class Diagnosis(Record):
    """See the fields' own records. `rates[0]` is of all items; `notes` are what a reader must know, a sentence each."""

    version: int
    name: str
    model: str
    format: dict[str, Any]
    items: str
    rates: tuple[Rates, ...]
    coupling: Coupling
    surrogates: tuple[Helpful, ...]
    shortcuts: Shortcuts
    errors: Attribution
    judged: Attribution | None
    roles: tuple[Role, ...]
    training: Training | None
    continuation: Continuation
    left_out: dict[str, str]
    rejected: dict[str, int]
    spent: dict[str, Any]
    notes: tuple[str, ...]

    @property
    def overall(self) -> Rates:
        """Of all items."""
        return self.rates[0]

    @property
    def sentence(self) -> str:
        """What a person is told first."""
        limit = self.overall.bottleneck
        return {
            "perception": f"Perception is the bottleneck: with the facts given, {_percent(limit.perfect_perception)} "
            f"of the answers are right instead of {_percent(limit.a)}.",
            "reasoning": f"Reasoning is the bottleneck: even with the facts given, only "
            f"{_percent(limit.perfect_perception)} of the answers are right.",
            "neither": "Neither perception nor reasoning is surely the bottleneck.",
            "too few": f"Fewer than {FEWEST_ITEMS} items or {FEWEST_GROUPS} scenes: intervals are shown, and nothing "
            "is concluded.",
            "unknown": "The bottleneck cannot be told: perception, or reasoning from given facts, was not measured.",
        }[limit.verdict]


def conclude(
    name: str,
    table: pa.Table,
    *,
    model: str,
    format: Mapping[str, Any],
    continuation: Continuation,
    surrogates: Sequence[Helpful] = (),
    judged: Attribution | None = None,
    roles: Sequence[Role] = (),
    training: Training | None = None,
    left_out: Mapping[str, str] | None = None,
    rejected: Mapping[str, int] | None = None,
    spent: Mapping[str, Any] | None = None,
) -> Diagnosis:
    """All of it, from the table of answers. Raises UsageError for a table without answers to the picture itself."""
    if not condition(table, "image").num_rows:
        raise UsageError("there are no answers to the picture itself; diagnose with the condition image")
    rates = all_rates(table)
    return Diagnosis(
        version=VERSION,
        name=name,
        model=model,
        format=dict(format),
        items=items_of(table),
        rates=tuple(rates),
        coupling=coupling(table),
        surrogates=tuple(surrogates),
        shortcuts=shortcuts(table),
        errors=exactly(table),
        judged=judged,
        roles=tuple(roles),
        training=training,
        continuation=continuation,
        left_out=dict(left_out or {}),
        rejected=dict(rejected or {}),
        spent=dict(spent or {}),
        notes=tuple(_notes(rates[0], continuation, left_out or {}, _of_training(table))),
    )


def items_of(table: pa.Table) -> str:
    """A hash that is the same for the same items."""
    image = condition(table, "image")
    return digest(sorted(set(zip(image.column("id").to_pylist(), image.column("item").to_pylist(), strict=True))))[:16]


def trusted(table: pa.Table) -> tuple[pa.Table, str | None]:
    """The table without prefilled answers where too many of them begin anew; and why, if so."""
    prefilled = condition(table, "oracle")
    again = sum(prefilled.column("restarted").to_pylist())
    if not prefilled.num_rows or again <= MANY_RESTARTS * prefilled.num_rows:
        return table, None
    kept = pc.invert(pc.is_in(table.column("condition"), value_set=pa.array(["oracle", "oracle_blank"])))
    return table.filter(kept), (
        f"{again} of {prefilled.num_rows} answers begin anew behind the facts that they were opened with: the endpoint "
        "ignores the prefill, or the model does not go on from it"
    )


def save(found: Diagnosis, table: pa.Table, folder: Path) -> list[Path]:
    """Leave the record and its answers in a folder. Raises WorkspaceError for a full disk."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder / f".{ANSWERS}"
        pq.write_table(table, beside)
        beside.replace(folder / ANSWERS)
    except OSError as error:
        raise disk_error(error, folder) from error
    text = json.dumps(to_json(found), ensure_ascii=False, indent=1)
    write_atomically(folder / DIAGNOSIS, text.encode())
    return [folder / DIAGNOSIS, folder / ANSWERS]


def load(folder: Path) -> tuple[Diagnosis, pa.Table]:
    """What `save` left. Raises UsageError for a folder that holds no diagnosis, or one of another version."""
    path = folder / DIAGNOSIS
    if not path.exists() or not (folder / ANSWERS).exists():
        raise UsageError(f"{folder} holds no diagnosis; name the folder that perceptdata diagnose wrote")
    try:
        said = json.loads(path.read_text("utf-8"))
        version = said.get("version")
        known = {key: value for key, value in said.items() if key in Diagnosis.model_fields}
        found = Diagnosis.model_validate(known) if version == VERSION else None
    except ValueError as error:
        raise UsageError(f"{path} cannot be read ({str(error).splitlines()[0]}); diagnose anew") from error
    if found is None:
        raise UsageError(f"{path} is of version {version}, and this perceptdata reads {VERSION}; diagnose anew")
    return found, pq.read_table(folder / ANSWERS, schema=SCHEMA)


def to_json(found: Diagnosis) -> dict[str, Any]:
    """Plain values, with the conclusion."""
    plain: dict[str, Any] = found.model_dump(mode="json")
    return {"conclusion": found.sentence, "reads": found.shortcuts.reads, **plain}


def _of_training(table: pa.Table) -> int:
    """How many items are of a split for training, as their ids tell: `<source>/<split>/<key>`."""
    ids = set(condition(table, "image").column("id").to_pylist())
    return sum(id.partition("/")[2].startswith("train") for id in ids)


def _notes(overall: Rates, continuation: Continuation, left_out: Mapping[str, str], of_training: int) -> list[str]:
    notes = []
    if of_training:
        notes.append(
            f"{of_training} of {overall.items} items are of a split for training: ask a model that was trained on them "
            "others, with --where \"source.split = 'test'\""
        )
    if overall.items < FEWEST_ITEMS:
        notes.append(f"{overall.items} items are too few to conclude from; ask {FEWEST_ITEMS} or more")
    if overall.perceived in ("matched", "mixed"):
        notes.append(
            "where no family drew the scene, descriptions are compared with the facts word by word: a_p is a lower "
            "bound there"
        )
    if continuation.honoured is False:
        notes.append("the endpoint ignores what an answer is opened with: a_r is from facts in the question, text only")
    if continuation.honoured is None and any(each.condition == "oracle" for each in overall.answers):
        notes.append("it could not be told whether the endpoint continues an opened answer; compare a_r with text only")
    notes += [f"{name} is left out: {why}" for name, why in left_out.items()]
    unparsed, cut = next(
        ((each.states.get("unparsed", 0), each.cut) for each in overall.answers if each.condition == "image"), (0, 0)
    )
    answers = overall.a.answers
    if answers and unparsed / answers > 0.1:
        notes.append(
            f"{unparsed} of {answers} answers could not be read: they count as wrong in `a`, and apart in the table"
        )
    if answers and cut / answers > 0.1:
        notes.append(f"{cut} of {answers} answers were cut off: ask again with a higher --max-tokens")
    return notes


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"
