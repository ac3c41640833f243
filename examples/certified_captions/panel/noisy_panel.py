"""Plugins whose errors are known: a captioner that slips as often as it is told to, and judges of stated accuracy.

They stand in for models where none is at hand. Each judge takes the oracle's word and errs on it: a latent of unit
normal noise around a mean that gives the stated sensitivity or specificity; its score is a logistic of the latent, and
overconfident, as models' scores are.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from statistics import NormalDist
from typing import ClassVar

from pydantic import Field

from perceptdata import registry
from perceptdata.errors import Rejected
from perceptdata.example import Example
from perceptdata.plugins import Captioned, Captioner, CaptionItem, ImageItem, Judge, Judged, Opinion
from perceptdata.verification.probes import perturb_numbers

OVERCONFIDENT = 3.0


class Seeded(Captioner):
    """Captions from the facts; a share `wrong` of the sentences has other numbers."""

    name: ClassVar[str] = "seeded"

    wrong: float = Field(default=0.05, ge=0, le=1)
    seed: int = 0

    def caption(self, images: Sequence[ImageItem]) -> list[list[Captioned | Rejected]]:
        """One an image."""
        return [[self._caption(image)] for image in images]

    def _caption(self, image: ImageItem) -> Captioned | Rejected:
        sentences = next((found for example in image.examples if (found := in_words(example))), None)
        if sentences is None:
            return Rejected("seeded.no_words", "there are no facts that this captioner can put into words")
        draw = random.Random(f"{self.seed}/{image.sha256}")
        told = [self._slipped(each, draw) if draw.random() < self.wrong else each for each in sentences]
        return Captioned("\n".join(told))

    def _slipped(self, sentence: str, draw: random.Random) -> str:
        return perturb_numbers(sentence, draw.randrange(2**31)).text or sentence


def in_words(example: Example) -> list[str] | None:
    """What an image shows, a sentence for each fact; None where the facts are of another kind."""
    if example.facts is None or len(example.images) != 1:
        return None
    if example.source.corpus == "graph_coloring":
        facts = json.loads(example.facts)
        edges = [tuple(edge) for edge in facts["edges"]]
        joined = [
            f"Vertex {at} is joined to {' and '.join(others)}."
            for at in range(2)
            if len(others := [str(u + w - at) for u, w in edges if at in (u, w)]) > 1
        ]
        return [
            f"There are {facts['v']} vertices.",
            *joined,
            f"The edges are {', '.join(f'{u}-{w}' for u, w in edges)}.",
        ]
    return example.facts.split("\n") if example.source.corpus == "NLVR" else None


class Noisy(Judge):
    """`sensitivity` of true claims, `specificity` of false ones; of false claims in a caption that is mostly false,
    `gross`: a caption that belongs to another image is easier to see through than a slip.
    """

    sensitivity: float = Field(default=0.98, gt=0, lt=1)
    specificity: float = Field(default=0.85, gt=0, lt=1)
    gross: float = Field(default=0.99, gt=0, lt=1)
    seed: int = 0

    def judge(self, captions: Sequence[CaptionItem]) -> list[Judged]:
        """What the oracle says, with errors; what the oracle cannot tell is not visible."""
        oracle = registry.make("judges", "oracle", {})
        told = []
        for item, judged in zip(captions, oracle.judge(captions), strict=True):
            false = sum(each.verdict != "supported" for each in judged.opinions)
            notices = self.gross if 2 * false > len(judged.opinions) else self.specificity
            told.append(
                Judged(tuple(self._opinion(item, at, each, notices) for at, each in enumerate(judged.opinions)))
            )
        return told

    def _opinion(self, item: CaptionItem, place: int, known: Opinion, notices: float) -> Opinion:
        if known.verdict is None:
            return Opinion("not_visible", 0.0)
        true = known.verdict == "supported"
        right = NormalDist().inv_cdf(self.sensitivity if true else notices)
        draw = random.Random(f"{self.name}/{self.seed}/{item.image}/{item.claim(place)}/{place}")
        latent = (right if true else -right) + draw.gauss(0, 1)
        score = 1 / (1 + math.exp(-OVERCONFIDENT * latent))
        return Opinion("supported" if latent > 0 else "contradicted", score)


class NoisyA(Noisy):
    """One of three that err apart."""

    name: ClassVar[str] = "noisy_a"


class NoisyB(Noisy):
    """One of three that err apart."""

    name: ClassVar[str] = "noisy_b"


class NoisyC(Noisy):
    """One of three that err apart."""

    name: ClassVar[str] = "noisy_c"


class Blind(Judge):
    """Passes everything that sounds like a caption, whatever the image."""

    name: ClassVar[str] = "blind"

    def judge(self, captions: Sequence[CaptionItem]) -> list[Judged]:
        """Supported, and sure of it."""
        return [Judged(tuple(Opinion("supported", 0.99) for _ in item.claims)) for item in captions]
