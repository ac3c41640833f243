"""Where the parts of sampled completions lie on their tokens, and which completions parse.

    anatomy = Anatomy(tokenizer, form, opened="<description>", silent=(end_id, pad_id))
    rollouts, texts = anatomy.of(completion_ids, completion_mask)     # core.segments.Rollouts

The tokens stay the sampled ones: encoding a text again may give others. So each token's characters are found by
decoding it after those before it. A token that ends inside a character is of that character; one that ends inside a tag
may be of two parts, and `policy` says of which (`alignment.roles`).

Two readings, where the ViGOS paper and its released code differ (arXiv 2606.19120, §3.2):

    paper      valid is what the format calls valid; tags belong to no part
    released   valid is </description>, <think>, </think> and a box, in this order, whatever stands between; what
               follows <think>, up to the end of the box, is reasoning, </think> among it

A wrong answer is a valid one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from perceptdata.alignment.roles import PERCEPTION, REASONING, Policy, Tokens, label
from perceptdata.formats import Format, find_boxes
from perceptdata.spans import SEGMENTS, Span, SpanSet
from perceptdata.trainer.core.segments import Rollouts

Reading = Literal["paper", "released"]
Place = tuple[int, int]

UNFINISHED = "\N{REPLACEMENT CHARACTER}"
LONGEST = 16
"""So many tokens are waited for to end a character. Bytes that end none must not be decoded anew for ever."""


class Parts(NamedTuple):
    """A text taken apart: half-open stretches of it. `reasoning` is the thoughts and the answer."""

    parsed: bool
    description: tuple[Place, ...]
    reasoning: tuple[Place, ...]


@dataclass(frozen=True)
class Anatomy:
    """`opened` is what the completion continues; `silent` are ids without content: end and padding."""

    tokenizer: Any
    form: Format
    opened: str
    silent: tuple[int, ...]
    reading: Reading = "paper"
    policy: Policy = "contract"

    def of(self, ids: Tensor, mask: Tensor) -> tuple[Rollouts, list[str]]:
        """The parts of completions [B, T], padded on the right, and the responses, with what opened them."""
        lengths = mask.sum(dim=1).tolist()
        spelt = [self.spell(row[:length]) for row, length in zip(ids.tolist(), lengths, strict=True)]
        texts = [self.opened + text for text, _ in spelt]
        found = [self.parts(text) for text in texts]
        base = len(self.opened)
        tokens = Tokens.of([(start + base, end + base) for start, end in places] for _, places in spelt)
        roles = label(texts, tokens, [base] * len(texts), [_spans(each, base) for each in found], self.policy).roles
        whole = torch.zeros(mask.shape, dtype=torch.int8)
        whole[mask.bool().cpu()] = torch.from_numpy(roles)
        whole = whole.to(ids.device)
        rollouts = Rollouts(
            mask.bool(),
            whole == PERCEPTION,
            whole == REASONING,
            torch.tensor([each.parsed for each in found], device=ids.device),
            torch.isin(ids, torch.tensor(self.silent, device=ids.device)),
        )
        return rollouts, texts

    def spell(self, ids: Sequence[int]) -> tuple[str, list[Place]]:
        """The text of sampled tokens, and each token's place in it. Silent ones are empty."""
        places: list[Place] = [(0, 0)] * len(ids)
        pieces: list[str] = []
        length = said = 0
        before: list[int] = []  # the tokens of the last piece: some tokenizers write a first token otherwise
        held: list[int] = []
        heard = ""
        for at, token in enumerate(ids):
            if token in self.silent:
                places[at] = (length + said, length + said)
                continue
            held.append(token)
            piece = self._decode(before + held)[len(heard) :]
            whole = piece.rstrip(UNFINISHED)
            open_end = len(whole) < len(piece)
            places[at] = (length + said, length + len(whole) + int(open_end))
            said = len(whole)
            if not open_end or len(held) == LONGEST:
                pieces.append(piece)
                length, said = length + len(piece), 0
                before, held = held, []
                heard = self._decode(before)
        pieces.append(self._decode(before + held)[len(heard) :])
        return "".join(pieces), places

    def _decode(self, ids: list[int]) -> str:
        text: str = self.tokenizer.backend_tokenizer.decode(ids, skip_special_tokens=False)
        return text

    def parts(self, text: str) -> Parts:
        """A response taken apart, what opened it included."""
        if self.reading == "released":
            return _released(text)
        parsed = self.form.parse(text)
        places, at = {}, 0
        for span in parsed.segments:
            start, end = _with_space(text, span.start, span.end)
            places[span.label] = max(at, start), end
            at = end
        reasoning = tuple(places[part] for part in ("think", "answer") if part in places)
        return Parts(parsed.valid, (places["description"],) if "description" in places else (), reasoning)


def _with_space(text: str, start: int, end: int) -> Place:
    """White space up to the next tag, which formats trim away, is of the part too."""
    before, after = text[:start], text[end:]
    return len(before.rstrip()), len(text) - len(after.lstrip())


def _released(text: str) -> Parts:
    at, ends = 0, []
    for tag in ("<description>", "</description>", "<think>", "</think>"):
        found = text.find(tag, at)
        if found < 0:
            return Parts(False, (), ())
        at = found + len(tag)
        ends.append((found, at))
    opening, closing, think, _ = ends
    boxes = find_boxes(text, at)
    if not boxes.count:
        return Parts(False, (), ())
    inside = text.index("{", boxes.start) + 1
    return Parts(True, ((opening[1], closing[0]),), ((think[1], inside + len(boxes.content) + 1),))


def _spans(parts: Parts, base: int) -> SpanSet:
    """As spans of the completion. Both parts of the reasoning go by the name of thoughts."""
    named = [*((place, "description") for place in parts.description), *((place, "think") for place in parts.reasoning)]
    moved = [(max(0, start - base), max(0, end - base), name) for (start, end), name in named]
    return SpanSet.of([Span(start, end, name) for start, end, name in moved if start < end], SEGMENTS)
