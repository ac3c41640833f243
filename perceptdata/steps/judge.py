"""Judge: every claim of every caption gets the word of each judge, and every judge is probed.

    Judging(**{"from": "caps", "use": ["oracle", "consistency", {"llm": {"endpoint": {...}}}]})

    judged: {do: judge, from: caps, use: [oracle, {llm: vl}, {reference: text-model}, {utility: text-model}]}

One row of `verdicts` a claim and judge, which is its producer. A judge that fails leaves the claim without verdict,
`unjudged` says why; nothing counts as a verdict that a judge did not give. Judges of whole captions write `scores`.

On a sample of captions each judge is also asked about wrong images, claims turned false, and changes that should not
matter (`probed`): what it says stands in the meta of its verdicts. One that passes captions under a wrong image is not
looking: it is refused with its numbers, in a reject `judge.refused` and on each of its verdicts, which stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from perceptdata import llm, registry
from perceptdata.errors import UsageError
from perceptdata.llm.asking import Answers, Ask, answers_of, ask_rounds
from perceptdata.manifest import StepVersion, digest
from perceptdata.packs import ImageStore
from perceptdata.plugins import Judge
from perceptdata.shard import IMAGES
from perceptdata.steps.captioned import CAPTIONS, SPANS
from perceptdata.steps.judged import VERDICTS, JudgeWork, Probing
from perceptdata.steps.opinions import marks_of, probe_reports
from perceptdata.steps.pictures import showings
from perceptdata.steps.probed import Probe, blank_pack
from perceptdata.steps.step import Prepared, Shard, Step, Watch
from perceptdata.verification.asking import AskingJudge, binding_of
from perceptdata.workspace import EXAMPLES

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str | dict) else value


class Judging(Step):
    """`from` names the caption step, `use` the judges. About `probe_captions` captions are probed, chosen by `seed`;
    `probes: []` probes none, so that nobody knows whether a judge looks. `budget` and `retry_failed` are as in `tag`.
    """

    do: ClassVar[str] = "judge"
    from_: str = Field(alias="from")
    use: Annotated[tuple[str | dict[str, dict[str, Any] | None], ...], BeforeValidator(_listed)] = Field(
        default=("oracle", "consistency"), min_length=1
    )
    probes: tuple[Probe, ...] = ("shuffled", "blank", "negated", "numbers", "sides")
    probe_captions: int = Field(default=100, ge=1)
    seed: int = 0
    budget: llm.Budget = llm.Budget()
    retry_failed: bool = False

    @cached_property
    def judges(self) -> tuple[Judge, ...]:
        """With options checked, each name once: verdicts are told apart by it."""
        made = []
        for item in self.use:
            named = {item: None} if isinstance(item, str) else item
            if len(named) != 1:
                raise UsageError(f"each judge of 'use' is a name or one {{name: {{options}}}}, not {item}")
            ((name, options),) = named.items()
            made.append(registry.make("judges", name, options))
        names = [judge.name for judge in made]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise UsageError(f"judge '{doubled[0]}' stands twice in one step; give the second a step of its own")
        for judge in made:
            if self.from_ in judge.reads():
                raise UsageError(
                    f"judge '{judge.name}' compares '{self.from_}' with itself; name another step's captions"
                )
        return tuple(made)

    def identity(self) -> dict[str, Any]:
        """Every judge with its options, and the probes."""
        judges = [{"name": judge.name, "version": judge.version, **judge.options()} for judge in self.judges]
        own = self.model_dump(mode="json", include={"probes", "probe_captions", "seed"})
        return {
            "do": self.do,
            "version": self.version,
            "from": self.from_,
            "use": judges,
            "bindings": {judge.name: binding_of(judge, "").model_dump() for judge in self.judges},
            **own,
        }

    def needs(self) -> tuple[str, ...]:
        """The captions, and those that judges read beside them."""
        return tuple(dict.fromkeys([self.from_, *(step for judge in self.judges for step in judge.reads())]))

    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        """One shard for each shard of captions."""
        for step in self.needs():
            ws.layer(step, "captions")
        if ws.manifest.steps[self.from_].current.do != "caption":
            raise UsageError(
                f"'{self.from_}' brought its captions with its examples; give them claims first: "
                "{do: caption, from: corpus}"
            )
        files = {f"{step}/{shard}": file for step, shard, _, file in ws.shards(EXAMPLES)}
        packs = (*(ws.file(file) for _, _, _, file in ws.shards(IMAGES)),)
        shows = showings(ws)
        captions = ws.shards(CAPTIONS, self.from_)
        total = sum(file.rows for _, _, _, file in captions)
        probing = Probing(self.probes, min(1.0, self.probe_captions / max(total, 1)), self.seed)
        shards = []
        for _, shard, entry, file in captions:
            if entry.about not in shows:
                raise UsageError(f"{self.from_}/{shard} speaks of {entry.about}, which is not there; run it again")
            showing = shows[entry.about]
            claims = entry.files[SPANS]
            beside = {
                step: [other for _, _, about, other in ws.shards(CAPTIONS, step) if about.about == entry.about]
                for judge in self.judges
                for step in judge.reads()
            }
            work = JudgeWork(
                producer=self.producer(),
                judges=self.judges,
                captions_file=ws.file(file),
                claims_file=ws.file(claims),
                examples=tuple(ws.file(files[about]) for about in (entry.about, *showing.sharers)),
                repeated=showing.repeated,
                packs=packs,
                replies=ws.path / llm.REPLIES,
                beside=tuple((step, tuple(map(ws.file, some))) for step, some in beside.items()),
                probing=probing,
            )
            read = [other.sha256 for some in beside.values() for other in some]
            source = digest(file.sha256, claims.sha256, showing.digest(files), read, probing.share)
            shards.append(Shard(shard, source, entry.about, work))
        return shards

    def prepare(self, ws: Workspace, name: str, shards: list[Shard], watch: Watch) -> Prepared:
        """Ask all that judges want to know; shards with questions left open by a stop are not made."""
        asking = [judge for judge in self.judges if isinstance(judge, AskingJudge)]
        if not shards or not asking:
            return Prepared(shards)
        packs = [ws.file(file) for _, _, _, file in ws.shards(IMAGES)]
        store = ImageStore([*packs, *([blank_pack(ws.path)] if "blank" in self.probes else [])])
        stopped = None
        with llm.ReplyCache(ws.path / llm.REPLIES, step=name) as replies:
            for judge in asking:
                asked = ask_rounds(
                    partial(_asked, shards, judge),
                    judge.endpoint,
                    replies,
                    images=store,
                    max_calls=judge.max_calls,
                    budget=self.budget,
                    retry_failed=self.retry_failed,
                    watch=lambda done, ledger: watch(0, len(shards), done),
                )
                stopped = asked.stopped
                if stopped is not None:
                    break
            if stopped is None:
                return Prepared(shards)
            ready = [
                shard
                for shard in shards
                if all(
                    known(ask.request) is not None
                    for judge in asking
                    for known in [answers_of(replies, judge.endpoint)]
                    for ask in _asked([shard], judge, known)
                )
            ]
        return Prepared(ready, stopped)

    def finish(self, ws: Workspace, name: str, run: StepVersion) -> list[Shard]:
        """Refuse judges that are not looking: the shards whose marks say otherwise are made again."""
        refused = {judge: str(report.refused) for judge, report in probe_reports(ws, name).items() if report.refused}
        again, announced = [], False
        for shard in self.plan(ws, name):
            file = run.shards[shard.name].files[VERDICTS]
            marks = marks_of(ws.file(file)) if file.rows else {}
            if any(reason != refused.get(judge) for judge, reason in marks.items()):
                assert isinstance(shard.work, JudgeWork)  # by `plan`
                again.append(shard._replace(work=shard.work.marked(refused, announces=not announced)))
            announced = announced or bool(marks)
        return again

    def estimate(self, ws: Workspace, name: str, shards: list[Shard]) -> dict[str, Any]:
        """What the first questions of the first judge that asks would take, probes included. Nothing is sent."""
        judge = next((judge for judge in self.judges if isinstance(judge, AskingJudge)), None)
        if judge is None:
            return {}
        with TemporaryDirectory() as nowhere, llm.known_replies(ws.path / llm.REPLIES, name) as replies:
            store = ImageStore([*(ws.file(file) for _, _, _, file in ws.shards(IMAGES)), blank_pack(Path(nowhere))])
            known = answers_of(replies, judge.endpoint)
            requests = (ask.request for ask in _asked(shards, judge, known))
            return asdict(llm.estimate(requests, judge.endpoint, replies, images=store))


def _asked(shards: list[Shard], judge: AskingJudge, answers: Answers) -> Iterator[Ask]:
    works = (shard.work for shard in shards if isinstance(shard.work, JudgeWork))
    return chain.from_iterable(work.asks(judge, answers) for work in works)
