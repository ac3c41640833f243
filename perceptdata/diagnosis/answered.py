"""The table that every number of a diagnosis is made of: one row an answer, read from layers.

    table = read(ws, "diag", CONDITIONS, form)
    table.column("right")           # 1, 0, or null where the answer could not be scored

| column        | is                                                                                        |
|---------------|-------------------------------------------------------------------------------------------|
| `id`, `group` | the item, and its picture or scene: items of a group are alike, and are drawn together     |
| `item`        | a hash of question, answer and facts: the same item has the same one in any workspace      |
| `condition`, `sample` | what was shown, and which of its answers this is                                   |
| `right`       | of the answer, against the gold one                                                        |
| `seen`        | of the description, against the facts: 1 where it states exactly them (`a_p`)              |
| `seen_part`   | the same in part                                                                           |
| `reasoned`    | whether the answer is right for the scene *as described*, be it the true one or not        |
| `state`       | right, wrong, unparsed (no answer could be read), or unscored                              |
| `cut`         | the answer ended at its limit of tokens                                                    |
| `tokens`, `described` | length, and the share of its characters that describe                              |
| `family`, `size`, `difficulty`, `prior` | what items are told apart by                                     |

Descriptions are compared exactly where a family drew the scene (`exact`), else fact by fact with the words of the facts
(`rewards.surrogates.matching`), which knows no synonyms: `a_p` is a lower bound there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from perceptdata.errors import PerceptDataError, UsageError
from perceptdata.example import Example
from perceptdata.formats import Format
from perceptdata.layers import CORRECT
from perceptdata.manifest import digest
from perceptdata.plugins import Rollout
from perceptdata.rewards.perception import perception
from perceptdata.rewards.scene import description_of, family_of
from perceptdata.rewards.surrogates.matching import Finding, facts_of, look, worth
from perceptdata.workspace import EXAMPLES, layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

UNPARSED = "format"  # the rung of a score whose answer could not be read
LEVELS = ("difficulty", "level", "grade")
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("item", pa.string()),
        ("group", pa.string()),
        ("family", pa.string()),
        ("size", pa.string()),
        ("difficulty", pa.string()),
        ("prior", pa.string()),
        ("exact", pa.bool_()),
        ("condition", pa.string()),
        ("sample", pa.int32()),
        ("right", pa.float64()),
        ("seen", pa.float64()),
        ("seen_part", pa.float64()),
        ("reasoned", pa.float64()),
        ("state", pa.string()),
        ("cut", pa.bool_()),
        ("restarted", pa.bool_()),
        ("tokens", pa.int32()),
        ("described", pa.float64()),
    ]
)


def read(
    ws: Workspace,
    layers: Mapping[str, str],
    form: Format,
    difficulty: Callable[[Example], str | None] | None = None,
) -> pa.Table:
    """The answers of these layers, condition to step; of each step the scores are in `<step>_score`.

    Shard by shard, so that only one is in memory beside the table. Raises UsageError where a layer is not there.
    """
    tables = [SCHEMA.empty_table()]
    for condition, step in layers.items():
        ws.layer(step, "responses")
        scores = {entry.about: file for _, _, entry, file in ws.shards(layer_room("scores"), f"{step}_score")}
        files = {f"{source}/{shard}": file for source, shard, _, file in ws.shards(EXAMPLES)}
        for _, _, entry, file in ws.shards(layer_room("responses"), step):
            if entry.about not in scores or entry.about not in files:
                raise UsageError(f"the answers of {step} are not scored; run perceptdata diagnose again")
            said = pq.read_table(ws.file(file)).to_pylist()
            found = pq.read_table(ws.file(scores[entry.about])).to_pylist()
            right = {row["text_id"]: row for row in found if row["name"] == CORRECT}
            wanted = pa.array(sorted({row["example_id"] for row in said}), pa.string())
            held = pq.read_table(ws.file(files[entry.about]))
            rows = held.filter(pc.is_in(held.column("id"), value_set=wanted)).to_pylist()
            examples = {row["id"]: Example.from_row(row) for row in rows}
            made = list(_rows(condition, said, right, examples, form, difficulty or level_of))
            tables.append(pa.Table.from_pylist(made, SCHEMA))
    return pa.concat_tables(tables).combine_chunks()


def _rows(
    condition: str,
    said: Sequence[Mapping[str, Any]],
    scored: Mapping[str, Mapping[str, Any]],
    examples: Mapping[str, Example],
    form: Format,
    difficulty: Callable[[Example], str | None],
) -> Iterator[dict[str, Any]]:
    rollouts = [Rollout(examples[row["example_id"]], row["text"]) for row in said]
    known = {example.id: _traits(example, difficulty) for example in examples.values()}
    exact = perception(rollouts, form)
    dense = perception(rollouts, form, dense=True)
    for row, rollout, strict, part in zip(said, rollouts, exact, dense, strict=True):
        score = scored.get(row["text_id"]) or {}
        description = description_of(rollout.response, form)
        seen, in_part = strict.value, part.value
        if strict.reason == "no_scene":
            seen, in_part = _matched(rollout.example, description)
        opened = condition in ("oracle", "oracle_blank", "facts")
        yield {
            **known[rollout.example.id],
            "exact": strict.reason != "no_scene",
            "condition": condition,
            "sample": row["sample"],
            "right": score.get("value"),
            "seen": None if opened else seen,
            "seen_part": None if opened else in_part,
            "reasoned": None if opened else _reasoned(rollout, description, form),
            "state": _state(score),
            "cut": row["finish_reason"] == "length",
            "restarted": condition in ("oracle", "oracle_blank") and _restarted(rollout, form),
            "tokens": row["completion_tokens"],
            "described": len(description or "") / len(rollout.response) if rollout.response else 0.0,
        }


def _traits(example: Example, difficulty: Callable[[Example], str | None]) -> dict[str, Any]:
    checker = example.answer.checker
    family = checker.args.get("family") if checker is not None else None
    prior = example.meta.get("prior")
    return {
        "id": example.id,
        "item": digest(example.question, example.choices, example.answer.text, example.facts)[:16],
        "group": example.group,
        "family": str(family or example.source.builder),
        "size": size_of(example),
        "difficulty": difficulty(example),
        "prior": str(prior) if prior in ("aligned", "counter") else None,
    }


def size_of(example: Example) -> str | None:
    """How much there is to perceive: facts in the facts, by powers of two; rows times columns of a grid.

    None without facts.
    """
    if not example.facts:
        return None
    try:
        told = json.loads(example.facts)
    except ValueError:
        count = len(facts_of(example.facts))
    else:
        count = _leaves(told)
    low = 1 << max(count.bit_length() - 1, 0)
    return f"{low} to {2 * low - 1} facts"


def _leaves(told: Any) -> int:
    if isinstance(told, dict):
        return sum(map(_leaves, told.values()))
    if isinstance(told, list):
        flat = not any(isinstance(each, list | dict) for each in told)
        return 1 if flat and len(told) == 2 else sum(map(_leaves, told))
    return 1


def level_of(example: Example) -> str | None:
    """What the source says of how hard an item is."""
    found = next((example.meta[name] for name in LEVELS if example.meta.get(name) is not None), None)
    return None if found is None else str(found)


def _matched(example: Example, description: str | None) -> tuple[float | None, float | None]:
    """Whether every fact is stated, and the share that is; None without facts."""
    if not example.facts:
        return None, None
    if description is None:
        return 0.0, 0.0
    found = look(facts_of(example.facts), facts_of(description))
    return float(bool(found) and all(each is Finding.STATED for each in found)), worth(found)


def _reasoned(rollout: Rollout, description: str | None, form: Format) -> float | None:
    """Whether the answer solves what the description states; None where no family can tell, or none is stated."""
    try:
        family = family_of(rollout.example)
        scene = None if family is None or description is None else family.parse(description)
        if family is None or scene is None:
            return None
        answer = form.parse(rollout.response).answer
        return 0.0 if answer is None else family.check(answer, scene)
    except PerceptDataError:  # the stated scene is none that can be asked about
        return None


def _state(score: Mapping[str, Any]) -> str:
    value = score.get("value")
    if value is None:
        return "unscored"
    meta = json.loads(score["meta"]) if isinstance(score["meta"], str) else score["meta"]
    if meta.get("rung") == UNPARSED:
        return "unparsed"
    return "right" if value >= 0.5 else "wrong"


def _restarted(rollout: Rollout, form: Format) -> bool:
    """Whether the model began anew behind what its answer was opened with: a second description, or the facts again."""
    if form.parse(rollout.response).reason == "tag_repeated":
        return True
    facts = (rollout.example.facts or "").strip()
    at = rollout.response.find(facts)
    after = rollout.response[at + len(facts) :].lstrip() if facts and at >= 0 else ""
    return bool(facts) and after.startswith(facts)
