"""Judged claims: the verdict layers of a caption layer as one table, a row for each claim, a column for each judge.

    claims = read_claims(ws, "caps", ["verdicts"])
    claims.votes, claims.judges                # (n, J) codes of `verdicts`, and whose: "verdicts/oracle", …
    claims.report(0).refused                   # why the first judge is not to be believed, or None
    claims.slices(("source", "claim"))         # "NLVR, spatial"

A claim is a span of the captions' own step, whoever judged it or not: one that nobody judged is not supported. A judge
is a producer within a step: two models that one step asks are two judges.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from perceptdata.errors import UsageError
from perceptdata.example import Example
from perceptdata.manifest import digest
from perceptdata.verification.claims import CLAIMS
from perceptdata.verification.probes import ProbeReport, probe_report
from perceptdata.verification.verdicts import Codes, encode, supports
from perceptdata.workspace import EXAMPLES

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

META = "meta."


class CaptionText(NamedTuple):
    """A caption as its layer holds it."""

    text: str
    text_sha256: str
    image: str


class Place(NamedTuple):
    """Where a claim stands: the text's address, the claim's number in it, and its code points."""

    text_id: str
    claim: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Shown:
    """What the examples that show an image say of it: their corpora and metadata."""

    sources: tuple[str, ...]
    meta: dict[str, Any]
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Voice:
    """One judge over all claims: `vote`, `score` (NaN for none), `repeat` (its second sample) and its verdicts by
    probe, each (n,); `version` of plugin and options; `refused` why its step refuses it.
    """

    version: str
    vote: Codes
    score: NDArray[np.float64]
    repeat: Codes
    probes: dict[str, Codes]
    probed: NDArray[np.bool_]
    refused: str | None


@dataclass(frozen=True, eq=False)
class Claims:
    """n claims of the captions of one layer, and what each judge says. `kinds` (n,) of the claims; `shown` tells of
    each image; `leaking` are captions that give answers away, with whose; `unclaimed` counts captions without a claim.
    """

    captions: dict[str, CaptionText]
    places: tuple[Place, ...]
    kinds: tuple[str, ...]
    voices: dict[str, Voice]
    shown: dict[str, Shown]
    leaking: dict[str, list[str]]
    unclaimed: int
    segmenter: str

    def __len__(self) -> int:
        return len(self.places)

    def text(self, at: int) -> str:
        """The claim itself."""
        place = self.places[at]
        return self.captions[place.text_id].text[place.start : place.end]

    @property
    def judges(self) -> tuple[str, ...]:
        """Their names: step/judge."""
        return tuple(self.voices)

    @cached_property
    def votes(self) -> Codes:
        """(n, J) codes."""
        return np.stack([voice.vote for voice in self.voices.values()], axis=1)

    def report(self, judge: str) -> ProbeReport:
        """What the probes say of a judge, over the claims that were probed."""
        voice = self.voices[judge]
        on = voice.probed
        return probe_report(voice.vote[on], {name: said[on] for name, said in voice.probes.items()}, self.image[on])

    @cached_property
    def owner(self) -> NDArray[np.str_]:
        """(n,) the captions' addresses."""
        return np.array([place.text_id for place in self.places], dtype=np.str_)

    @cached_property
    def image(self) -> NDArray[np.int64]:
        """(n,) codes of images."""
        names = np.array([self.captions[place.text_id].image for place in self.places], dtype=np.str_)
        return np.unique(names, return_inverse=True)[1].ravel().astype(np.int64)

    @cached_property
    def sure(self) -> NDArray[np.bool_]:
        """(n,) whether every judge that spoke supports the claim, and one did."""
        heard = self.votes >= 0
        return np.asarray(heard.any(axis=1) & (supports(self.votes) | ~heard).all(axis=1))

    @cached_property
    def fingerprint(self) -> str:
        """The hash of claims, texts and votes, in any order."""
        rows = sorted(
            [*place, self.captions[place.text_id].text_sha256, vote]
            for place, vote in zip(self.places, self.votes.tolist(), strict=True)
        )
        return digest({name: voice.version for name, voice in self.voices.items()}, rows)

    def slices(self, by: Sequence[str]) -> list[str]:
        """(n,) names of slices: `source` of the image, kind of the `claim`, or `meta.KEY` of the image's examples."""
        for each in by:
            if each not in ("source", "claim") and not each.startswith(META):
                raise UsageError(f"claims are sliced by source, claim or meta.KEY, not by '{each}'")
        return [", ".join(self._slice(at, place, each) for each in by) or "all" for at, place in enumerate(self.places)]

    def _slice(self, at: int, place: Place, by: str) -> str:
        if by == "claim":
            return self.kinds[at]
        shown = self.shown.get(self.captions[place.text_id].image)
        if shown is None:
            return "unknown"
        return "+".join(shown.sources) if by == "source" else str(shown.meta.get(by.removeprefix(META), "unknown"))


