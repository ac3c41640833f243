"""Tag: texts get a spans layer, clause by clause, from one tagger or a chain of them.

    Tag(use=["structure", "cues"])                     # the source's own responses
    Tag(**{"from": ["cot"], "use": ["structure", {"cues": {"margin": 0.1}}]})

    tags: {do: tag, from: cot, use: [structure, linear, {llm: vl, margin_below: 0.15, max_calls: 60000}]}

Each tagger sees what the ones before it said, and labels only what they left open; one that asks a model may also be
shown what they were unsure of. All questions are asked before any shard is made (`tagging.rounds`), and every answer is
kept in `replies/`, so a run that was stopped pays for nothing twice. What an answer could not be used for is a reject
with its reason, and the label of the cheaper taggers stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from perceptdata import llm, registry
from perceptdata.errors import UsageError
from perceptdata.manifest import FileEntry, digest
from perceptdata.plugins import Tagger
from perceptdata.segmentation import VERSION as SEGMENTER
from perceptdata.steps.step import Prepared, Shard, Step, Watch
from perceptdata.steps.tagged import TagWork
from perceptdata.tagging import Texts, answers_for, ask_models, asking, wants
from perceptdata.workspace import EXAMPLES, layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

OWN = ("response", "facts", "question")
RESPONSES = layer_room("responses")


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str | dict) else value


class Tag(Step):
    """Spans over the texts that `from` names, by the chain of taggers in `use`.

    A text is the example's own (`response`, `facts`, `question`) or the name of a step that wrote responses. `budget`
    bounds what one run spends on models; `retry_failed` asks again where an answer was paid for and could not be used.
    """

    do: ClassVar[str] = "tag"
    from_: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        default=("response",), alias="from", min_length=1
    )
    use: Annotated[tuple[str | dict[str, dict[str, Any] | None], ...], BeforeValidator(_listed)] = Field(
        default=("structure", "cues"), min_length=1
    )
    budget: llm.Budget = llm.Budget()
    retry_failed: bool = False

    @cached_property
    def taggers(self) -> tuple[Tagger, ...]:
        """The chain, with options checked. All of one scheme."""
        chain = []
        for item in self.use:
            named = {item: None} if isinstance(item, str) else item
            if len(named) != 1:
                raise UsageError(f"each tagger of 'use' is a name or one {{name: {{options}}}}, not {item}")
            ((name, options),) = named.items()
            chain.append(registry.make("taggers", name, options))
        if len({tagger.scheme.id for tagger in chain}) != 1:
            raise UsageError("the taggers of one step must share a scheme; give the others a step of their own")
        asking(chain)
        return tuple(chain)

    def identity(self) -> dict[str, Any]:
        """The chain with every option resolved, and the clause rules."""
        chain = [{"name": tagger.name, "version": tagger.version, **tagger.options()} for tagger in self.taggers]
        return {"do": self.do, "version": self.version, "from": self.from_, "use": chain, "segmenter": SEGMENTER}

    def needs(self) -> tuple[str, ...]:
        """The steps among `from`, and those whose layers the taggers read."""
        read = [step for tagger in self.taggers for step in tagger.reads()]
        return tuple(dict.fromkeys([*(name for name in self.from_ if name not in OWN), *read]))

    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        """One shard for each shard of examples, and one for each shard of a step's responses."""
        examples = {f"{step}/{shard}": file for step, shard, _, file in ws.shards(EXAMPLES)}
        beside = self._beside(ws)
        shards = []

        def add(text: str, about: str, responses: FileEntry | None) -> None:
            file = examples[about]
            read = {step: files[about] for step, files in beside.items() if about in files}
            work = TagWork(
                taggers=self.taggers,
                producer=self.producer(),
                examples=ws.file(file),
                own=text if responses is None else None,
                responses=None if responses is None else ws.file(responses),
                beside=tuple((step, tuple(map(ws.file, files))) for step, files in read.items()),
                replies=ws.path / llm.REPLIES,
            )
            inputs = [*([responses.sha256] if responses else []), file.sha256]
            inputs += [each.sha256 for files in read.values() for each in files]
            source = inputs[0] if len(inputs) == 1 else digest(*inputs)
            shards.append(Shard(f"{about.replace('/', '-')}-{text}", source, about, work))

        for text in self.from_:
            if text in OWN:
                for about in examples:
                    add(text, about, None)
                continue
            ws.layer(text, "responses")
            for _, _, entry, file in ws.shards(RESPONSES, text):
                add(text, entry.about, file)
        return shards

    def prepare(self, ws: Workspace, name: str, shards: list[Shard], watch: Watch) -> Prepared:
        """Ask all that the chain's taggers want to know; shards with questions left open by a stop are not made."""
        if not shards or not asking(self.taggers):
            return Prepared(shards)
        works = [shard.work for shard in shards if isinstance(shard.work, TagWork)]
        with llm.ReplyCache(ws.path / llm.REPLIES, step=name) as replies:
            asked = ask_models(
                lambda: _texts(works),
                self.taggers,
                replies,
                images=ws.images,
                budget=self.budget,
                retry_failed=self.retry_failed,
                watch=lambda done, ledger: watch(0, len(shards), done),
            )
            if asked.stopped is None:
                return Prepared(shards)
            ready = [shard for shard in shards if not self._open(shard, replies)]
        return Prepared(ready, asked.stopped)

    def estimate(self, ws: Workspace, name: str, shards: list[Shard]) -> dict[str, Any]:
        """What the first questions of the first tagger that asks would take. Nothing is sent."""
        ask = asking(self.taggers)
        if not ask:
            return {}
        place, tagger = next(iter(ask.items()))
        works = [shard.work for shard in shards if isinstance(shard.work, TagWork)]
        with llm.known_replies(ws.path / llm.REPLIES, name) as replies:
            known = answers_for(self.taggers, replies)
            walk = wants(lambda: _texts(works), self.taggers, place, known)
            requests = (each.request for each in islice(walk(known[tagger.name]), tagger.max_calls))
            return asdict(llm.estimate(requests, tagger.endpoint, replies, images=ws.images))

    def _open(self, shard: Shard, replies: llm.ReplyCache) -> bool:
        """Whether a question about this shard has no answer yet."""
        assert isinstance(shard.work, TagWork)  # by `plan`
        known = answers_for(self.taggers, replies)
        batches = shard.work.batches
        return any(
            known[tagger.name](ask.request) is None
            for place, tagger in asking(self.taggers).items()
            for ask in wants(batches, self.taggers, place, known)(known[tagger.name])
        )

    def _beside(self, ws: Workspace) -> dict[str, dict[str, list[FileEntry]]]:
        """The files of the layers that the taggers read: by step, then by the example shard they speak of."""
        found: dict[str, dict[str, list[FileEntry]]] = {}
        for tagger in self.taggers:
            for step, kind in tagger.reads().items():
                ws.layer(step, kind)
                files = found.setdefault(step, {})
                for _, _, entry, file in ws.shards(layer_room(kind), step):
                    files.setdefault(entry.about, []).append(file)
        return found


def _texts(works: Sequence[TagWork]) -> Iterator[Texts]:
    for work in works:
        yield from work.batches()
