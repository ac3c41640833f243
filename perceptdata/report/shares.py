"""How much of the tagged texts perceives and how much reasons: tokens by label, for each layer, source, stage and text.

for layer in layer_shares(subject):
    layer.share("perception")          # of the tokens of all traces, in [0, 1]
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from perceptdata.report.subject import Subject
from perceptdata.spans import PRO, SCHEMES

UNLABELLED = "unlabelled"
Key = tuple[str, str, str]
"""Source, stage, and kind of text."""

_TEXTS = """
    select corpus, stage, name, count(*) as texts, sum(tokens(text))::bigint as tokens
    from _spans join _texts using (text_id, text_sha256)
    group by corpus, stage, name
"""
_PIECES = """
    select corpus, stage, name, span.label as label,
        sum(tokens(substr(text, span.start + 1, span."end" - span.start)))::bigint as tokens
    from (
        select corpus, stage, name, text, unnest(spans) as span
        from _spans join _texts using (text_id, text_sha256)
    )
    group by corpus, stage, name, label
"""


@dataclass(frozen=True, slots=True)
class Share:
    """The tokens of one source, stage and kind of text in a layer, by label; `unlabelled` is what no span covers."""

    corpus: str
    stage: str
    text: str
    texts: int
    tokens: dict[str, int]

    @property
    def total(self) -> int:
        """All tokens of these texts."""
        return sum(self.tokens.values())


@dataclass(frozen=True, slots=True)
class LayerShares:
    """One spans layer. `changed` counts its texts that are gone or read otherwise now; they are left out."""

    step: str
    scheme: str
    labels: tuple[str, ...]
    changed: int
    shares: list[Share] = field(default_factory=list)

    @property
    def traces(self) -> list[Share]:
        """The shares of chains of thought; facts and questions are left out."""
        return [share for share in self.shares if share.text not in ("question", "facts")]

    def share(self, label: str) -> float | None:
        """The label's part of the traces' tokens; None where there are none."""
        total = sum(share.total for share in self.traces)
        return sum(share.tokens.get(label, 0) for share in self.traces) / total if total else None


def layer_shares(subject: Subject) -> list[LayerShares]:
    """Every spans layer: those that tell perception from reasoning, then the others."""
    layers = [_of(subject, step, table) for step, table in subject.spans_tables().items()]
    return sorted(layers, key=lambda layer: layer.scheme != PRO.id)


def _of(subject: Subject, step: str, table: str) -> LayerShares:
    texts: Counter[Key] = Counter()
    tokens: dict[Key, Counter[str]] = defaultdict(Counter)
    for row in subject.ask_by_shard(_TEXTS, step):
        key = row["corpus"], row["stage"], row["name"]
        texts[key] += row["texts"]
        tokens[key][UNLABELLED] += row["tokens"]
    for row in subject.ask_by_shard(_PIECES, step):
        said = tokens[row["corpus"], row["stage"], row["name"]]
        said[row["label"]] += row["tokens"]
        said[UNLABELLED] -= row["tokens"]
    about = subject.ask(f"select max(scheme) as scheme, count(*) as rows from {table}")[0]
    found = {label for said in tokens.values() for label in said} - {UNLABELLED}
    labels = SCHEMES[about["scheme"]].labels if about["scheme"] in SCHEMES else tuple(sorted(found))
    shares = []
    for key in sorted(texts):
        said = tokens[key]
        # A border inside a word counts it twice, so the rest may come out below nothing.
        rest = max(said[UNLABELLED], 0)
        shares.append(Share(*key, texts[key], {**{label: said[label] for label in labels}, UNLABELLED: rest}))
    changed = 0 if subject.view else about["rows"] - texts.total()
    return LayerShares(step, about["scheme"] or "", labels, changed, shares)
