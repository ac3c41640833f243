"""Filling: what a task shows and what it is pre-annotated with, out of the layers.

tasks = Filler(ws, plan).tasks(picks)        # PlannedTask, in the order of the picks
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from perceptdata.layers import SpanRecord, text_sha256
from perceptdata.review.candidates import read_texts
from perceptdata.review.checks import Known, turned
from perceptdata.review.plan import Check, PlannedTask, RegionRecord, ReviewPlan, content_of
from perceptdata.review.screens import CORRECT, PARTIALLY, WORDS, WRONG
from perceptdata.review.selecting import luck
from perceptdata.spans import PRO
from perceptdata.verification.claims import CLAIMS
from perceptdata.verification.verdicts import CONTRADICTED, SUPPORTED, VERDICTS
from perceptdata.workspace import layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

COT, CAPTION, QUESTION, ANSWER = "cot", "caption", "question", "answer"


@dataclass(frozen=True, slots=True)
class Pick:
    """One reading that was decided on, before its texts are looked up."""

    address: str
    about: str
    reader: str
    place: int
    blind: bool
    check: Check | None
    known: Known | None
    stratum: str
    probability: float | None
    score: float | None


class Caption(NamedTuple):
    """A caption as its layer has it."""

    text_id: str
    text: str
    sha256: str


class Judged(NamedTuple):
    """The claims of a caption, and by number how often each verdict was given."""

    claims: tuple[SpanRecord, ...]
    votes: Mapping[int, Counter[str]]


class Filler:
    """Looks up what some picks show. Layers are read once each, for all picks together."""

    def __init__(self, ws: Workspace, plan: ReviewPlan) -> None:
        self.ws, self.plan = ws, plan

    def tasks(self, picks: Sequence[Pick]) -> Iterator[PlannedTask]:
        """A task a pick, in order; none for a text that is not there any more."""
        if self.plan.layers:
            yield from self._traces(picks)
        else:
            yield from self._captions(picks)

    def captions_by_picture(self, pictures: set[str]) -> dict[str, Caption]:
        """The first caption of each of these pictures that has one."""
        columns = ["text_id", "text", "text_sha256", "image"]
        wanted = pa.array(sorted(pictures), pa.string())
        found: dict[str, Caption] = {}
        for batch in self.ws.layer(str(self.plan.captions), "captions").to_batches(columns=columns):
            for row in batch.filter(pc.is_in(batch.column("image"), wanted)).to_pylist():
                found.setdefault(row["image"], Caption(row["text_id"], row["text"], row["text_sha256"]))
        return found

    def _traces(self, picks: Sequence[Pick]) -> Iterator[PlannedTask]:
        wanted = {pick.address for pick in picks}
        texts = read_texts(self.ws, wanted)
        owners = {address.rpartition("#")[0] for address in wanted}
        asked, pictures = _questions(self.ws, owners), images_of(self.ws, owners)
        guessed, maker = _guesses(self.ws, self.plan.layers[0], wanted)
        combined = self.plan.screen == "combined"
        captions = self.captions_by_picture(set(pictures.values())) if combined else {}
        judged = self._claims(pa.array([caption.text_id for caption in captions.values()], pa.string()))
        for pick in picks:
            if pick.address not in texts:
                continue
            owner = pick.address.rpartition("#")[0]
            picture, text = pictures.get(owner), texts[pick.address]
            question, answer = asked.get(owner, ("", ""))
            shown = {QUESTION: question, COT: text}
            if self.plan.screen == "errors":
                shown[ANSWER] = answer
            guesses = [RegionRecord(text=COT, **span) for span in guessed.get((pick.address, text_sha256(text)), [])]
            if pick.check == "trap" and not pick.blind and pick.known is not None:
                guesses = turned(pick.known.spans, pick.address, self.plan.seed)
            own = {"text_id": pick.address, "text_sha256": text_sha256(text)}
            caption = captions.get(picture or "")
            if caption is not None:
                shown[CAPTION] = caption.text
                own |= {"caption_id": caption.text_id, "caption_sha256": caption.sha256}
            of = judged.get((caption.text_id, caption.sha256)) if caption else None
            more, verdict = _marked(of) if of else ([], None)
            yield self._task(pick, shown, picture, [*guesses, *more], verdict, maker, of.claims if of else (), own)

    def _captions(self, picks: Sequence[Pick]) -> Iterator[PlannedTask]:
        wanted = pa.array(sorted({pick.address for pick in picks}))
        found: dict[str, tuple[Caption, str]] = {}
        columns = ["text_id", "text", "text_sha256", "image"]
        for batch in self.ws.layer(str(self.plan.captions), "captions").to_batches(columns=columns):
            for row in batch.filter(pc.is_in(batch.column("text_id"), wanted)).to_pylist():
                caption = Caption(row["text_id"], row["text"], row["text_sha256"])
                found[row["text_id"]] = (caption, row["image"])
        judged = self._claims(wanted)
        for pick in picks:
            if pick.address not in found:
                continue
            caption, picture = found[pick.address]
            of = judged.get((caption.text_id, caption.sha256), Judged((), {}))
            guesses, verdict = _marked(of)
            own = {"caption_id": caption.text_id, "caption_sha256": caption.sha256}
            if pick.check == "trap" and pick.known is not None and not pick.blind:
                of_right = Judged(of.claims, _one_against(of.claims, pick.address, self.plan.seed))
                guesses, verdict = _marked(of_right) if pick.known.verdict == CORRECT else ([], CORRECT)
            shown, makers = {QUESTION: "", CAPTION: caption.text}, "+".join(self.plan.judges)
            yield self._task(pick, shown, picture, guesses, verdict, makers, of.claims, own)

    def _task(
        self,
        pick: Pick,
        shown: dict[str, str],
        picture: str | None,
        guesses: Sequence[RegionRecord],
        verdict: str | None,
        maker: str,
        claims: tuple[SpanRecord, ...],
        own: dict[str, str],
    ) -> PlannedTask:
        return PlannedTask(
            key=pick.address,
            reader=pick.reader,
            content=content_of(self.plan.screen, shown, picture),
            place=pick.place,
            about=pick.about,
            image=picture,
            texts=shown,
            guesses=tuple(guesses),
            guess_verdict=verdict,
            guessed_by=maker if guesses or verdict else None,
            blind=pick.blind,
            check=pick.check,
            gold=pick.known.spans if pick.known else (),
            gold_verdict=pick.known.verdict if pick.known else None,
            claims=claims,
            stratum=pick.stratum,
            probability=pick.probability,
            score=pick.score,
            **own,
        )

    def _claims(self, wanted: pa.Array) -> dict[tuple[str, str], Judged]:
        """The claims of some captions and what judges say of them, by address and hash; none where none were cut."""
        step = self.plan.captions
        if step is None or not self.ws.shards(layer_room("spans"), step):
            return {}
        said = self._verdicts(wanted)
        found = {}
        for batch in self.ws.layer(step, "spans").to_batches(columns=["text_id", "text_sha256", "scheme", "spans"]):
            for row in batch.filter(pc.is_in(batch.column("text_id"), wanted)).to_pylist():
                if row["scheme"] == CLAIMS.id:
                    spans = tuple(SpanRecord(**span) for span in row["spans"])
                    found[row["text_id"], row["text_sha256"]] = Judged(spans, said.get(row["text_id"], {}))
        return found

    def _verdicts(self, wanted: pa.Array) -> dict[str, dict[int, Counter[str]]]:
        """How often each verdict was given, by caption and claim."""
        found: dict[str, dict[int, Counter[str]]] = {}
        for judge in self.plan.judges:
            step, _, only = judge.partition("/")
            columns = ["text_id", "claim", "verdict", "producer"]
            for batch in self.ws.layer(step, "verdicts").to_batches(columns=columns):
                for row in batch.filter(pc.is_in(batch.column("text_id"), wanted)).to_pylist():
                    if row["verdict"] is not None and only in ("", row["producer"]["name"]):
                        found.setdefault(row["text_id"], {}).setdefault(row["claim"], Counter())[row["verdict"]] += 1
        return found


def _one_against(claims: Sequence[SpanRecord], address: str, seed: int) -> dict[int, Counter[str]]:
    """Votes that deny one claim: what a right caption is trapped with."""
    votes = {at: Counter({VERDICTS[SUPPORTED]: 1}) for at in range(len(claims))}
    if votes:
        votes[int(luck(seed, "denied", address) * len(votes))] = Counter({VERDICTS[CONTRADICTED]: 1})
    return votes


def _marked(of: Judged) -> tuple[list[RegionRecord], str | None]:
    """What judges say of a caption, as a reader would: claims that most of them do not support are marked."""
    marks, heard = [], 0
    for number, claim in enumerate(of.claims):
        votes = of.votes.get(number)
        if votes:
            heard += 1
            if 2 * votes[VERDICTS[SUPPORTED]] < votes.total():
                marks.append(RegionRecord(text=CAPTION, start=claim.start, end=claim.end, label=WORDS.labels[0]))
    if not heard:
        return [], None
    return marks, CORRECT if not marks else WRONG if len(marks) == len(of.claims) else PARTIALLY


def _guesses(ws: Workspace, layer: str, wanted: set[str]) -> tuple[dict[tuple[str, str], list[dict[str, Any]]], str]:
    """The first layer's spans of the wanted texts by address and hash, and the version that made them."""
    if not ws.shards(layer_room("spans"), layer):
        return {}, ""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    addresses = pa.array(sorted(wanted))
    for batch in ws.layer(layer, "spans").to_batches(columns=["text_id", "text_sha256", "scheme", "spans"]):
        kept = batch.filter(
            pc.and_(pc.is_in(batch.column("text_id"), addresses), pc.equal(batch.column("scheme"), PRO.id))
        )
        for row in kept.to_pylist():
            found[row["text_id"], row["text_sha256"]] = [
                {name: span[name] for name in ("start", "end", "label", "score")} for span in row["spans"]
            ]
    return found, f"{layer}@{ws.manifest.steps[layer].active}"


def _questions(ws: Workspace, owners: set[str]) -> dict[str, tuple[str, str]]:
    """The questions of some examples, with their answers."""
    wanted = pa.array(sorted(owners))
    found: dict[str, tuple[str, str]] = {}
    for batch in ws.examples().to_batches(columns=["id", "question", "answer"]):
        for row in batch.filter(pc.is_in(batch.column("id"), wanted)).to_pylist():
            found[row["id"]] = row["question"], row["answer"]["text"]
    return found


def images_of(ws: Workspace, owners: set[str]) -> dict[str, str]:
    """The first picture of some examples that show one."""
    wanted = pa.array(sorted(owners))
    found: dict[str, str] = {}
    for batch in ws.examples().to_batches(columns=["id", "images"]):
        for row in batch.filter(pc.is_in(batch.column("id"), wanted)).to_pylist():
            if row["images"]:
                found[row["id"]] = row["images"][0]["sha256"]
    return found
