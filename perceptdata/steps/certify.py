"""Certify: from judged captions and what people read of them to a certificate, or a refusal with its reasons.

    cert: {do: certify, from: caps, audit: audit}

Everything about acceptance and audit was fixed when the sample was drawn (`perceptdata review audit`): panel,
threshold, target, use, readers. This step reads what they answered, proves what can be proven, and writes
`certificate.json` and a layer of the accepted captions, the certificate's fingerprint in each row's meta; or
`refusal.json`, and no layer. Both lie in `certificates/<step>/`. What was certified before and is refused now is
withdrawn.

For rewards, `probe` names a scores layer over labelled rollouts that has the `surrogate`, `correct` and `perception`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field, model_validator

from perceptdata.errors import UsageError
from perceptdata.layers import Caption, Producer
from perceptdata.manifest import StepVersion, digest, disk_error, write_atomically
from perceptdata.review.calibrations import CALIBRATIONS
from perceptdata.review.drawing import load_sample, sample_path
from perceptdata.shard import ShardWriter
from perceptdata.steps.case import Case, case_of
from perceptdata.steps.certificates import CERTIFICATE, CERTIFICATES, MARK, REFUSAL
from perceptdata.steps.reviews import REVIEWS
from perceptdata.steps.step import Prepared, Shard, Step, Watch
from perceptdata.verification.certificate import Certificate, Refusal, Use
from perceptdata.workspace import layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

CAPTIONS, VERDICTS, SCORES = (layer_room(kind) for kind in ("captions", "verdicts", "scores"))


class Certify(Step):
    """`from` names the captions, `audit` what people read. `use` is the audit's unless it is only to filter. For
    rewards `probe` and `surrogate` are needed.
    """

    do: ClassVar[str] = "certify"
    from_: str = Field(alias="from")
    audit: str = "audit"
    use: Use | None = None
    probe: str | None = None
    surrogate: str | None = None

    @model_validator(mode="after")
    def _both(self) -> Certify:
        if (self.probe is None) != (self.surrogate is None):
            raise ValueError("'probe' names the layer and 'surrogate' the score in it: name both, or neither")
        return self

    def needs(self) -> tuple[str, ...]:
        """The captions, and the scores of the probe; reviews come from people."""
        return (self.from_, *([self.probe] if self.probe else []))

    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        """One shard for each shard of captions. All depend on everything: the certificate is of all."""
        ws.layer(self.from_, "captions")
        source = self._source(ws)
        return [
            Shard(shard, digest(source, file.sha256), entry.about, CertifyWork(self.producer(), ws.file(file)))
            for _, shard, entry, file in ws.shards(CAPTIONS, self.from_)
        ]

    def prepare(self, ws: Workspace, name: str, shards: list[Shard], watch: Watch) -> Prepared:
        """Issue or refuse. A refusal withdraws what was certified before, and makes no shard."""
        if not shards:
            return Prepared(shards)
        self._withdraw(ws, name)
        if not sample_path(ws, self.audit).exists():
            return Prepared(
                [], f"no audit '{self.audit}' was drawn: `perceptdata review forecast`, then `review audit`"
            )
        case = self._case(ws)
        found = case.outcome()
        folder = ws.path / CERTIFICATES / name
        if isinstance(found, Refusal):
            _put(folder / REFUSAL, found.model_dump_json(indent=1))
            return Prepared([], f"no certificate: {'; '.join(found.reasons)}")
        _put(folder / CERTIFICATE, found.model_dump_json(indent=1))
        captions = {shard: ws.file(file) for _, shard, _, file in ws.shards(CAPTIONS, self.from_)}
        return Prepared(
            [
                shard._replace(
                    work=CertifyWork(self.producer(), captions[shard.name], case.accepted, found.fingerprint)
                )
                for shard in shards
            ]
        )

    def finish(self, ws: Workspace, name: str, run: StepVersion) -> list[Shard]:
        """Write the certificate again where its file was removed."""
        file = ws.path / CERTIFICATES / name / CERTIFICATE
        if run.shards and not file.exists():
            found = self._case(ws).outcome()
            if isinstance(found, Certificate):
                _put(file, found.model_dump_json(indent=1))
        return []

    def _case(self, ws: Workspace) -> Case:
        case = case_of(ws, self.audit, self.use, self.probe, self.surrogate)
        if case.sample.design.captions != self.from_:
            raise UsageError(f"audit '{self.audit}' is of '{case.sample.design.captions}', not of '{self.from_}'")
        return case

    def _source(self, ws: Workspace) -> str:
        """The hash of all that is read but the captions' own shard."""
        files = [file.sha256 for _, _, _, file in ws.shards(REVIEWS, self.audit)]
        path = sample_path(ws, self.audit)
        if path.exists():
            files.append(digest(path.read_text(encoding="utf-8")))
            judges = {judge.partition("/")[0] for judge in load_sample(ws, self.audit).design.judges}
            files += [file.sha256 for step in sorted(judges) for _, _, _, file in ws.shards(VERDICTS, step)]
        files += [
            digest(file.read_text(encoding="utf-8")) for file in sorted((ws.path / CALIBRATIONS).glob("*/*.json"))
        ]
        files += [file.sha256 for _, _, _, file in ws.shards(CAPTIONS, self.from_)]
        return digest(files, [file.sha256 for _, _, _, file in ws.shards(SCORES, self.probe)] if self.probe else [])

    def _withdraw(self, ws: Workspace, name: str) -> None:
        for file in (CERTIFICATE, REFUSAL):
            (ws.path / CERTIFICATES / name / file).unlink(missing_ok=True)
        ws.manifest.steps[name].current.shards.clear()
        ws.save()


@dataclass(frozen=True, slots=True)
class CertifyWork:
    """One shard of certified captions: the rows of `captions` that are `accepted`, as they are, with the mark."""

    producer: Producer
    captions: Path
    accepted: frozenset[str] = frozenset()
    fingerprint: str | None = None

    def run(self, writer: ShardWriter) -> None:
        """Raises UsageError before a certificate was issued."""
        if self.fingerprint is None:
            raise UsageError("captions are certified all together: run the step, not a shard of it")
        table = pq.read_table(self.captions)
        kept = table.filter(pc.is_in(table.column("text_id"), pa.array(sorted(self.accepted))))
        rows = [
            Caption.from_row(
                {**row, "meta": {**json.loads(row["meta"]), MARK: self.fingerprint}, "producer": self.producer}
            )
            for row in kept.to_pylist()
        ]
        writer.write(CAPTIONS, Caption.table(rows))


def _put(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, file.parent) from error
    write_atomically(file, text.encode())
