"""Candidates: every text that could be read, with how far annotators differ on it or how unsure they are.

    found = span_candidates(ws, ["tags", "llm_tags"], "disagreement")
    found.score                       # (n,) share of a text's characters that are in dispute

Read a shard of examples at a time; of each text only its address, hash and score are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from perceptdata.agreement.annotations import Annotator, join
from perceptdata.agreement.disagreements import disputed
from perceptdata.agreement.reading import WRITTEN, maker_of, texts_of
from perceptdata.agreement.units import refine
from perceptdata.errors import UsageError
from perceptdata.example import TEXTS
from perceptdata.layers import LayerKind
from perceptdata.query import connect, fetch, table_name
from perceptdata.review.plan import Select
from perceptdata.spans import PRO
from perceptdata.workspace import EXAMPLES, layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """n texts: addresses, hashes, the shard of examples each belongs to, its stratum, and its score (n,)."""

    text_id: list[str] = field(default_factory=list)
    sha256: list[str] = field(default_factory=list)
    about: list[str] = field(default_factory=list)
    stratum: list[str] = field(default_factory=list)
    score: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def __len__(self) -> int:
        return len(self.text_id)

    def among(self, addresses: Collection[str]) -> Candidates:
        """Those at these addresses."""
        kept = [at for at, address in enumerate(self.text_id) if address in addresses]
        address, sha256, about, stratum = (
            [column[at] for at in kept] for column in (self.text_id, self.sha256, self.about, self.stratum)
        )
        return Candidates(address, sha256, about, stratum, self.score[kept])


def span_candidates(
    ws: Workspace, layers: Sequence[str], select: Select, by: Sequence[str] = ("source",)
) -> Candidates:
    """The texts that the first layer speaks of. Raises UsageError where `select` needs layers that are not named."""
    if select == "disagreement" and len(layers) < 2 and not _people(ws, layers):
        raise UsageError("disagreement is between layers: name a second one with --from, or select by uncertainty")
    if not any(ws.shards(layer_room(kind), layers[0]) for kind in ("spans", "responses")):
        raise UsageError(f"step '{layers[0]}' has no spans or responses; tag a layer, or name another step with --from")
    given = {layer: _by_shard(ws, layer, ("spans", "reviews")) for layer in layers}
    texts = _by_shard(ws, layers[0], ("spans",)) or _by_shard(ws, layers[0], ("responses",))
    parts, scores = Candidates(), []
    for about, files in texts.items():
        table = pa.concat_tables([_keys(file) for file in files])
        if "scheme" in table.column_names:
            table = table.filter(pc.equal(table.column("scheme"), PRO.id))
        ids = table.column("text_id").to_pylist()
        if select == "disagreement":
            known = _disputed_shares(ws, about, {layer: each.get(about, []) for layer, each in given.items()})
            score = np.array([known.get(address, 0.0) for address in ids])
        elif select == "uncertainty" and "spans" in table.column_names:
            score = _unsure(table.column("spans"))
        else:
            score = np.zeros(len(ids))
        parts.text_id.extend(ids)
        parts.sha256.extend(table.column("text_sha256").to_pylist())
        parts.about.extend([about] * len(ids))
        parts.stratum.extend(_strata(ws, about, ids, by))
        scores.append(score)
    if select == "uncertainty" and not any(ws.shards(layer_room("spans"), layer) for layer in layers[:1]):
        raise UsageError(f"step '{layers[0]}' has no labels to be unsure of; tag it first, or select at random")
    return _whole(parts, scores)


def caption_candidates(
    ws: Workspace, captions: str, judges: Sequence[str], select: Select, by: Sequence[str] = ("source",)
) -> Candidates:
    """The captions of a step. Disagreement is the share of claims on which judges differ; a caption is as uncertain as
    its claims' scores are near a half, on average.
    """
    if select in ("disagreement", "uncertainty") and not judges:
        raise UsageError(f"{select} of captions is of their judges: name them with --judges")
    if not ws.shards(layer_room("captions"), captions):
        have = [name for name, kinds in ws.layers().items() if "captions" in kinds]
        raise UsageError(f"step '{captions}' has no captions; {', '.join(have) or 'no step'} has")
    known = _judged(ws, judges, select) if judges else {}
    parts, scores = Candidates(), []
    for about, files in _by_shard(ws, captions, ("captions",)).items():
        table = pa.concat_tables([pq.read_table(file, columns=["text_id", "text_sha256"]) for file in files])
        ids = table.column("text_id").to_pylist()
        parts.text_id.extend(ids)
        parts.sha256.extend(table.column("text_sha256").to_pylist())
        parts.about.extend([about] * len(ids))
        parts.stratum.extend(_strata(ws, about, ids, by))
        scores.append(np.array([known.get(address, 0.0) for address in ids]))
    return _whole(parts, scores)


def _whole(parts: Candidates, scores: Sequence[NDArray[np.float64]]) -> Candidates:
    score = np.concatenate(scores) if scores else np.empty(0)
    return Candidates(parts.text_id, parts.sha256, parts.about, parts.stratum, score)


def _people(ws: Workspace, layers: Sequence[str]) -> bool:
    return any(ws.shards(layer_room("reviews"), layer) for layer in layers)


def _by_shard(ws: Workspace, step: str, kinds: Sequence[LayerKind]) -> dict[str, list[str]]:
    """The files of a step by the shard of examples they speak of."""
    found: dict[str, list[str]] = {}
    for kind in kinds:
        for _, _, entry, file in ws.shards(layer_room(kind), step):
            found.setdefault(entry.about, []).append(str(ws.file(file)))
    return found


def _keys(file: str) -> pa.Table:
    have = pq.read_schema(file).names
    return pq.read_table(file, columns=[name for name in ("text_id", "text_sha256", "scheme", "spans") if name in have])


def _unsure(spans: pa.ChunkedArray) -> NDArray[np.float64]:
    """(n,) 1 - score of each text's spans, weighted by their characters; 1 where a text has none."""
    column = spans.combine_chunks()
    values, row = column.flatten(), pc.list_parent_indices(column).to_numpy()
    length = values.field("end").to_numpy() - values.field("start").to_numpy()
    total = np.bincount(row, length, len(column))
    sure = np.bincount(row, length * values.field("score").to_numpy().astype(np.float64), len(column))
    return 1.0 - np.divide(sure, total, out=np.zeros(len(column)), where=total > 0)


