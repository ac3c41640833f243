"""A VLM of 0.19 M parameters: a convolutional stem gives 16 picture tokens, three causal blocks read and write.

Two things make a skill learnable in minutes. Positions are tagged with the cell that a token speaks of and with the
cell of the token that comes next, and query weights begin as key weights seen through that tag, so that "look up the
cell that I must write next" is there from the first step. And whoever trains it begins from a base (`bases`).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from .task import CELLS, PIXELS, RESPONSE, SEEN_BY, SLOTS, START, VOCABULARY, lengths, starts

NOWHERE = CELLS  # the cell of a token that speaks of none
KINDS = 4 + SLOTS + 1  # picture, start, perception, the slots of the trace, answer, behind the end


def _pieces() -> tuple[Tensor, Tensor]:
    """Kinds and cells of the tokens of each cell's piece of the trace, (2, 16, 18): written short, then at length."""
    at_length = torch.tensor([[cell, *SEEN_BY[cell], *[cell] * 5] for cell in range(CELLS)])
    short = torch.arange(CELLS)[:, None].expand(CELLS, SLOTS)
    slots = torch.arange(SLOTS).expand(CELLS, SLOTS)
    of_short = torch.where(slots == 1, SLOTS - 1, slots)
    return torch.stack([of_short, slots]) + 3, torch.stack([short, at_length])


def places(responses: Tensor) -> tuple[Tensor, Tensor]:
    """Of every position, the kind of its token and the cell it speaks of, and of the one that would follow the last.

    From responses (B, T), two of (B, 17 + T + 1): pictures, start, tokens, and what comes next.
    """
    batch, length = responses.shape
    begins = starts(responses)
    at = torch.arange(length + 1, device=responses.device).expand(batch, -1).contiguous()
    piece = torch.searchsorted(begins, at, right=True) - 1
    inside = piece.clamp(0, CELLS - 1)
    offset = at - begins.gather(1, piece.clamp(min=0))
    lasts = begins.diff(dim=1).gather(1, inside)
    kinds_of, cells_of = (table.to(responses.device) for table in _pieces())
    found = ((lasts == SLOTS).long(), inside, offset.clamp(0, SLOTS - 1))
    described, answered = piece < 0, piece == CELLS
    over = answered & (offset >= CELLS)
    kinds = torch.where(described, 2, torch.where(answered, 3 + SLOTS, kinds_of[found]))
    cells = torch.where(described, at, torch.where(answered, offset, cells_of[found]))
    kinds, cells = torch.where(over, 4 + SLOTS, kinds), torch.where(over, NOWHERE, cells)
    prompt = torch.tensor([[0] * CELLS + [1], [*range(CELLS), NOWHERE]], device=responses.device)
    shown = prompt[:, None].expand(-1, batch, -1)
    return torch.cat([shown[0], kinds], 1), torch.cat([shown[1], cells], 1)


