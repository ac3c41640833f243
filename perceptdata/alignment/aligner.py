"""The aligner: rows with spans in, ids and roles of the rendered, image-expanded sequences out.

    aligner = Aligner(reader, policy="contract", max_length=8192)
    roles = aligner.align(rows)
    ids, role = roles.padded(reader.tokenizer.pad_token_id, side="left")

Images stand in prompts, where every token has role 0. So a conversation is labelled as rendered, one placeholder an
image, and the processor's sequence must then end with the very tokens of the completion; that is checked, and no rule
about how a family expands its images is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from perceptdata import images
from perceptdata.alignment.admission import admit, encode_all
from perceptdata.alignment.conversation import Conversation, Frame, converse
from perceptdata.alignment.roles import POLICIES, PROMPT, Policy, Tokens, label
from perceptdata.errors import Rejected, UsageError
from perceptdata.spans import SpanSet
from perceptdata.vlm.loading import Reader
from perceptdata.vlm.rendering import Request, adds_special_tokens, encode

if TYPE_CHECKING:
    from tokenizers import Encoding


@dataclass(frozen=True, slots=True)
class Completion:
    """One row: what is asked, the whole response, and the spans of the response."""

    request: Request
    response: str
    spans: SpanSet


@dataclass(frozen=True, slots=True)
class RoleReject:
    """A row without roles: its place in the batch, its request's key, and why."""

    row: int
    key: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Roles:
    """Flat over rows: `input_ids` (int64) and `roles` (int8), one a token; row r is `[rows[r], rows[r + 1])`.

    `straddles` counts each row's tokens of two roles, `cut` the tokens that `max_length` took from its end. A rejected
    row is empty, and stands in `rejects`.
    """

    input_ids: NDArray[np.int64]
    roles: NDArray[np.int8]
    rows: NDArray[np.int64]
    straddles: NDArray[np.int64]
    cut: NDArray[np.int64]
    rejects: tuple[RoleReject, ...] = ()

    def __len__(self) -> int:
        return len(self.rows) - 1

    def row(self, at: int) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """The ids and roles of one row."""
        part = slice(int(self.rows[at]), int(self.rows[at + 1]))
        return self.input_ids[part], self.roles[part]

    def padded(
        self, pad_id: int, side: Literal["left", "right"] = "right"
    ) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """Ids and roles as matrices of (rows, longest); padding has role 0."""
        lengths = np.diff(self.rows)
        width = int(lengths.max(initial=0))
        column = np.arange(width)
        filled = column < lengths[:, None] if side == "right" else column >= width - lengths[:, None]
        ids = np.full(filled.shape, pad_id, np.int64)
        roles = np.full(filled.shape, PROMPT, np.int8)
        ids[filled], roles[filled] = self.input_ids, self.roles
        return ids, roles