def read_claims(ws: Workspace, captions: str, judges: Sequence[str]) -> Claims:
    """All claims of the captions that a step wrote, as `judges` judged them: steps, or `step/judge`.

    Raises UsageError where a layer is not there, or speaks of another text or claim than the captions' step wrote.
    """
    columns = ["text_id", "text_sha256", "text", "image", "meta"]
    rows = ws.layer(captions, "captions").to_table(columns=columns).to_pylist()
    texts = {row["text_id"]: CaptionText(row["text"], row["text_sha256"], row["image"]) for row in rows}
    told = {row["text_id"]: json.loads(row["meta"]).get("leaks", []) for row in rows}
    cut, segmenters = _cut(ws, captions, texts)
    order = {key: at for at, key in enumerate(sorted(cut))}
    said: dict[str, dict[int, dict[str, Any]]] = {}
    for judge, row in _verdicts(ws, judges):
        place, _ = cut.get((row["text_id"], row["claim"]), (None, ""))
        if place is None or place[2:] != _range(row) or texts[place.text_id].text_sha256 != row["text_sha256"]:
            raise UsageError(
                f"{judge} judged claim {row['claim']} of {row['text_id']}, which '{captions}' does not hold like that "
                "today; judge again"
            )
        mine, at = said.setdefault(judge, {}), order[place[:2]]
        if at in mine:
            raise UsageError(f"{judge} judged claim {row['claim']} of {row['text_id']} twice; judge again")
        mine[at] = row
    if not said:
        raise UsageError(f"no claim of '{captions}' was judged by {', '.join(judges)}; `perceptdata judge` does that")
    return Claims(
        captions=texts,
        places=tuple(cut[key][0] for key in order),
        kinds=tuple(cut[key][1] for key in order),
        voices={judge: _voice([mine.get(at) for at in range(len(order))]) for judge, mine in said.items()},
        shown=_shown(ws, {text.image for text in texts.values()}),
        leaking={name: ids for name, ids in told.items() if ids},
        unclaimed=len(texts.keys() - {place.text_id for place, _ in cut.values()}),
        segmenter="+".join(sorted(segmenters)),
    )


def _cut(
    ws: Workspace, captions: str, texts: Mapping[str, CaptionText]
) -> tuple[dict[tuple[str, int], tuple[Place, str]], set[str]]:
    """The claims of each caption by address and number, with their kinds, as the captions' own step cut them."""
    found, segmenters = {}, set()
    columns = ["text_id", "text_sha256", "scheme", "segmenter", "spans"]
    for batch in ws.layer(captions, "spans").to_batches(columns=columns):
        for row in batch.to_pylist():
            text = texts.get(row["text_id"])
            if row["scheme"] == CLAIMS.id and text is not None and text.text_sha256 == row["text_sha256"]:
                segmenters.add(str(row["segmenter"]))
                for number, span in enumerate(row["spans"]):
                    place = Place(row["text_id"], number, span["start"], span["end"])
                    found[place[:2]] = (place, span["label"])
    return found, segmenters


def _verdicts(ws: Workspace, judges: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of the wanted judges, with their names. Raises UsageError for a judge who said nothing."""
    columns = ["text_id", "text_sha256", "claim", "start", "end", "verdict", "score", "meta", "producer"]
    for each in judges:
        step, _, only = each.partition("/")
        silent = True
        for batch in ws.layer(step, "verdicts").to_batches(columns=columns):
            for row in batch.to_pylist():
                if only in ("", row["producer"]["name"]):
                    silent = False
                    yield f"{step}/{row['producer']['name']}", {**row, "meta": json.loads(row["meta"])}
        if silent:
            raise UsageError(f"'{each}' judged nothing; name a step of judges, or STEP/JUDGE")


def _voice(rows: Sequence[dict[str, Any] | None]) -> Voice:
    metas = [row["meta"] if row else {} for row in rows]
    names = dict.fromkeys(name for meta in metas for name in meta.get("probes", {}))
    samples = [meta.get("samples", ()) for meta in metas]
    maker = next(row["producer"] for row in rows if row)
    return Voice(
        version=f"{maker['version']}-{maker['config']}",
        vote=encode(row["verdict"] if row else None for row in rows),
        score=np.array([_number(row["score"] if row else None) for row in rows], np.float64),
        repeat=encode(said[1] if len(said) > 1 else None for said in samples),
        probes={name: encode(meta.get("probes", {}).get(name) for meta in metas) for name in names},
        probed=np.array(["probes" in meta for meta in metas], bool),
        refused=next((meta["refused"] for meta in metas if "refused" in meta), None),
    )


def _range(row: Mapping[str, Any]) -> tuple[int, int]:
    return row["start"], row["end"]


def _shown(ws: Workspace, images: set[str]) -> dict[str, Shown]:
    """What the examples say that show one of these images."""
    found: dict[str, list[Example]] = {}
    for batch in ws.dataset(EXAMPLES).to_batches():
        hashes = [
            {picture["sha256"] for picture in pictures} & images for pictures in batch.column("images").to_pylist()
        ]
        wanted = [row for row, some in enumerate(hashes) if some]
        for row, given in zip(wanted, batch.take(pa.array(wanted, pa.int64())).to_pylist(), strict=True):
            example = Example.from_row(given)
            for sha256 in hashes[row]:
                found.setdefault(sha256, []).append(example)
    return {
        sha256: Shown(
            tuple(sorted({each.source.corpus for each in examples})),
            {key: value for each in reversed(examples) for key, value in each.meta.items()},
            tuple(examples),
        )
        for sha256, examples in found.items()
    }


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