class Block(nn.Module):
    """Pre-norm attention and MLP; keys and values are kept in a cache where one is given."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, mask: Tensor | None = None, cache: tuple[Tensor, Tensor, int] | None = None) -> Tensor:
        """(B, T, width) to the same; a cache holds keys and values up to its last entry."""
        batch, length, width = x.shape
        heads = self.qkv(self.before_attention(x)).view(batch, length, 3, self.heads, width // self.heads)
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        if cache is not None:
            keys, values, at = cache
            keys[:, :, at : at + length], values[:, :, at : at + length] = k, v
            k, v = keys[:, :, : at + length], values[:, :, : at + length]
        causal = mask is None and length > 1
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(functional.gelu(self.up(self.before_mlp(x)), approximate="tanh"))


class TinyVLM(nn.Module):
    """Pictures (B, 64, 64) and responses (B, T ≤ 320) to logits. One for free traces knows SHORT as well."""

    def __init__(self, width: int = 64, layers: int = 3, heads: int = 4, stem: int = 32, free: bool = False) -> None:
        super().__init__()
        self.width, self.heads, self.free = width, heads, free
        vocabulary = VOCABULARY + free
        first, second = nn.Conv2d(1, stem, 4, 4), nn.Conv2d(stem, width, 4, 4)
        self.stem = nn.Sequential(first, nn.GELU(), second)
        self.tokens = nn.Embedding(vocabulary, width)
        self.kind, self.next_kind = nn.Embedding(KINDS, width), nn.Embedding(KINDS, width)
        self.row, self.column = nn.Embedding(5, width), nn.Embedding(5, width)
        self.ahead = nn.Linear(width, width, bias=False)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)
        kinds, cells = places(torch.zeros((1, RESPONSE), dtype=torch.long))
        self.register_buffer("kinds", kinds, persistent=False)
        self.register_buffer("cells", cells, persistent=False)
        self._initialise()

    def _initialise(self) -> None:
        for module in (self.tokens, self.kind, self.next_kind, self.row, self.column):
            nn.init.normal_(module.weight, std=0.3)
        nn.init.orthogonal_(self.ahead.weight)
        nn.init.normal_(self.head.weight, std=0.3 / math.sqrt(self.width))
        for block in self.blocks:
            for layer, scale in ((block.qkv, 1.0), (block.up, 1.0), (block.out, 0.4), (block.down, 0.4)):
                nn.init.normal_(layer.weight, std=scale / math.sqrt(layer.in_features))
            query, key, _ = block.qkv.weight.data.chunk(3)
            query.copy_(key @ self.ahead.weight.data.T)

    def _position(self, responses: Tensor, first: int, stop: int) -> Tensor:
        kinds, cells = places(responses) if self.free else (self.kinds, self.cells)

        def cell(at: Tensor) -> Tensor:
            inside = at < NOWHERE
            return self.row(torch.where(inside, at // 4, 4)) + self.column(torch.where(inside, at % 4, 4))

        here, following = slice(first, stop), slice(first + 1, stop + 1)
        kind = self.kind(kinds[:, here]) + self.next_kind(kinds[:, following])
        return kind + cell(cells[:, here]) + self.ahead(cell(cells[:, following]))

    def _prompt(self, pictures: Tensor, told: Tensor | None = None) -> Tensor:
        shown = self.stem(pictures[:, None]).flatten(2).transpose(1, 2)
        if told is not None:
            shown = shown + self.tokens(told)
        return torch.cat([shown, self.tokens.weight[START].expand(len(pictures), 1, -1)], 1)

    def forward(self, pictures: Tensor, responses: Tensor, blind: bool = False, told: Tensor | None = None) -> Tensor:
        """Logits (B, T, vocabulary) of each response token given all before it.

        `blind` hides the picture's keys from every later position, which is what a masked forward pass does. `told`
        (B, 16) is a solved grid that stands in the prompt, cell by cell: what a teacher knows.
        """
        x = torch.cat([self._prompt(pictures, told), self.tokens(responses[:, :-1])], 1)
        length = x.shape[1]
        x = x + self._position(responses, 0, length)
        mask = None
        if blind:
            mask = torch.ones(length, length, dtype=torch.bool, device=x.device).tril()
            mask[CELLS:, :CELLS] = False
        for block in self.blocks:
            x = block(x, mask)
        return self.head(self.norm(x[:, CELLS:]))

    @torch.no_grad()
    def generate(
        self,
        pictures: Tensor,
        prefill: Tensor | None = None,
        temperature: float = 0.0,
        generator: torch.Generator | None = None,
        blank_after: bool = False,
        length: int = RESPONSE,
    ) -> Tensor:
        """Responses (B, length), greedy at temperature 0; `prefill` (B, P) are tokens that stand already. Free ones are
        as long as the longest of them.

        `blank_after` hides the picture from everything behind the prefill: does the rest read it, or peek?
        """
        batch, room = len(pictures), CELLS + 1 + length
        shape = (batch, self.heads, room, self.width // self.heads)
        caches = [
            (torch.empty(shape, device=pictures.device), torch.empty(shape, device=pictures.device))
            for _ in self.blocks
        ]
        begun = torch.empty((batch, 0), dtype=torch.long, device=pictures.device) if prefill is None else prefill
        x, at = torch.cat([self._prompt(pictures), self.tokens(begun)], 1), 0
        written = begun
        while written.shape[1] < length and not (self.free and bool((lengths(written) <= written.shape[1]).all())):
            fed = x.shape[1]
            x = x + self._position(written, at, at + fed)
            mask = None
            if blank_after and at:
                mask = torch.ones(fed, at + fed, dtype=torch.bool, device=x.device)
                mask[:, :CELLS] = False
            for block, (keys, values) in zip(self.blocks, caches, strict=True):
                x = block(x, mask, (keys, values, at))
            at += fed
            logits = self.head(self.norm(x[:, -1]))
            if temperature == 0:
                chosen = logits.argmax(-1, keepdim=True)
            else:
                chosen = torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)
            written = torch.cat([written, chosen], 1)
            x = self.tokens(chosen)
        return written


def token_logprobs(model: TinyVLM, pictures: Tensor, responses: Tensor, blind: bool = False) -> Tensor:
    """log p of each response token, (B, T)."""
    logits = model(pictures, responses, blind).log_softmax(-1)
    return logits.gather(-1, responses[..., None])[..., 0]


assert PIXELS == 64  # the stem's two strides of four give one token a cell