def _disputed_shares(ws: Workspace, about: str, files: dict[str, list[str]]) -> dict[str, float]:
    """By text, the share of its clauses' characters that are in clauses in dispute."""
    annotators: list[Annotator] = []
    for layer, paths in files.items():
        for path in paths:
            annotators += Annotator.of_layer(layer, pq.read_table(path))
    if len(annotators) < 2:
        return {}
    coded = join(annotators, read_texts(ws, {each for one in annotators for each in one.text_id}, about)).coded
    pieces = refine(coded)
    weight, of = pieces.clause_weight(), pieces.clause_text
    total = np.bincount(of, weight, pieces.texts)
    differ = disputed(pieces)
    apart = np.bincount(of[differ], weight[differ], pieces.texts)
    share = np.divide(apart, total, out=np.zeros(pieces.texts), where=total > 0)
    return dict(zip(coded.ids, share.tolist(), strict=True))


def read_texts(ws: Workspace, wanted: set[str], about: str | None = None) -> dict[str, str]:
    """The texts at some addresses, of one shard of examples or of all."""
    written = {}
    for step in sorted({maker_of(address) for address in wanted}.difference(TEXTS)):
        for kind in WRITTEN:
            paths = [
                ws.file(file) for _, _, entry, file in ws.shards(layer_room(kind), step) if about in (None, entry.about)
            ]
            if paths:
                written[step] = (pq.read_table(path, columns=["text_id", "text"]) for path in paths)
    return texts_of(wanted, _examples(ws, about, ["id", *TEXTS]), written)


def _examples(ws: Workspace, about: str | None, columns: list[str]) -> Iterator[pa.RecordBatch]:
    for step, shard, _, file in ws.shards(EXAMPLES):
        if about in (None, f"{step}/{shard}"):
            yield from pq.ParquetFile(ws.file(file)).iter_batches(columns=columns)


def _strata(ws: Workspace, about: str, ids: Sequence[str], by: Sequence[str]) -> list[str]:
    """Of each text, `NLVR` or `NLVR, perception`."""
    source = about.partition("/")[0]
    if "stage" not in by:
        return [source if "source" in by else ""] * len(ids)
    stage: dict[str, str] = {}
    for batch in _examples(ws, about, ["id", "stage", "images"]):
        for row in batch.to_pylist():
            stage[row["id"]] = row["stage"]
            for image in row["images"]:
                stage.setdefault(f"img:{image['sha256']}", row["stage"])
    named = (stage.get(address.rpartition("#")[0], "unknown") for address in ids)
    return [f"{source}, {name}" if "source" in by else name for name in named]


def _judged(ws: Workspace, judges: Sequence[str], select: Select) -> dict[str, float]:
    """By caption, what its claims' verdicts say of it."""
    kinds, parts = ws.layers(), []
    for judge in judges:
        step, _, only = judge.partition("/")
        if "verdicts" not in kinds.get(step, []):
            have = [name for name, found in kinds.items() if "verdicts" in found]
            raise UsageError(f"step '{step}' judged nothing; {', '.join(have) or 'no step'} did")
        table = table_name(step, "verdicts", kinds[step])
        name = only.replace("'", "''")
        where = f" and producer.name = '{name}'" if only else ""
        parts.append(f'select text_id, claim, verdict, score from "{table}" where verdict is not null{where}')
    claims = f"""
        select text_id, claim, min(verdict = 'supported') <> max(verdict = 'supported') as differ,
            avg(1 - abs(2 * score - 1)) as unsure
        from ({" union all ".join(parts)}) group by text_id, claim
    """
    value = "avg(case when differ then 1.0 else 0.0 end)" if select == "disagreement" else "coalesce(avg(unsure), 0.0)"
    found = fetch(connect(ws).sql(f"select text_id, {value} as score from ({claims}) group by text_id"))
    return dict(zip(found.column("text_id").to_pylist(), found.column("score").to_pylist(), strict=True))
