"""One shard of verdicts: the captions with their claims, what each judge says of them, and of them under probes.

for judge in work.judges:
    judged_by(judge, list(work.captions()), answers)

In the meta of a verdict stand the claim's `kind`; of a claim that was probed `probes`, by probe the verdict or null
where the judge was silent; and of a judge that is refused `refused`, the reason. The verdict stays as it was given.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from perceptdata import layers, llm
from perceptdata.errors import Rejected
from perceptdata.example import split_text_id
from perceptdata.layers import Producer, Reject, Score, text_sha256
from perceptdata.llm.asking import Answers, Ask, answers_of
from perceptdata.manifest import digest
from perceptdata.packs import ImageStore
from perceptdata.plugins import CaptionItem, Judge, Judged, Opinion
from perceptdata.shard import ShardWriter
from perceptdata.steps.captioned import LEAKS, claims_of
from perceptdata.steps.pictures import shown
from perceptdata.steps.probed import Probe, Probed, is_chosen, variant
from perceptdata.verification.asking import AskingJudge, judged_by
from perceptdata.verification.claims import CLAIMS
from perceptdata.workspace import layer_room

VERDICTS, SCORES = layer_room("verdicts"), layer_room("scores")
KIND, PROBES, REFUSED = "kind", "probes", "refused"
REFUSAL = "judge.refused"


Variants = dict[Probe, list[tuple[int, Probed]]]
"""Changed captions, each with the place of the one that it was made of."""


@dataclass(frozen=True, slots=True)
class Probing:
    """Which captions are probed, and how."""

    probes: tuple[Probe, ...] = ()
    share: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class JudgeWork:
    """One shard of verdicts, over one shard of captions and its claims.

    `examples` and `repeated` are those of the captions. `beside` are the files of captions that judges read, by step.
    `refused` holds the reasons, by judge; the shard that `announces` them has the rejects.
    """

    producer: Producer
    judges: tuple[Judge, ...]
    captions_file: Path
    claims_file: Path
    examples: tuple[Path, ...]
    repeated: frozenset[str]
    packs: tuple[Path, ...]
    replies: Path
    beside: tuple[tuple[str, tuple[Path, ...]], ...] = ()
    probing: Probing = Probing()
    refused: Mapping[str, str] = field(default_factory=dict)
    announces: bool = False

    def probed(self, captions: Sequence[CaptionItem]) -> Variants:
        """By probe the changed captions, each with the place of the one that it was made of."""
        found: Variants = {}
        chosen = [
            at for at, item in enumerate(captions) if is_chosen(item.text_id, self.probing.seed, self.probing.share)
        ]
        for probe in self.probing.probes:
            for at in chosen:
                made = variant(captions[at], probe, self._other(captions, at) if probe == "shuffled" else None)
                if made is not None:
                    found.setdefault(probe, []).append((at, made))
        return found

    def asks(self, judge: AskingJudge, answers: Answers) -> Iterator[Ask]:
        """What a judge wants to know of this shard's captions, and of the changed ones."""
        captions = list(self.captions())
        yield from judge.asks(captions, answers)
        if not judge.whole:
            for made in self.probed(captions).values():
                yield from judge.asks([probed.item for _, probed in made], answers)

    def run(self, writer: ShardWriter) -> None:
        """A row for each claim and judge; a score for each caption and judge of whole captions."""
        writer.write(VERDICTS, layers.Verdict.arrow_schema().empty_table())
        leaks = {row["text_id"]: row["leaks"] for row in self._rows()}
        captions = list(self.captions())
        variants = self.probed(captions)
        with llm.ReplyCache(self.replies) as replies:
            for judge in self.judges:
                answers = answers_of(replies, judge.endpoint) if isinstance(judge, AskingJudge) else None
                producer = producer_of(judge)
                told = judged_by(judge, captions, answers)
                probes = {} if judge.whole else _probed(judge, variants, answers)
                for at, (item, judged) in enumerate(zip(captions, told, strict=True)):
                    if judged.problem is not None:
                        writer.reject(self._reject(item, judge, judged.problem))
                    if judge.whole:
                        writer.add(SCORES, self._score(item, judge, judged, leaks[item.text_id], producer))
                    for place, opinion in enumerate(judged.opinions):
                        writer.add(
                            VERDICTS, self._verdict(item, place, opinion, judge, probes.get((at, place)), producer)
                        )
        if self.announces:
            for name, reason in self.refused.items():
                writer.reject(self._rejected(name, Rejected(REFUSAL, reason), ""))

    def captions(self) -> Iterator[CaptionItem]:
        """All captions of the shard, in order."""
        rows = self._rows()
        store = ImageStore(self.packs)
        examples = dict(shown(self.examples, self.repeated))
        others: dict[str, list[tuple[str, str]]] = {}
        for row in rows:
            others.setdefault(row["image"], []).append((row["text_id"], row["text"]))
        beside = self._beside()
        claims = {
            row["text_id"]: claims_of(row["spans"])
            for row in pq.read_table(self.claims_file).to_pylist()
            if row["scheme"] == CLAIMS.id
        }
        for row in rows:
            image = row["image"]
            yield CaptionItem(
                text_id=row["text_id"],
                text=row["text"],
                claims=claims.get(row["text_id"], ()),
                image=image,
                data=memoryview(store[image]).cast("B"),
                examples=examples.get(image, ()),
                others=tuple(text for address, text in others[image] if address != row["text_id"]),
                meta={step: of.get(image, []) for step, of in beside.items()},
            )

    def _rows(self) -> list[dict[str, Any]]:
        table = pq.read_table(self.captions_file, columns=["text_id", "image", "text", "meta"])
        return [{**row, "leaks": LEAKS in row["meta"]} for row in table.to_pylist()]

    def _beside(self) -> dict[str, dict[str, list[str]]]:
        """The texts of other captions, by step and image."""
        found: dict[str, dict[str, list[str]]] = {}
        for step, paths in self.beside:
            of = found.setdefault(step, {})
            for path in paths:
                for row in pq.read_table(path, columns=["image", "text"]).to_pylist():
                    of.setdefault(row["image"], []).append(row["text"])
        return found

    def _other(self, captions: Sequence[CaptionItem], at: int) -> CaptionItem | None:
        """A caption of another image, of another group: pictures of one group may bear out the same caption."""
        mine = captions[at]
        groups = {example.group for example in mine.examples}
        draw = random.Random(f"{self.probing.seed} {mine.text_id}")
        for other in draw.sample(captions, len(captions)):
            if other.image != mine.image and groups.isdisjoint(example.group for example in other.examples):
                return other
        return None

    def _verdict(
        self,
        item: CaptionItem,
        place: int,
        opinion: Opinion,
        judge: Judge,
        probes: Mapping[str, str | None] | None,
        producer: Producer,
    ) -> layers.Verdict:
        claim = item.claims[place]
        meta: dict[str, Any] = {**opinion.meta, KIND: claim.kind}
        if probes is not None:
            meta[PROBES] = dict(probes)
        if judge.name in self.refused:
            meta[REFUSED] = self.refused[judge.name]
        return layers.Verdict(
            text_id=item.text_id,
            text_sha256=text_sha256(item.text),
            claim=place,
            start=claim.start,
            end=claim.end,
            verdict=opinion.verdict,
            unjudged=opinion.unjudged,
            score=opinion.score,
            evidence=opinion.evidence,
            meta=meta,
            producer=producer,
        )

    def _score(self, item: CaptionItem, judge: Judge, judged: Judged, leaks: bool, producer: Producer) -> Score:
        return Score(
            example_id=split_text_id(item.text_id).owner,
            text_id=item.text_id,
            name=judge.name,
            value=judged.score,
            unscored=judged.unscored,
            meta={**judged.meta, **({LEAKS: True} if leaks else {})},
            producer=producer,
        )

    def _reject(self, item: CaptionItem, judge: Judge, problem: Rejected) -> Reject:
        split = item.examples[0].source.split if item.examples else ""
        return self._rejected(item.text_id, Rejected(problem.code, f"{judge.name}: {problem.message}"), split)

    def _rejected(self, key: str, problem: Rejected, split: str) -> Reject:
        return Reject(
            builder=self.producer.name,
            split=split,
            key=key,
            code=problem.code,
            message=problem.message,
            producer=self.producer,
        )

    def marked(self, refused: Mapping[str, str], announces: bool) -> JudgeWork:
        """The same shard, with what is now known of its judges."""
        return replace(self, refused=refused, announces=announces)


def producer_of(judge: Judge) -> Producer:
    """Who a verdict is by: the judge, its version, and the hash of its options."""
    return Producer(name=judge.name, version=judge.version, config=digest(judge.options())[:8])


def _probed(judge: Judge, variants: Variants, answers: Answers | None) -> dict[tuple[int, int], dict[str, str | None]]:
    """What the judge says of probed claims: by caption and claim, then by probe."""
    said: dict[tuple[int, int], dict[str, str | None]] = {}
    for probe, made in variants.items():
        told = judged_by(judge, [probed.item for _, probed in made], answers)
        for (at, probed), judged in zip(made, told, strict=True):
            for claim, place in enumerate(probed.place):
                if place is not None:
                    said.setdefault((at, claim), {})[probe] = judged.opinions[place].verdict
    return said
