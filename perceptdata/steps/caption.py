"""Caption: every image gets captions, once, however many examples and shards show it, and each its claims.

    Caption(endpoint={"urls": [...], "model": "Qwen3-VL-32B"}, n=2, temperature=0.7)
    Caption(**{"from": "corpus"})                      # those that sources brought
    Caption(**{"from": "facts"})                       # the examples' facts, as captions of their one image
    Caption(**{"from": "cot"})                         # the descriptions in a step's responses

    caps: {do: caption, with: vl, n: 2, temperature: 0.7, decompose: text-model}

An image is captioned with the first shard that shows it, and its captions are addressed by it:
`img:<sha256>#caps/<sample>`. Two layers come of it: `captions`, where `leaks` in the meta names the examples whose
answer the caption gives away, and `spans` of the scheme `claims@1`, the claims that are judged, read and certified.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, model_validator

from perceptdata import llm, registry
from perceptdata.errors import UsageError
from perceptdata.formats import Format
from perceptdata.layers import LayerKind
from perceptdata.llm.asking import Answers, Ask, Asked, Wanted, answers_of, ask_rounds
from perceptdata.manifest import FileEntry, digest
from perceptdata.plugins import Captioner
from perceptdata.shard import IMAGES
from perceptdata.steps.captioned import CORPUS, FACTS, CaptionWork
from perceptdata.steps.declared import make_format
from perceptdata.steps.pictures import showings
from perceptdata.steps.step import Prepared, Shard, Step, Watch
from perceptdata.verification.asking import AskingCaptioner
from perceptdata.verification.decomposition import segmenter_of
from perceptdata.workspace import EXAMPLES, layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace


def _single(value: Any) -> Any:
    return value[0] if isinstance(value, list | tuple) and len(value) == 1 else value


class Caption(Step):
    """Captions by the captioner `use`, or those that `from` names: `corpus`, `facts`, or a step that wrote responses,
    whose descriptions are cut out with `format`.

    `endpoint`, `n` and `temperature` are the captioner's. `decompose` is a model that cuts clauses into smaller claims.
    `budget` bounds what one run spends on models; `retry_failed` asks again where an answer was of no use.
    """

    do: ClassVar[str] = "caption"
    use: Annotated[str | dict[str, dict[str, Any] | None], BeforeValidator(_single)] = "llm"
    from_: str | None = Field(default=None, alias="from")
    endpoint: llm.Endpoint | None = None
    n: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0)
    format: dict[str, Any] = Field(default_factory=lambda: {"use": "describe_think_boxed"})
    decompose: llm.Endpoint | None = None
    budget: llm.Budget = llm.Budget()
    retry_failed: bool = False

    @model_validator(mode="after")
    def _one_origin(self) -> Caption:
        if self.from_ is not None and self.endpoint is not None:
            raise ValueError("'from' takes captions that are there, 'with' asks a model for new ones: name one of them")
        return self

    @cached_property
    def captioner(self) -> Captioner | None:
        """Who writes them, with options checked; None where they are there."""
        if self.from_ is not None:
            return None
        named = {self.use: None} if isinstance(self.use, str) else self.use
        if len(named) != 1:
            raise UsageError(f"'use' is a captioner or one {{name: {{options}}}}, not {self.use}")
        ((name, options),) = named.items()
        given = {"endpoint": self.endpoint, "n": self.n, "temperature": self.temperature}
        if name == "llm" and self.endpoint is None and "endpoint" not in (options or {}):
            raise UsageError("caption: name a model with 'with', or captions that are there with 'from'")
        chosen = {key: value for key, value in given.items() if value is not None}
        return registry.make("captioners", name, {**(options or {}), **chosen})

    @cached_property
    def form(self) -> Format | None:
        """How descriptions are found in responses."""
        return None if self.from_ in (None, CORPUS, FACTS) else make_format(self.format)

    def identity(self) -> dict[str, Any]:
        """Everything that captions and claims depend on; not where models stand, nor the budget."""
        by = self.captioner
        writer = {"use": {"name": by.name, "version": by.version, **by.options()}} if by else {"from": self.from_}
        form = {"format": {"name": self.form.name, **self.form.options()}} if self.form else {}
        return {
            "do": self.do,
            "version": self.version,
            **writer,
            **form,
            "segmenter": segmenter_of(self.decompose),
        }

    def needs(self) -> tuple[str, ...]:
        """The step whose responses are described in."""
        return () if self.from_ in (None, CORPUS, FACTS) else (str(self.from_),)

    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        """One shard for each shard of examples that shows an image first."""
        files = {f"{step}/{shard}": file for step, shard, _, file in ws.shards(EXAMPLES)}
        packs = tuple(ws.file(file) for _, _, _, file in ws.shards(IMAGES))
        given = self._given(ws, name)
        found = showings(ws)
        if not found:
            raise UsageError(f"{name}: no example shows an image; build a source that has images first")
        shards = []
        for about, showing in found.items():
            abouts = (about, *showing.sharers)
            read = [file for each in abouts for file in given.get(each, [])]
            if given is not _NOTHING and not read:
                continue
            work = CaptionWork(
                step=name,
                producer=self.producer(),
                examples=tuple(ws.file(files[each]) for each in abouts),
                repeated=showing.repeated,
                packs=packs,
                replies=ws.path / llm.REPLIES,
                captioner=self.captioner,
                origin=self.from_ or "",
                form=self.form,
                given=tuple(map(ws.file, read)),
                decompose=self.decompose,
            )
            source = digest(showing.digest(files), [file.sha256 for file in read])
            shards.append(Shard(about.replace("/", "-"), source, about, work))
        return shards

    def prepare(self, ws: Workspace, name: str, shards: list[Shard], watch: Watch) -> Prepared:
        """Ask for captions, then how they are cut; shards with questions left open by a stop are not made."""
        if not shards or not (isinstance(self.captioner, AskingCaptioner) or self.decompose):
            return Prepared(shards)
        works = _works(shards)
        with llm.ReplyCache(ws.path / llm.REPLIES, step=name) as replies:

            def ask(wanted: Wanted, endpoint: llm.Endpoint, max_calls: int | None) -> Asked:
                return ask_rounds(
                    wanted,
                    endpoint,
                    replies,
                    images=ws.images,
                    max_calls=max_calls,
                    budget=self.budget,
                    retry_failed=self.retry_failed,
                    watch=lambda done, ledger: watch(0, len(shards), done),
                )

            def captions(answers: Answers) -> Iterator[Ask]:
                return chain.from_iterable(work.asks(answers) for work in works)

            def cuts(answers: Answers) -> Iterator[Ask]:
                return chain.from_iterable(work.cuts(replies) for work in works)

            asked = Asked()
            if isinstance(self.captioner, AskingCaptioner):
                asked = ask(captions, self.captioner.endpoint, self.captioner.max_calls)
            if self.decompose and asked.stopped is None:
                asked = ask(cuts, self.decompose, None)
            if asked.stopped is None:
                return Prepared(shards)
            ready = [shard for shard in shards if not self._open(shard, replies)]
        return Prepared(ready, asked.stopped)

    def estimate(self, ws: Workspace, name: str, shards: list[Shard]) -> dict[str, Any]:
        """What the captions would take; how they are cut depends on them. Nothing is sent."""
        if not isinstance(self.captioner, AskingCaptioner):
            return {}
        with llm.known_replies(ws.path / llm.REPLIES, name) as replies:
            known = answers_of(replies, self.captioner.endpoint)
            requests = (ask.request for work in _works(shards) for ask in work.asks(known))
            return asdict(llm.estimate(requests, self.captioner.endpoint, replies, images=ws.images))

    def _open(self, shard: Shard, replies: llm.ReplyCache) -> bool:
        """Whether a question about this shard has no answer yet."""
        (work,) = _works([shard])
        if isinstance(self.captioner, AskingCaptioner):
            known = answers_of(replies, self.captioner.endpoint)
            if any(known(ask.request) is None for ask in work.asks(known)):
                return True
        cut = answers_of(replies, self.decompose) if self.decompose else None
        return cut is not None and any(cut(ask.request) is None for ask in work.cuts(replies))

    def _given(self, ws: Workspace, name: str) -> dict[str, list[FileEntry]]:
        """The files of the texts that are there, by the shard of examples that they speak of."""
        if self.from_ in (None, FACTS):
            return _NOTHING
        kind: LayerKind = "captions" if self.from_ == CORPUS else "responses"
        sources = ws.sources() if self.from_ == CORPUS else [str(self.from_)]
        found: dict[str, list[FileEntry]] = {}
        for step in sources:
            if self.from_ != CORPUS:
                ws.layer(step, kind)
            for _, _, entry, file in ws.shards(layer_room(kind), step):
                found.setdefault(entry.about, []).append(file)
        if not found:
            raise UsageError(f"{name}: no source brought captions; name a model with 'with', or take the facts")
        return found


_NOTHING: dict[str, list[FileEntry]] = {}


def _works(shards: list[Shard]) -> list[CaptionWork]:
    return [shard.work for shard in shards if isinstance(shard.work, CaptionWork)]
