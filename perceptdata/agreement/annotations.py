"""What several annotators said of the same texts, matched by the text's address and hash.

ann = Annotator.of_layer("tags", table)                  # one; a reviews layer gives one a person
joined = join([ann, other], texts, at_least=2)
joined.coded.spans[0][3]                                 # what annotator 0 said of text 3, or None
joined.left_out                                          # every row that could not be used, with its reason
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from perceptdata.errors import Rejected, UsageError
from perceptdata.layers import text_sha256
from perceptdata.spans import SCHEMES, Scheme, SpanSet
from perceptdata.tagging import spans_from_arrow

UNPAIRED = "unpaired"
"""Why a row is left out though nothing is wrong with it: too few others speak of its text."""


@dataclass(frozen=True, slots=True)
class Annotator:
    """One annotator's rows: the addresses and hashes of texts, and the spans of each; and rows of unknown labels."""

    name: str
    scheme: Scheme
    text_id: list[str]
    sha256: list[str]
    spans: list[SpanSet]
    refused: list[LeftOut] = field(default_factory=list)

    @classmethod
    def of_layer(cls, layer: str, table: pa.Table) -> list[Annotator]:
        """The annotators of a spans or reviews table: the layer itself, or `<layer>:<reviewer>` for every reviewer.

        Reviews that only give a verdict are not annotations. Raises UsageError for a layer of several schemes, or of
        one that is not ours.
        """
        if "reviewer" in table.column_names:
            table = table.filter(pc.invert(pc.is_valid(table.column("verdict"))))
            people = sorted(set(table.column("reviewer").to_pylist()))
            parts = {f"{layer}:{who}": table.filter(pc.equal(table.column("reviewer"), who)) for who in people}
        else:
            parts = {layer: table}
        return [cls._of_table(name, part) for name, part in parts.items()]

    @classmethod
    def _of_table(cls, name: str, table: pa.Table) -> Annotator:
        ids = sorted(set(table.column("scheme").to_pylist())) or ["pro@1"]
        if len(ids) > 1 or ids[0] not in SCHEMES:
            raise UsageError(f"layer '{name}' has labels of {', '.join(ids)}; one of {', '.join(SCHEMES)} is compared")
        scheme = SCHEMES[ids[0]]
        strange, addresses, has = _strange(table, scheme), table.column("text_id"), ", ".join(scheme.labels)
        refused = []
        for row, label in strange.items():
            address = addresses[row].as_py()
            refused.append(LeftOut(name, address, "spans.label", f"{name}: '{label}' of {address} is none of {has}"))
        kept = table.take([row for row in range(table.num_rows) if row not in strange]) if strange else table
        return cls(
            name,
            scheme,
            kept.column("text_id").to_pylist(),
            kept.column("text_sha256").to_pylist(),
            spans_from_arrow(kept.column("spans"), scheme),
            refused,
        )


def _strange(table: pa.Table, scheme: Scheme) -> dict[int, str]:
    """The rows that have a label outside the scheme, with that label."""
    spans = table.column("spans").combine_chunks()
    labels = pc.list_flatten(spans).field("label")
    unknown = pc.invert(pc.is_in(labels, pa.array(scheme.labels)))
    rows = pc.list_parent_indices(spans).filter(unknown)
    return dict(zip(rows.to_pylist(), labels.filter(unknown).to_pylist(), strict=True))


@dataclass(frozen=True, slots=True)
class Coded:
    """Texts, and what each annotator said of each: `spans[annotator][text]`, None where it has not read the text."""

    scheme: Scheme
    annotators: tuple[str, ...]
    ids: list[str]
    texts: list[str]
    spans: list[list[SpanSet | None]]


class LeftOut(NamedTuple):
    """A row that is not compared."""

    annotator: str
    text_id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Joined:
    """What can be compared, and what was left out."""

    coded: Coded
    left_out: list[LeftOut]

    def counts(self) -> dict[str, dict[str, int]]:
        """How many rows of each annotator were left out, by reason."""
        counted: dict[str, Counter[str]] = {name: Counter() for name in self.coded.annotators}
        for row in self.left_out:
            counted[row.annotator][row.code] += 1
        return {name: dict(sorted(reasons.items())) for name, reasons in counted.items() if reasons}


def join(annotators: Sequence[Annotator], texts: Mapping[str, str], at_least: int = 2) -> Joined:
    """The texts of which at least so many annotators speak, in order of their addresses.

    A row is left out, and the rest goes on, when one of its labels is none of its scheme's (`spans.label`), when its
    text is not there (`text.missing`) or is another than it was made from (`text.changed`), when its spans overlap or
    leave the text (`spans.range`), when a later row of the same annotator replaces it (`row.replaced`), or when it
    stands alone (`unpaired`). Raises UsageError where names repeat or schemes differ.
    """
    names = tuple(annotator.name for annotator in annotators)
    if len(set(names)) != len(names):
        raise UsageError(f"each annotator is named once, not {', '.join(names)}")
    schemes = {annotator.scheme for annotator in annotators}
    if len(schemes) > 1:
        named = ", ".join(f"{each.name} ({each.scheme.id})" for each in annotators)
        raise UsageError(f"only labels of one scheme can be compared, not {named}")
    hashes = {address: text_sha256(text) for address, text in texts.items()}
    left_out = [row for annotator in annotators for row in annotator.refused]
    usable = [_usable(annotator, texts, hashes, left_out) for annotator in annotators]
    count = Counter(address for rows in usable for address in rows)
    ids = sorted(address for address, readers in count.items() if readers >= at_least)
    for name, rows in zip(names, usable, strict=True):
        alone = sorted(address for address in rows if count[address] < at_least)
        left_out += [LeftOut(name, address, UNPAIRED, "no other annotator has this text") for address in alone]
    if not annotators:
        raise UsageError("there is no annotator to compare")
    spans = [[rows.get(address) for address in ids] for rows in usable]
    return Joined(Coded(annotators[0].scheme, names, ids, [texts[address] for address in ids], spans), left_out)


def _usable(
    annotator: Annotator, texts: Mapping[str, str], hashes: Mapping[str, str], left_out: list[LeftOut]
) -> dict[str, SpanSet]:
    rows: dict[str, SpanSet] = {}
    for address, sha256, spans in zip(annotator.text_id, annotator.sha256, annotator.spans, strict=True):
        try:
            if address not in texts:
                raise Rejected("text.missing", f"{annotator.name}: there is no text {address}")
            if hashes[address] != sha256:
                raise Rejected("text.changed", f"{annotator.name}: the text of {address} is another than it was")
            spans.check(len(texts[address]))
        except Rejected as error:
            left_out.append(LeftOut(annotator.name, address, error.code, error.message))
            continue
        if address in rows:
            message = f"{annotator.name}: a later row speaks of {address} again"
            left_out.append(LeftOut(annotator.name, address, "row.replaced", message))
        rows[address] = spans
    return rows
