"""From a workspace whose answers are there to a diagnosis: the layers are read, and every part is concluded.

found, table = whole(ws, "diag", layers, form, model="m", continuation=told)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from perceptdata import llm
from perceptdata.diagnosis.answered import read
from perceptdata.diagnosis.continuation import Continuation
from perceptdata.diagnosis.diagnosis import Diagnosis, Helpful, conclude, trusted
from perceptdata.diagnosis.shares import Role, dependency, over_training
from perceptdata.errors import UsageError
from perceptdata.formats import Format
from perceptdata.rewards.mixture import Mixture
from perceptdata.rewards.reliability import Standing, measure
from perceptdata.rewards.rollouts import rollouts_of
from perceptdata.workspace import layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

SURROGATES = ("consensus", "solver", "wellformed")
"""Those that need nothing but the answers; `perceptdata rewards probe` measures the others."""
MOST_ROLLOUTS = 4000


def whole(
    ws: Workspace,
    name: str,
    layers: Mapping[str, str],
    form: Format,
    *,
    model: str,
    continuation: Continuation,
    left_out: Mapping[str, str] | None = None,
    scores: str | None = None,
    run: Path | None = None,
) -> tuple[Diagnosis, pa.Table]:
    """The diagnosis and its answers. `layers` names the step of each condition; `scores` a dependency step over the
    answers to the picture; `run` the folder of the training that made the model.
    """
    table, why = trusted(read(ws, layers, form))
    left = dict(left_out or {})
    if why is not None:
        left |= dict.fromkeys(set(layers) & {"oracle", "oracle_blank"}, why)
    found = conclude(
        name,
        table,
        model=model,
        format={"use": form.name, **form.options()},
        continuation=continuation,
        surrogates=helpful(ws, layers["image"], form) if "image" in layers else (),
        roles=roles(ws, layers["image"], scores, form) if scores else (),
        training=over_training(run) if run else None,
        left_out=left,
        rejected=_rejected(ws, list(layers.values())),
        spent=_spent(ws, list(layers.values())),
    )
    return found, table


def helpful(ws: Workspace, step: str, form: Format) -> list[Helpful]:
    """The surrogates that need no endpoint, by the gate of `rewards.reliability`; none where no scenes are known."""
    rollouts = rollouts_of(ws, step)[:MOST_ROLLOUTS]
    try:
        with Mixture.of({"outcome": 1.0}, form, surrogates=dict.fromkeys(SURROGATES, 1.0)) as mixture:
            standings = measure(mixture, rollouts, form)
    except UsageError:  # fewer scenes than a probe needs: nothing can be said of surrogates
        return []
    return [_helpful(each) for each in standings]


def roles(ws: Workspace, step: str, scores: str, form: Format) -> list[Role]:
    """What each part of the answers owes to the picture. Raises UsageError where the scores are of other texts."""
    texts = {
        row["text_id"]: row["text"]
        for row in ws.layer(step, "responses").to_table(columns=["text_id", "text"]).to_pylist()
    }
    columns, mine = ["text_id", "values", "start"], pc.field("text_id").isin(list(texts))
    there = ws.shards(layer_room("token_scores"), scores)
    rows = ws.layer(scores, "token_scores").to_table(columns=columns, filter=mine).to_pylist() if there else []
    if not rows:
        raise UsageError(
            f"'{scores}' scored no answer of {step}; run: perceptdata dependency --from {step} --name {scores} --model "
            f"FOLDER --format {form.name}"
        )
    return dependency(rows, texts, form)


def _helpful(standing: Standing) -> Helpful:
    r = standing.overall if standing.within.value is None else standing.within
    return Helpful(name=standing.name, value=r.value, low=r.low, high=r.high, passes=standing.passes)


def _rejected(ws: Workspace, steps: list[str]) -> dict[str, int]:
    """Reasons of the rows that have no answer, over all conditions."""
    found: Counter[str] = Counter()
    for step in steps:
        if step in ws.manifest.steps:
            for entry in ws.manifest.steps[step].current.shards.values():
                found.update(entry.rejected)
    return dict(found.most_common())


def _spent(ws: Workspace, steps: list[str]) -> dict[str, object]:
    """Calls, tokens and money of all conditions; empty where no endpoint was asked."""
    path = ws.path / llm.REPLIES
    if not path.exists():
        return {}
    with llm.ReplyCache(path) as replies:
        known = replies.ledgers()
    mine = [known[step].to_json() for step in steps if step in known]
    names = ("calls", "cached", "prompt_tokens", "completion_tokens", "cost")
    total: dict[str, object] = {}
    for name in names:
        values = [each[name] for each in mine]
        total[name] = None if None in values else sum(values)
    return total if total.get("calls") else {}