@dataclass(frozen=True, slots=True)
class Aligner:
    """Labels batches for one reader. `max_length` cuts completions at their end, never a prompt.

    Raises UsageError when made with a tokenizer whose offsets cannot be trusted, or a template that shows no answers.
    """

    reader: Reader
    policy: Policy = "contract"
    max_length: int | None = None
    _frame: Frame = field(init=False)

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise UsageError(f"'{self.policy}' is no policy for straddling tokens; write {', '.join(POLICIES)}")
        admit(self.reader.tokenizer)
        object.__setattr__(self, "_frame", Frame.of(self.reader))

    def converse(self, request: Request, response: str) -> Conversation:
        """The text of a row, as a processor is to be given it. Raises Rejected."""
        return converse(self.reader, request, response, self._frame)

    def align(self, batch: Sequence[Completion], expanded: Sequence[Sequence[int]] | None = None) -> Roles:
        """Ids and roles of a batch, row by row; what cannot be aligned is in `rejects`, and the rest goes on.

        `expanded` are the ids (without padding) that the processor has made of the texts of `converse` already; without
        them, rows with images are given to the processor here.
        """
        rejects: dict[int, Rejected] = {}
        texts: list[tuple[int, Conversation]] = []
        for at, row in enumerate(batch):
            try:
                row.spans.check(len(row.response))
                texts.append((at, self.converse(row.request, row.response)))
            except Rejected as reject:
                rejects[at] = reject
        written = [conversation.text for _, conversation in texts]
        encodings = self._encode(written)
        tokens = Tokens.of(encoding.offsets for encoding in encodings)
        starts = [conversation.start for _, conversation in texts]
        found = label(written, tokens, starts, [batch[at].spans for at, _ in texts], self.policy)
        ids: list[NDArray] = [np.empty(0, np.int64)] * len(batch)
        roles: list[NDArray] = [np.empty(0, np.int8)] * len(batch)
        straddles, cut = np.zeros(len(batch), np.int64), np.zeros(len(batch), np.int64)
        for place, (at, conversation) in enumerate(texts):
            part = slice(int(tokens.rows[place]), int(tokens.rows[place + 1]))
            straddles[at] = found.straddles[place]
            try:
                if straddles[at] and self.policy == "strict":
                    raise Rejected(
                        "tokens.straddle",
                        f"{straddles[at]} tokens hold characters of two roles; move the spans to the borders of words, "
                        "or choose the policy contract or expand",
                    )
                behind = tokens.end[part] > conversation.start
                first = int(behind.argmax()) if behind.any() else len(behind)
                own = np.array(encodings[place].ids, np.int64)
                given = None if expanded is None else expanded[at]
                whole = self._expand(batch[at].request, conversation.text, own) if given is None else np.asarray(given)
                prompt = _prompt_length(whole, own[first:])
                kept = self._kept(len(whole), prompt, batch[at].request.max_prompt_tokens)
            except Rejected as reject:
                rejects[at] = reject
                continue
            cut[at] = len(whole) - kept
            ids[at] = whole[:kept]
            roles[at] = np.concatenate([np.zeros(prompt, np.int8), found.roles[part][first:]])[:kept]
        rows = np.zeros(len(batch) + 1, np.int64)
        np.cumsum([len(row) for row in ids], out=rows[1:])
        return Roles(
            np.concatenate([np.empty(0, np.int64), *ids]),
            np.concatenate([np.empty(0, np.int8), *roles]),
            rows,
            straddles,
            cut,
            tuple(
                RoleReject(at, batch[at].request.key, reject.code, reject.message)
                for at, reject in sorted(rejects.items())
            ),
        )

    def _encode(self, texts: Sequence[str]) -> list[Encoding]:
        """Encodings of rendered texts, in order; the tokenizer adds what it would add for the processor."""
        found: dict[int, Encoding] = {}
        for adds in (False, True):
            places = [at for at, text in enumerate(texts) if adds_special_tokens(self.reader, text) == adds]
            made = encode_all(self.reader.tokenizer, [texts[at] for at in places], add_special_tokens=adds)
            found |= zip(places, made, strict=True)
        return [found[at] for at in range(len(texts))]

    def _expand(self, request: Request, text: str, ids: NDArray) -> NDArray[np.int64]:
        """The ids of a text with its image tokens expanded, as the processor does it."""
        if not request.images:
            return ids
        pictures = [images.decode(data) for data in request.images]
        return encode(self.reader, text, pictures, request.max_pixels)["input_ids"][0].numpy()

    def _kept(self, length: int, prompt: int, allowed: int | None) -> int:
        """How many tokens `max_length` leaves. A prompt, where images stand, is never cut."""
        if allowed is not None and prompt > allowed:
            raise Rejected("prompt.too_long", f"the prompt has {prompt} tokens; the format allows {allowed}")
        limit = self.max_length
        if limit is None or length <= limit:
            return length
        if prompt >= limit:
            raise Rejected(
                "prompt.too_long",
                f"the prompt has {prompt} tokens with its images, and max_length is {limit}: cutting would go through "
                "it, and leave no completion",
            )
        return limit


def _prompt_length(whole: NDArray, completion: NDArray) -> int:
    """Where the completion begins in the expanded sequence, once it is proven to be its end."""
    prompt = len(whole) - len(completion)
    if prompt < 0 or not np.array_equal(whole[prompt:], completion):
        raise Rejected(
            "tokens.expansion",
            "the processor's sequence does not end with the tokens of this response; give the same text",
        )
    return prompt
