"""Two layers of one workspace compared: captions or responses text by text, spans clause by clause.

    compare_texts(ws, "caps_a", "caps_b", "captions").same
    compare_spans(ws, "tags", "llm_tags").changed

Texts are matched by what they are of (an image, an example) and their sample; spans by the text they label. Layers hold
what was made, so nothing is better or worse here: it is the same, or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from perceptdata.agreement.disagreements import disagreements, disputed
from perceptdata.agreement.reading import read
from perceptdata.agreement.units import refine
from perceptdata.comparison.results import Shown
from perceptdata.example import split_text_id

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace


class Changed(NamedTuple):
    """One text or clause that differs: what it is of, both sides, and what a person looks at."""

    of: str
    a: str
    b: str
    asked: Shown


@dataclass(frozen=True)
class LayerFindings:
    """`counts` says how many are the same, changed, and only on one side; `measures` are numbers of each side."""

    kind: str
    a: str
    b: str
    counts: dict[str, int]
    measures: dict[str, tuple[float, float]] = field(default_factory=dict)
    moves: dict[str, int] = field(default_factory=dict)
    changed: tuple[Changed, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values; pictures left out."""
        return {
            "kind": self.kind,
            "a": self.a,
            "b": self.b,
            "counts": self.counts,
            "measures": {name: {"a": one, "b": other} for name, (one, other) in self.measures.items()},
            "moves": self.moves,
            "changed": [{"of": each.of, "a": each.a, "b": each.b} for each in self.changed],
            "notes": list(self.notes),
        }


def compare_texts(
    ws: Workspace, a: str, b: str, kind: Literal["captions", "responses"], shown: int = 12, seed: int = 0
) -> LayerFindings:
    """How many texts are the same, and how long they are; some that differ, drawn by a hash."""
    owner = "image" if kind == "captions" else "example_id"
    columns = [owner, "sample", "text_sha256", "text"]
    joined = _lengths(ws, a, kind, owner).join(
        _lengths(ws, b, kind, owner), [owner, "sample"], join_type="full outer", right_suffix="_b", use_threads=False
    )
    one, other = pc.is_valid(joined.column("text_sha256")), pc.is_valid(joined.column("text_sha256_b"))
    both = joined.filter(pc.and_(one, other))
    alike = pc.equal(both.column("text_sha256"), both.column("text_sha256_b"))
    same = pc.sum(alike).as_py() or 0
    counts = {
        "same": same,
        "changed": len(both) - same,
        "only_a": pc.sum(pc.and_(one, pc.invert(other))).as_py() or 0,
        "only_b": pc.sum(pc.and_(other, pc.invert(one))).as_py() or 0,
    }
    measures = {"mean characters": (_mean(joined.column("length")), _mean(joined.column("length_b")))}
    keys = both.filter(pc.invert(alike)).select([owner, "sample"]).to_pylist()
    keys.sort(key=lambda row: sha256(f"{seed} {row[owner]} {row['sample']}".encode()).digest())
    wanted = {(row[owner], row["sample"]) for row in keys[:shown]}
    texts = [dict(_texts(ws, name, kind, columns, wanted)) for name in (a, b)]
    changed = tuple(Changed(key[0], texts[0][key], texts[1][key], _asked(ws, key[0])) for key in sorted(wanted))
    return LayerFindings(kind, a, b, counts, measures, changed=changed)


def compare_spans(ws: Workspace, a: str, b: str, shown: int = 12) -> LayerFindings:
    """How many clauses have the same label, which labels move where, and the heaviest that differ."""
    joined = read(ws, [a, b])
    coded = joined.coded
    pieces = refine(coded)
    label = pieces.clauses().label
    names = (*coded.scheme.labels, "none")
    # The clauses of whom there are more than two (reviewers) are compared by the first of each layer.
    left = next(at for at, name in enumerate(coded.annotators) if name.partition(":")[0] == a)
    right = next(at for at, name in enumerate(coded.annotators) if name.partition(":")[0] == b)
    one, other = (np.where(label[:, at] < 0, len(names) - 1, label[:, at]) for at in (left, right))
    moved = one != other
    pairs, many = np.unique(np.stack([one[moved], other[moved]], axis=1), axis=0, return_counts=True)
    moves = {f"{names[i]} → {names[j]}": int(n) for (i, j), n in zip(pairs.tolist(), many.tolist(), strict=True)}
    weight = pieces.clause_weight()
    shares = {
        f"share of {name}": tuple(
            float(weight[side == at].sum() / total) if (total := weight[side < len(names) - 1].sum()) else 0.0
            for side in (one, other)
        )
        for at, name in enumerate(coded.scheme.labels)
    }
    counts = {"same": int((~moved).sum()), "changed": int(moved.sum()), "texts": len(coded.ids)}
    changed = tuple(
        Changed(
            each.text_id,
            f"{each.labels.get(coded.annotators[left], 'none')}: {each.text}",
            f"{each.labels.get(coded.annotators[right], 'none')}: {each.text}",
            _asked(ws, unquote(split_text_id(each.text_id).owner)),
        )
        for each in disagreements(coded, limit=min(shown, len(disputed(pieces))), pieces=pieces)
    )
    notes = (f"{len(joined.left_out):,} rows could not be compared",) if joined.left_out else ()
    return LayerFindings("spans", a, b, counts, {k: (v[0], v[1]) for k, v in shares.items()}, moves, changed, notes)


def _lengths(ws: Workspace, step: str, kind: Any, owner: str) -> pa.Table:
    """Narrow: hashes and lengths, a batch of texts at a time."""
    parts = []
    for batch in ws.layer(step, kind).to_batches(columns=[owner, "sample", "text_sha256", "text"]):
        table = pa.Table.from_batches([batch])
        parts.append(table.append_column("length", pc.utf8_length(table.column("text"))).drop_columns(["text"]))
    schema = pa.schema(
        [(owner, pa.string()), ("sample", pa.int32()), ("text_sha256", pa.string()), ("length", pa.int32())]
    )
    return pa.concat_tables([schema.empty_table(), *(part.cast(schema) for part in parts)])


def _texts(
    ws: Workspace, step: str, kind: Any, columns: list[str], wanted: set[tuple[str, int]]
) -> Iterator[tuple[tuple[str, int], str]]:
    owners = pa.array(sorted({owner for owner, _ in wanted}), pa.string())
    for batch in ws.layer(step, kind).to_batches(columns=columns):
        for row in batch.filter(pc.is_in(batch.column(columns[0]), owners)).to_pylist():
            if (key := (row[columns[0]], row["sample"])) in wanted:
                yield key, row["text"]


def _mean(column: pa.ChunkedArray) -> float:
    return round(pc.mean(column).as_py() or 0.0, 1)


def _asked(ws: Workspace, owner: str) -> Shown:
    """The question and pictures of an example's id or address, or the picture of `img:<sha256>` or a hash."""
    sha = owner.removeprefix("img:")
    if sha in ws.images:
        return Shown(images=(bytes(ws.images[sha]),))
    for batch in ws.examples().to_batches(columns=["id", "question", "answer", "images"]):
        found = batch.filter(pc.equal(batch.column("id"), owner)).to_pylist()
        if found:
            pictures = tuple(bytes(ws.images[image["sha256"]]) for image in found[0]["images"])
            return Shown(found[0]["question"], found[0]["answer"]["text"], "", pictures)
    return Shown()
