"""`facts`: does the description state what a certified caption of the image states, and nothing against it?

    value = max(0, (stated - contradiction · contradicted) / facts of the caption)

A recall: what the description says beyond the caption costs nothing, unless it contradicts. Facts are compared locally
(`matching`); with an `endpoint`, a text model is asked about those that the local comparison leaves open or misses, all
of a description in one call. Where a family can read both texts, it compares them as scenes instead.

The captions are the reward: only certified ones are taken (`references`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from perceptdata.errors import UsageError
from perceptdata.example import Example
from perceptdata.llm import Endpoint, Ledger, Message, Reply, Request, Sampling
from perceptdata.plugins import Scored
from perceptdata.records import canonical_json
from perceptdata.rewards.scene import family_of
from perceptdata.rewards.surrogates.asking import DATA, ask_all, usable
from perceptdata.rewards.surrogates.described import Described, Describing
from perceptdata.rewards.surrogates.matching import Fact, Finding, facts_of, look, worth
from perceptdata.rewards.surrogates.references import References
from perceptdata.workspace import Workspace

TASK = (
    "You compare a description of an image with a list of facts. Say of each fact, by its number, whether the "
    "description states it, contradicts it, or is silent. Other words for the same thing state it; what the "
    "description leaves open is silent. Reply with JSON only, one entry for each fact: "
    '{"facts": [{"id": 3, "says": "stated"}, …]}\n'
)


class Word(BaseModel):
    """What the judge says of one fact."""

    model_config = ConfigDict(extra="forbid")
    id: int
    says: Literal["stated", "contradicted", "silent"]


class Words(BaseModel):
    """The whole reply."""

    model_config = ConfigDict(extra="forbid")
    facts: list[Word]


_FINDING = {"stated": Finding.STATED, "contradicted": Finding.CONTRADICTED, "silent": Finding.MISSING}


class Facts(Describing):
    """Facts of a certified caption that the description states, less those that it contradicts.

    `captions` names the step of the `workspace` whose captions are the reference: a certify step, or any other with the
    `certificate` that proves them. `endpoint` is asked about what the local comparison cannot tell.
    """

    name: ClassVar[str] = "facts"

    workspace: Path
    captions: str
    certificate: Path | None = None
    allow_uncertified: bool = False
    contradiction: float = Field(1.0, ge=0)
    endpoint: Endpoint | None = None
    max_tokens: int = Field(2048, ge=1)
    _spent: Ledger = PrivateAttr(default_factory=Ledger)

    def options(self) -> dict[str, Any]:
        """The options, with of the endpoint only what answers depend on."""
        return {**super().options(), "endpoint": None if self.endpoint is None else self.endpoint.identity()}

    @property
    def spent(self) -> Ledger:
        """What was asked so far, and what it cost."""
        return self._spent

    def prepare(self) -> None:
        """Read the captions, and check that they may be used."""
        if not any(self._facts.values()):
            raise UsageError(
                f"step '{self.captions}' has no caption that states anything; name another with `captions`"
            )
        if self.endpoint is not None:
            self.endpoint.key()

    @property
    def stamp(self) -> str | None:
        """The mark of uncertified references."""
        return self.references.stamp

    @cached_property
    def references(self) -> References:
        """The captions. Raises UsageError where they may not be used."""
        return References.load(Workspace(self.workspace), self.captions, self.certificate, self.allow_uncertified)

    @cached_property
    def _facts(self) -> dict[str, list[tuple[str, Fact]]]:
        """Each image's facts, each with the clause that states it; what two captions of an image state counts once."""
        found: dict[str, list[tuple[str, Fact]]] = {}
        for image, texts in self.references.captions.items():
            pairs = {text[fact.start : fact.end]: fact for text in texts for fact in facts_of(text)}
            found[image] = list(pairs.items())
        return found

    def lacks(self, example: Example) -> str | None:
        """Only an image with a reference caption can be scored."""
        image = example.images[0].sha256 if len(example.images) == 1 else ""
        return None if self._facts.get(image) else "no_reference"

    def compare(self, batch: Sequence[Described]) -> list[Scored]:
        """See `Describing.compare`."""
        scenes = [self._as_scenes(each) for each in batch]
        rest = [each for each, scored in zip(batch, scenes, strict=True) if scored is None]
        findings: list[list[Finding] | Scored] = [
            [*look([fact for _, fact in self._facts[_image(each)]], facts_of(each.text))] for each in rest
        ]
        if self.endpoint is not None:
            findings = self._judged(rest, findings, self.endpoint)
        compared = (
            found if isinstance(found, Scored) else Scored(worth(found, self.contradiction)) for found in findings
        )
        marked = [scored if scored is not None else next(compared) for scored in scenes]
        return [
            scored._replace(reason=self.stamp if scored.reason is None else f"{scored.reason}; {self.stamp}")
            if self.stamp
            else scored
            for scored in marked
        ]

    def _as_scenes(self, each: Described) -> Scored | None:
        """The comparison of two scenes, where the caption states one."""
        family = family_of(each.rollout.example)
        if family is None:
            return None
        captions = self.references.captions[_image(each)]
        scene = next((scene for text in captions if (scene := family.parse(text)) is not None), None)
        return None if scene is None else Scored(family.check_perception(each.text, scene, dense=True))

    def _judged(
        self, batch: Sequence[Described], findings: Sequence[list[Finding] | Scored], endpoint: Endpoint
    ) -> list[list[Finding] | Scored]:
        """The findings, with the judge's word where the local comparison has none."""
        unsure = [
            [at for at, finding in enumerate(found) if finding in (Finding.OPEN, Finding.MISSING)]
            if isinstance(found, list)
            else []
            for found in findings
        ]
        requests = {place: self._request(batch[place], places) for place, places in enumerate(unsure) if places}
        heard, trouble = ask_all([*requests.values()], endpoint, self.workspace, f"rewards_{self.name}", self._charge)
        settled = list(findings)
        for place, request in requests.items():
            reply = usable(heard.get(request.key(endpoint)), trouble)
            local = findings[place]
            if isinstance(reply, Scored):
                settled[place] = reply
            elif isinstance(local, list):
                settled[place] = _settled(local, unsure[place], reply)
        return settled

    def _request(self, each: Described, places: Sequence[int]) -> Request:
        listed = {str(place): self._facts[_image(each)][place][0] for place in places}
        content = canonical_json({"description": each.text, "facts": listed})
        messages = (Message("system", TASK + DATA), Message("user", content))
        return Request(messages, Sampling(temperature=0.0, max_tokens=self.max_tokens), schema=Words)

    def _charge(self, ledger: Ledger) -> None:
        self._spent = self._spent + ledger


def _image(each: Described) -> str:
    return each.rollout.example.images[0].sha256


def _settled(local: Sequence[Finding], asked: Sequence[int], reply: Reply) -> list[Finding] | Scored:
    """The findings with the judge's; a reply that leaves facts out says nothing of the description."""
    said = {word.id: _FINDING[word.says] for word in Words.model_validate(reply.parsed).facts}
    if not set(asked) <= said.keys():
        return Scored(None, "judge: facts_left_out")
    return [said[at] if at in asked else finding for at, finding in enumerate(local)]
