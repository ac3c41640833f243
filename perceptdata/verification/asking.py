"""Captioners and judges that ask a model. They write questions and read answers; the engine sends, keeps and counts.

for ask in judge.asks(captions, answers): …       # what it wants to know, given what is known already
judge.told(captions, answers)                     # what it makes of the answers
binding_of(judge, segmenter)                      # what a calibration of this judge holds for
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from perceptdata.errors import PluginError, Rejected, UsageError
from perceptdata.llm.asking import Answers, Ask
from perceptdata.llm.endpoint import Endpoint
from perceptdata.llm.request import Request, json_schema
from perceptdata.plugins import Captioned, Captioner, CaptionItem, ImageItem, Judge, Judged, Plugin
from perceptdata.records import canonical_json
from perceptdata.verification.calibration import Binding
from perceptdata.verification.verdicts import VERDICTS


class AskingCaptioner(Captioner):
    """`endpoint` is asked about each image, `max_calls` times at most a step."""

    endpoint: Endpoint
    max_calls: int | None = Field(default=None, ge=1)

    def options(self) -> dict[str, Any]:
        """The options, with of the endpoint only what answers depend on."""
        return {**super().options(), "endpoint": self.endpoint.identity()}

    @abstractmethod
    def asks(self, images: Sequence[ImageItem], answers: Answers) -> Iterator[Ask]:
        """Every question about these images. The same images and answers give the same questions."""

    @abstractmethod
    def told(self, images: Sequence[ImageItem], answers: Answers) -> list[list[Captioned | Rejected]]:
        """What the answers say of each image, in order; see `Captioner.caption`."""

    def caption(self, images: Sequence[ImageItem]) -> list[list[Captioned | Rejected]]:
        """Not alone: answers have to be asked for first."""
        raise _alone(self, "captioner")


class AskingJudge(Judge):
    """`endpoint` is asked about captions, `max_calls` times at most a step. `prompt` and `schema` are what a judge's
    calibration is bound to: the words of its task, and the shape of its answers.
    """

    prompt: ClassVar[str]
    answer: ClassVar[type[BaseModel] | None] = None

    endpoint: Endpoint
    max_calls: int | None = Field(default=None, ge=1)

    def options(self) -> dict[str, Any]:
        """The options, with of the endpoint only what answers depend on."""
        return {**super().options(), "endpoint": self.endpoint.identity()}

    @abstractmethod
    def asks(self, captions: Sequence[CaptionItem], answers: Answers) -> Iterator[Ask]:
        """Every question about these captions, follow-ups that answers call for included.

        The same captions and answers give the same questions.
        """

    @abstractmethod
    def told(self, captions: Sequence[CaptionItem], answers: Answers) -> list[Judged]:
        """What the answers say of each caption, in order; see `Judge.judge`."""

    def judge(self, captions: Sequence[CaptionItem]) -> list[Judged]:
        """Not alone: answers have to be asked for first."""
        raise _alone(self, "judge")


def binding_of(judge: Judge, segmenter: str) -> Binding:
    """What verdicts of this judge depend on, but the captions: a calibration holds for it and for nothing else."""
    options = judge.options()
    if not isinstance(judge, AskingJudge):
        return Binding(
            model=f"{judge.name}@{judge.version}", prompt="", schema_hash=_hash(options), segmenter=segmenter
        )
    own = {name: value for name, value in options.items() if name not in ("endpoint", "max_calls")}
    shape = None if judge.answer is None else json_schema(judge.answer)
    return Binding(
        model=f"{judge.endpoint.model}/{_hash(options['endpoint'])}",
        prompt=_hash([judge.name, judge.version, judge.prompt, own]),
        schema_hash=_hash(shape),
        segmenter=segmenter,
    )


def captions_by(
    captioner: Captioner, images: Sequence[ImageItem], answers: Answers | None
) -> list[list[Captioned | Rejected]]:
    """What a captioner says, whether it asks a model or not. PluginError where it leaves images out."""
    if isinstance(captioner, AskingCaptioner):
        told = captioner.told(images, answers or _nothing)
    else:
        told = captioner.caption(images)
    if len(told) != len(images):
        raise PluginError(f"captioner '{captioner.name}' returned captions of {len(told)} images for {len(images)}")
    return told


def judged_by(judge: Judge, captions: Sequence[CaptionItem], answers: Answers | None) -> list[Judged]:
    """What a judge says, whether it asks a model or not. PluginError where it leaves captions or claims out, or says
    what is no verdict.
    """
    told = judge.told(captions, answers or _nothing) if isinstance(judge, AskingJudge) else judge.judge(captions)
    if len(told) != len(captions):
        raise PluginError(f"judge '{judge.name}' returned {len(told)} results for {len(captions)} captions")
    for item, judged in zip(captions, told, strict=True):
        if len(judged.opinions) != (0 if judge.whole else len(item.claims)):
            raise PluginError(
                f"judge '{judge.name}' returned {len(judged.opinions)} opinions for {len(item.claims)} claims of "
                f"{item.text_id}"
            )
        for opinion in judged.opinions:
            if opinion.verdict is not None and opinion.verdict not in VERDICTS:
                raise PluginError(f"judge '{judge.name}' says {opinion.verdict!r}; a verdict is {', '.join(VERDICTS)}")
            if (opinion.verdict is None) == (opinion.unjudged is None):
                raise PluginError(f"judge '{judge.name}' must give each claim a verdict, or the reason why it has none")
    return told


def _nothing(request: Request) -> None:
    """No answer to anything."""


def _alone(plugin: Plugin, noun: str) -> UsageError:
    return UsageError(f"{noun} '{plugin.name}' asks a model: run it in a step, which asks for all of them first")


def _hash(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]
