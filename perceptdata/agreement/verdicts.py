"""Agreement on verdicts: what judges and people say of the same claims and captions.

    for said in read_verdicts(ws, ["people", "exact"]):
        compare_verdicts(said, bootstraps=200)["kappa", "people/ann~exact/oracle"]

A judge is a producer within a step, a person a reader within a review: `exact/oracle`, `people/ann`, `audit:ann`. What
is judged is a claim of a caption, a caption as a whole, or a wrong answer; all are compared apart, for their words
differ. Nominal coefficients, as of labels; intervals are by bootstrap over texts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from perceptdata.agreement.bootstrap import interval, resample
from perceptdata.agreement.coefficients import against_rest, alpha, coincidences, confusion, kappa
from perceptdata.agreement.comparison import ALL, Estimate, Path
from perceptdata.agreement.units import NOBODY, Units
from perceptdata.workspace import layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

CLAIMS, CAPTIONS, ERRORS = "claims", "captions", "errors"
OF_ERRORS = "first_wrong@1"
"""The scheme of reviews that say what went wrong first."""
COLUMNS = pa.schema([(name, pa.string()) for name in ("judge", "text", "thing", "word")])
"""Whose word it is, the text's address, what is judged (its hash and place), and the word."""


@dataclass(frozen=True, slots=True)
class Said:
    """Verdicts of one kind by several: `units.label` (n, R) codes of `words`, -1 where a judge says nothing."""

    what: str
    judges: tuple[str, ...]
    words: tuple[str, ...]
    units: Units

    @property
    def shared(self) -> int:
        """How many claims or captions two or more speak of."""
        return int(((self.units.label >= 0).sum(axis=1) > 1).sum())

    def to_json(self, found: dict[Path, Estimate]) -> dict[str, Any]:
        """Plain values: the numbers of `compare_verdicts` by name."""
        numbers = {" ".join(path): estimate.to_json() for path, estimate in found.items()}
        return {"judges": list(self.judges), "words": list(self.words), "judged_by_two": self.shared, **numbers}


def read_verdicts(ws: Workspace, layers: Sequence[str]) -> list[Said]:
    """The verdicts of these layers by kind, where two or more speak of one thing."""
    found: dict[str, list[pa.Table]] = {}
    for layer in layers:
        if ws.shards(layer_room("verdicts"), layer):
            found.setdefault(CLAIMS, []).append(_of_verdicts(ws, layer))
        if ws.shards(layer_room("reviews"), layer):
            for what, table in _of_reviews(ws, layer).items():
                found.setdefault(what, []).append(table)
    made = [_said(what, pa.concat_tables(tables)) for what, tables in sorted(found.items())]
    return [each for each in made if each.shared]


def compare_verdicts(said: Said, bootstraps: int = 200, seed: int = 0) -> dict[Path, Estimate]:
    """`("alpha", word or "all")`, and of each pair `("kappa", pair)` and `("agreed", pair)`, the plain share."""
    many = len(said.words)
    pairs = list(combinations(range(len(said.judges)), 2))
    tables: dict[tuple[int, ...], np.ndarray] = {(): coincidences(said.units)}
    tables |= {(one, other): confusion(said.units, one, other) for one, other in pairs}
    flat = np.concatenate([table.reshape(said.units.texts, -1) for table in tables.values()], axis=1)

    def measures(sums: np.ndarray) -> dict[Path, np.ndarray]:
        blocks = dict(zip(tables, np.split(sums, len(tables), axis=-1), strict=True))
        square = {pair: block.reshape(*sums.shape[:-1], many, many) for pair, block in blocks.items()}
        together = square.pop(())
        told: dict[Path, np.ndarray] = {("alpha", ALL): alpha(together)}
        told |= {("alpha", word): alpha(against_rest(together, at)) for at, word in enumerate(said.words)}
        for one, other in pairs:
            table = square[one, other]
            name, total = f"{said.judges[one]}~{said.judges[other]}", table.sum(axis=(-2, -1))
            agreed = np.trace(table, axis1=-2, axis2=-1)
            told["kappa", name] = kappa(table)
            told["agreed", name] = np.where(total > 0, agreed / np.where(total > 0, total, 1), np.nan)
        return told

    values, samples = measures(flat.sum(axis=0)), measures(resample(flat, bootstraps, seed))
    return {path: Estimate(float(value), *interval(samples[path])) for path, value in values.items()}


def _of_verdicts(ws: Workspace, layer: str) -> pa.Table:
    columns = ["text_id", "text_sha256", "claim", "verdict", "producer"]
    parts = [COLUMNS.empty_table()]
    for batch in ws.layer(layer, "verdicts").to_batches(columns=columns):
        given = batch.filter(pc.is_valid(batch.column("verdict")))
        name = pc.binary_join_element_wise(layer, given.column("producer").field("name"), "/")
        thing = pc.binary_join_element_wise(given.column("text_sha256"), given.column("claim").cast(pa.string()), " ")
        parts.append(pa.table([name, given.column("text_id"), thing, given.column("verdict")], schema=COLUMNS))
    return pa.concat_tables(parts)


def _of_reviews(ws: Workspace, layer: str) -> dict[str, pa.Table]:
    """Of an audit, claims as they were shown: a trap is another claim than the true one."""
    rows: dict[str, list[dict[str, str]]] = {}
    columns = ["text_id", "text_sha256", "reviewer", "scheme", "verdict", "meta"]
    for batch in ws.layer(layer, "reviews").to_batches(columns=columns):
        for row in batch.filter(pc.is_valid(batch.column("verdict"))).to_pylist():
            meta: dict[str, Any] = json.loads(row["meta"])
            place = [str(meta[name]) for name in ("claim", "trap") if name in meta]
            thing = " ".join((row["text_sha256"], *place))
            told = {
                "judge": f"{layer}:{row['reviewer']}",
                "text": row["text_id"],
                "thing": thing,
                "word": row["verdict"],
            }
            what = ERRORS if row["scheme"] == OF_ERRORS else CLAIMS if place else CAPTIONS
            rows.setdefault(what, []).append(told)
    return {what: pa.Table.from_pylist(each, schema=COLUMNS) for what, each in rows.items()}


def _said(what: str, cells: pa.Table) -> Said:
    """Codes in the order of names, so that the order of rows says nothing."""
    (judges, column), (words, code) = _coded(cells.column("judge")), _coded(cells.column("word"))
    _, text = _coded(cells.column("text"))
    things, row = _coded(pc.binary_join_element_wise(cells.column("text"), cells.column("thing"), " "))
    label = np.full((len(things), len(judges)), NOBODY, np.int8)
    label[row, column] = code
    of_text = np.zeros(len(things), np.int64)
    of_text[row] = text
    texts = int(text.max(initial=-1)) + 1
    units = Units(texts=texts, labels=len(words), text=of_text, label=label, weight=np.ones(len(things), np.int64))
    return Said(what, tuple(judges), tuple(words), units)


def _coded(column: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int64]]:
    """The names that are there, sorted, and the number of each row's."""
    names = pc.unique(column).sort()
    return names.to_pylist(), pc.index_in(column, names).to_numpy().astype(np.int64)
