"""The rendered row as a model is trained on it, every token in the colour of its role: `perceptdata show ROW --tokens`.

    for shown in tokens_of(ws, row_of(ws, "gsm8k/train/train/0"), Reader.read("checkpoints/step-200")):
        print_tokens(shown, Console())

So a person can see that roles lie where they should. What is printed is decoded from the ids, not sliced from the text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from perceptdata.alignment.aligner import Aligner, Completion, RoleReject
from perceptdata.alignment.roles import NAMES, SCHEME_ROLES, Policy
from perceptdata.errors import UsageError
from perceptdata.example import text_id
from perceptdata.layers import text_sha256
from perceptdata.report.row import COLOURS, Row
from perceptdata.spans import SCHEMES, Span, SpanSet
from perceptdata.vlm.rendering import Request

if TYPE_CHECKING:
    from rich.console import Console

    from perceptdata.vlm.loading import Reader
    from perceptdata.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Shown:
    """A response under one spans layer: runs of one role as `(role, tokens, text)`, or why there are none."""

    text_id: str
    spans: str
    runs: tuple[tuple[str, int, str], ...]
    straddles: int
    reject: RoleReject | None

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        reject = None if self.reject is None else {"code": self.reject.code, "message": self.reject.message}
        runs = [{"role": role, "tokens": tokens, "text": text} for role, tokens, text in self.runs]
        return {
            "text_id": self.text_id,
            "spans": self.spans,
            "runs": runs,
            "straddles": self.straddles,
            "reject": reject,
        }


def tokens_of(ws: Workspace, row: Row, reader: Reader, asked: str = "", policy: Policy = "contract") -> list[Shown]:
    """Every response of a row (or the one at the text address `asked`) under every spans layer that speaks of it.

    The question is asked without a format. Raises UsageError where there is no such response with spans.
    """
    example = row.example
    if example is None:
        raise UsageError("a rejected row has no tokens")
    found = [each for each in _responses(row) if "#" not in asked or each[0] == asked]
    if not found:
        raise UsageError(f"{asked or example.id} has no response with spans; run `perceptdata tag` first")
    request = Request(
        key=example.id,
        question=example.question,
        images=tuple(bytes(ws.images[image.sha256]) for image in example.images),
        history=example.history,
    )
    roles = Aligner(reader, policy).align([Completion(request, text, spans) for _, _, text, spans in found])
    rejects = {reject.row: reject for reject in roles.rejects}
    return [
        Shown(address, layer, tuple(_runs(reader, *roles.row(at))), int(roles.straddles[at]), rejects.get(at))
        for at, (address, layer, _, _) in enumerate(found)
    ]


def _responses(row: Row) -> Iterator[tuple[str, str, str, SpanSet]]:
    """Address, spans layer, text and spans of each response."""
    texts: dict[str, str] = {}
    if row.example is not None and row.example.response is not None:
        texts[text_id(row.example.id, "response")] = row.example.response
    for label, records in row.layers.items():
        if label.endswith(" responses"):
            texts |= {record["text_id"]: record["text"] for record in records}
    for label, records in row.layers.items():
        if label.endswith(" spans"):
            for record in records:
                text = texts.get(record["text_id"])
                if text is not None and text_sha256(text) != record["text_sha256"]:
                    raise UsageError(f"the {label} of {record['text_id']} were made for another text; tag it again")
                if text is not None and record["scheme"] in SCHEME_ROLES:
                    spans = SpanSet.of([Span(**span) for span in record["spans"]], SCHEMES[record["scheme"]])
                    yield record["text_id"], label.removesuffix(" spans"), text, spans


def _runs(reader: Reader, ids: NDArray, roles: NDArray) -> Iterator[tuple[str, int, str]]:
    """Neighbours of one role, decoded together: the bytes of one character have one role."""
    for role, pairs in groupby(zip(roles.tolist(), ids.tolist(), strict=True), itemgetter(0)):
        part = [token for _, token in pairs]
        yield NAMES[role], len(part), "".join(_pieces(reader, part))


def _pieces(reader: Reader, ids: list[int]) -> Iterator[str]:
    """The ids as text, the hundreds of tokens of one image as one and their number."""
    special_ids = set(reader.tokenizer.all_special_ids)
    for special, group in groupby(ids, lambda token: token if token in special_ids else None):
        part = list(group)
        text = reader.tokenizer.decode(part[:1] if special is not None else part, skip_special_tokens=False)
        yield f"{text} × {len(part)}" if special is not None and len(part) > 1 else text


def print_tokens(shown: Shown, console: Console) -> None:
    """Print one response for a person."""
    from rich.panel import Panel
    from rich.text import Text

    title = f"{shown.text_id}, tokens by the spans of {shown.spans}"
    if shown.reject is not None:
        console.print(Panel(Text(f"{shown.reject.code}: {shown.reject.message}"), title=title, title_align="left"))
        return
    text = Text()
    count: Counter[str] = Counter()
    for role, tokens, piece in shown.runs:
        text.append(piece, "dim" if role == "prompt" else COLOURS[role])
        count[role] += tokens
    legend = Text(" ").join(Text(f" {name} {count[name]} ", COLOURS.get(name, "dim")) for name in NAMES if count[name])
    legend.append(f" {shown.straddles} tokens of two roles ", "dim")
    console.print(Panel(text, title=title, title_align="left", subtitle=legend, subtitle_align="left"))
