"""Generate: examples are answered by a model, n times each, into a layer of responses.

    Generate(endpoint={"urls": [...], "model": "Qwen3-VL-32B"}, n=8, temperature=0.7, format={"use": "think_boxed"})
    Generate(model=Path("checkpoints/sft"))

What the model sees is an option: the image; a `caption` in its place; `nothing` (a control for shortcuts); or the
oracle `facts`, text only, which is how arXiv 2605.29496 distils its traces: facts and answer become one response, with
its border as a `segments@1` layer.

Every reply is on disk before it counts, in `replies/`, by the hash of what was asked: a run that is killed, stopped or
changed pays for nothing twice. Shards are then made from the replies alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator, model_validator

from perceptdata import llm
from perceptdata.errors import UsageError
from perceptdata.formats import Format
from perceptdata.llm.reply import TRANSIENT
from perceptdata.manifest import digest
from perceptdata.packs import ImageStore
from perceptdata.steps.answered import GenerateWork
from perceptdata.steps.declared import make_format
from perceptdata.steps.lineage import example_shards
from perceptdata.steps.prompt import Prompt, See, compiled
from perceptdata.steps.step import Prepared, Shard, Step, Watch
from perceptdata.workspace import layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

CAPTIONS = layer_room("captions")
SAMPLE = 512  # requests that an estimate looks at


class Generate(Step):
    """`endpoint` or a local `model` answers; `n` samples each; `see` says what stands for the image.

    `captions` names the step whose captions are shown. `of` names the sources whose examples are asked (all but what
    was made of this step's own answers), `where` chooses among them by their columns (SQL). `prompt` is a file with the
    whole turn in your own words (`steps.prompt`), in place of question, choices and the format's rule. `budget` bounds
    what one run spends; the rest is left for the next. `retry_failed` asks again where an answer was paid for and could
    not be used. `batch_size` is a local model's.
    """

    do: ClassVar[str] = "generate"
    endpoint: llm.Endpoint | None = None
    model: Path | None = None
    format: dict[str, Any] = Field(default_factory=lambda: {"use": "think_boxed"})
    n: int = Field(default=1, ge=1)
    see: See = "image"
    captions: str | None = None
    of: tuple[str, ...] = ()
    where: str | None = None
    prompt: Path | None = None
    temperature: float = Field(default=0.0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    max_tokens: int = Field(default=2048, ge=1)
    seed: int | None = None
    budget: llm.Budget = llm.Budget()
    retry_failed: bool = False
    batch_size: int = Field(default=8, ge=1)

    @field_validator("of", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits_together(self) -> Generate:
        if (self.endpoint is None) == (self.model is None):
            raise ValueError("name one model: an endpoint with 'with', or a local one with 'model'")
        if (self.see == "caption") != (self.captions is not None):
            raise ValueError("'captions' names the step whose captions stand for the images: it goes with see: caption")
        if self.n > 1 and self.temperature == 0:
            raise ValueError(f"temperature 0 gives the same answer {self.n} times: set a temperature, or n: 1")
        if self.see == "facts" and self.prompt is None and self.format.get("use") != "facts_trace":
            raise ValueError(
                "facts and answer become one text in the format facts_trace: set format: {use: facts_trace}"
            )
        return self

    @cached_property
    def form(self) -> Format:
        """The response format, with its options checked."""
        return make_format(self.format)

    @cached_property
    def template(self) -> str | None:
        """The words of the prompt's file. Raises UsageError where it cannot be read."""
        if self.prompt is None:
            return None
        try:
            text = self.prompt.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise UsageError(f"the prompt {self.prompt} cannot be read ({error}); name a text file") from None
        compiled(text)
        return text

    @property
    def asked(self) -> llm.Endpoint:
        """Who answers, as replies are filed: a local model stands under a name made of its files' contents."""
        if self.endpoint is not None:
            return self.endpoint
        from perceptdata.vlm.loading import fingerprint  # torch is not needed for this

        assert self.model is not None  # checked above
        return llm.Endpoint(urls=("http://localhost",), model=f"local:{fingerprint(self.model)}", prefill="plain")

    @property
    def sampling(self) -> llm.Sampling:
        """How answers are drawn."""
        return llm.Sampling(temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_tokens, seed=self.seed)

    def identity(self) -> dict[str, Any]:
        """Everything that the answers depend on; not where the model stands, nor the budget."""
        return {
            "do": self.do,
            "version": self.version,
            "endpoint": self.asked.identity(),
            "format": {"name": self.form.name, "version": self.form.version, **self.form.options()},
            "sampling": self.sampling.model_dump(mode="json"),
            **self.model_dump(mode="json", include={"n", "see", "captions", "where"}),
            **({"of": list(self.of)} if self.of else {}),
            **({"prompt": self.template} if self.template is not None else {}),
        }

    def needs(self) -> tuple[str, ...]:
        """The captions, where they are shown, and the sources."""
        return (*((self.captions,) if self.captions else ()), *self.of)

    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        """One shard for each shard of examples."""
        shown: list[Path] = []
        seen: list[str] = []
        if self.captions:
            ws.layer(self.captions, "captions")
            files = [file for _, _, _, file in ws.shards(CAPTIONS, self.captions)]
            shown, seen = [ws.file(file) for file in files], [file.sha256 for file in files]
        base = GenerateWork(
            step=name,
            producer=self.producer(),
            examples=Path(),
            captions=tuple(shown),
            replies=ws.path / llm.REPLIES,
            endpoint=self.asked,
            form=self.form,
            sampling=self.sampling,
            n=self.n,
            see=self.see,
            where=self.where,
            template=self.template,
            local=self.model is not None,
        )
        return [
            Shard(
                f"{step}-{shard}", digest(file.sha256, seen), f"{step}/{shard}", replace(base, examples=ws.file(file))
            )
            for step, shard, file in example_shards(ws, name, self.of)
        ]

    def images(self, ws: Workspace) -> ImageStore:
        """Where the images that are shown are read."""
        return ws.images

    def requests(self, shards: list[Shard]) -> Iterator[llm.Request]:
        """Every request of these shards, lazily."""
        for work in _works(shards):
            for prompt in work.prompts():
                if isinstance(prompt, Prompt):
                    yield from work.requests(prompt)

    def prepare(self, ws: Workspace, name: str, shards: list[Shard], watch: Watch) -> Prepared:
        """Ask for every reply that is not on disk yet; shards whose replies are all there can be made."""
        if not shards:
            return Prepared(shards)
        total = sum(work.count() for work in _works(shards)) * self.n
        with llm.ReplyCache(ws.path / llm.REPLIES, step=name) as replies:
            if self.model is not None:
                self._answer_locally(ws, shards, replies, lambda done: watch(done, total, 0))
                return Prepared(shards)
            failed: Counter[str] = Counter()

            def note(request: llm.Request, reply: llm.Reply) -> None:
                if reply.error in TRANSIENT:
                    failed[reply.message] += 1

            run = llm.run_requests(
                self.requests(shards),
                self.asked,
                replies,
                images=self.images(ws),
                budget=self.budget,
                retry_failed=self.retry_failed,
                on_reply=note,
                watch=lambda done, ledger: watch(done, total, 0),
            )
            if run.stopped is None and not failed:
                return Prepared(shards)
            ready = [shard for shard in shards if _is_answered(shard, replies)]
        unanswered = f"{failed.total():,} requests found no answer ({', '.join(failed)}); run it again to ask them anew"
        return Prepared(ready, run.stopped or unanswered)

    def estimate(self, ws: Workspace, name: str, shards: list[Shard]) -> dict[str, Any]:
        """Calls, tokens, cost and time, from the first requests. Nothing is sent."""
        total = sum(work.count() for work in _works(shards)) * self.n
        with llm.known_replies(ws.path / llm.REPLIES, name) as replies:
            sample = islice(self.requests(shards), SAMPLE)
            found = llm.estimate(
                sample, self.asked, replies, images=self.images(ws), total=total, retry_failed=self.retry_failed
            )
        return asdict(found)

    def _answer_locally(self, ws: Workspace, shards: list[Shard], replies: llm.ReplyCache, done: Any) -> None:
        from perceptdata.steps.local_answers import answer_locally  # needs torch

        assert self.model is not None  # the caller's condition
        answer_locally(self.model, _works(shards), self.images(ws), replies, self.batch_size, done)


def _works(shards: list[Shard]) -> Iterator[GenerateWork]:
    return (shard.work for shard in shards if isinstance(shard.work, GenerateWork))


def _is_answered(shard: Shard, replies: llm.ReplyCache) -> bool:
    (work,) = _works([shard])
    return all(
        replies.get(request.key(work.endpoint)) is not None
        for prompt in work.prompts()
        if isinstance(prompt, Prompt)
        for request in work.requests(prompt)
    )
