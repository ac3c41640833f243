"""Two views compared: how they are defined, which rows they share, and what each is made of.

    compare_views(ws.view("sft"), ws.view("sft_small")).counts        # {'both': 900, 'only_a': 100, 'only_b': 0, …}

A row is an example with its text; the same row may carry other spans or captions, which the definitions say.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import pyarrow as pa
import pyarrow.compute as pc

from perceptdata.comparison.results import Shown
from perceptdata.comparison.texts import Changed, LayerFindings
from perceptdata.view import View

KEY = ("example_id", "text_id")


def compare_views(a: View, b: View, shown: int = 12, seed: int = 0) -> LayerFindings:
    """Rows that both hold, those that one holds, splits that moved, and shares by stage. `moves` are differing keys."""
    one, other = (view.rows.select([*KEY, "split"]) for view in (a, b))
    counts = {
        "both": one.join(other, list(KEY), join_type="left semi").num_rows,
        "only_a": one.join(other, list(KEY), join_type="left anti").num_rows,
        "only_b": other.join(one, list(KEY), join_type="left anti").num_rows,
        "other_split": 0,
    }
    both = one.join(other, list(KEY), join_type="inner", right_suffix="_b")
    counts["other_split"] = pc.sum(pc.not_equal(both.column("split"), both.column("split_b"))).as_py() or 0
    measures = {f"share of {stage}": (x, y) for stage, (x, y) in _stages(a, b).items()}
    changed = [
        *_rows(a, one.join(other, list(KEY), join_type="left anti"), shown, seed, first=True),
        *_rows(b, other.join(one, list(KEY), join_type="left anti"), shown, seed, first=False),
    ]
    left, right = a.spec.definition(), b.spec.definition()
    notes = [
        f"{key}: {left.get(key, 'as by default')} in {a.name}, {right.get(key, 'as by default')} in {b.name}"
        for key in dict.fromkeys([*left, *right])
        if left.get(key) != right.get(key)
    ]
    same_rows = not counts["only_a"] and not counts["only_b"]
    if same_rows and not one.column("text_id").equals(other.column("text_id")):
        notes.append("the same rows stand in another order")
    if a.fingerprint == b.fingerprint:
        notes.append("both have the same fingerprint: the same definition over the same files")
    return LayerFindings("views", a.name, b.name, counts, measures, changed=tuple(changed), notes=tuple(notes))


def _stages(a: View, b: View) -> dict[str, tuple[float, float]]:
    shares = []
    for view in (a, b):
        counted: dict[str, int] = {}
        for batch in view.batches(images=False):
            for each in pc.value_counts(batch.column("stage")).to_pylist():
                counted[each["values"]] = counted.get(each["values"], 0) + each["counts"]
        shares.append({stage: count / len(view) for stage, count in counted.items()})
    names = sorted({*shares[0], *shares[1]})
    return {name: (round(shares[0].get(name, 0.0), 4), round(shares[1].get(name, 0.0), 4)) for name in names}


def _rows(view: View, rows: pa.Table, shown: int, seed: int, first: bool) -> list[Changed]:
    """Some rows that only this view holds, drawn by a hash, with their pictures."""
    keys = sorted(rows.column("example_id").to_pylist(), key=lambda key: sha256(f"{seed} {key}".encode()).digest())[
        : shown // 2
    ]
    made = []
    for at in _places(view, keys):
        row = view.gather(at).to_pylist()[0]
        asked = Shown(row["question"], row["answer"]["text"], "", tuple(image["bytes"] for image in row["images"]))
        text = row.get("response") or f"{row['stage']}, {row['split']}"
        made.append(Changed(row["id"], text if first else "", "" if first else text, asked))
    return made


def _places(view: View, keys: Sequence[str]) -> list[pa.Array]:
    import numpy as np

    ids = view.rows.column("example_id").to_pylist()
    return [np.array([ids.index(key)]) for key in dict.fromkeys(keys)]
