"""The task: a noisy picture of a 4×4 Sudoku, what it shows, a long trace, and the answer, as 320 tokens.

    perception  16 tokens   the grid as it is seen, `-` for a blank
    trace      288 tokens   for each cell: its name, its row, column and box as copied, whether each digit was seen
                            there, and the digit that goes in
    answer      16 tokens   the solved grid; it counts as reasoning

Every blank is a naked single of the given grid, so that the trace is one pass. Each yes and no is written in one of
`STYLES` ways: natural chains of thought have entropy that no training removes, and without it the loss of reasoning
would vanish and leave perception alone.

Where traces are free, a cell that is given is looked up at length in three of ten cases and else passed by in two
tokens, SHORT and its digit, so that a policy decides how much it writes: 120 to 320 tokens. `starts` reads both kinds.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from perceptdata.trainer.core import spans

CELLS, SIDE, CELL_PIXELS = 16, 4, 16
PIXELS = SIDE * CELL_PIXELS
STYLES = 4
BLANK = 0
NAMES = 5  # tokens 5 … 20 name the cells; 0 is blank, 1 … 4 are digits
YES = NAMES + CELLS
NO = YES + STYLES
START = NO + STYLES
VOCABULARY = START + 1
SHORT = VOCABULARY  # in the vocabulary of free traces alone
AT_LENGTH = 0.3  # of the given cells, in free traces
SLOTS = 18  # of a cell's trace: name, 4 of the row, 4 of the column, 4 of the box, 4 flags, result
PERCEPTION, TRACE, ANSWER = CELLS, CELLS * SLOTS, CELLS
RESPONSE = PERCEPTION + TRACE + ANSWER

Grid = tuple[int, ...]

ROWS = [tuple(range(4 * r, 4 * r + 4)) for r in range(4)]
COLUMNS = [tuple(range(c, CELLS, 4)) for c in range(4)]
BOXES = [tuple((b // 2 * 2 + k // 2) * 4 + b % 2 * 2 + k % 2 for k in range(4)) for b in range(4)]
UNITS = [*ROWS, *COLUMNS, *BOXES]
SEEN_BY = [(*ROWS[i // 4], *COLUMNS[i % 4], *BOXES[i // 8 * 2 + i % 4 // 2]) for i in range(CELLS)]
"""The cells that the trace of each cell copies: its row, its column, its box."""


@cache
def solutions() -> tuple[Grid, ...]:
    """All 288 solved grids."""

    def extend(grid: Grid) -> Iterable[Grid]:
        if len(grid) == CELLS:
            yield grid
            return
        taken = {grid[j] for j in SEEN_BY[len(grid)] if j < len(grid)}
        for digit in {1, 2, 3, 4} - taken:
            yield from extend((*grid, digit))

    return tuple(sorted(extend(())))


class Puzzle(NamedTuple):
    """What is given (0 a blank) and the solution."""

    given: Grid
    solved: Grid


def puzzle(rng: random.Random, blanks: tuple[int, int] = (4, 8)) -> Puzzle:
    """A grid of which every blank follows from its row, column and box alone."""
    while True:
        solved = rng.choice(solutions())
        hidden = set(rng.sample(range(CELLS), rng.randint(*blanks)))
        given = tuple(0 if i in hidden else digit for i, digit in enumerate(solved))
        if all(len({given[j] for j in SEEN_BY[i]} - {BLANK}) == 3 for i in hidden):
            return Puzzle(given, solved)


def response(one: Puzzle, rng: random.Random, free: bool = False) -> list[int]:
    """Perception, trace and answer of a puzzle, all right; a free one is filled up with blanks behind the answer."""
    trace: list[int] = []
    for i in range(CELLS):
        if free and one.given[i] and rng.random() > AT_LENGTH:
            trace += [SHORT, one.given[i]]
            continue
        copied = [one.given[j] for j in SEEN_BY[i]]
        flags = [(YES if digit in copied else NO) + rng.randrange(STYLES) for digit in (1, 2, 3, 4)]
        trace += [NAMES + i, *copied, *flags, one.solved[i]]
    return [*one.given, *trace, *one.solved, *[BLANK] * (TRACE - len(trace))]


def starts(responses: Tensor) -> Tensor:
    """Where each cell's piece of the trace begins, and the answer, (B, 17), as far as the (B, T) tokens tell."""
    found = [responses.new_full((len(responses), 1), PERCEPTION)]
    seen = torch.cat([responses, responses.new_full((len(responses), 1), BLANK)], 1)
    for _ in range(CELLS):
        first = seen.gather(1, found[-1].clamp(max=responses.shape[1]))
        found.append(found[-1] + torch.where(first == SHORT, 2, SLOTS))
    return torch.cat(found, 1)


def lengths(responses: Tensor) -> Tensor:
    """Tokens up to the end of the answer, (B,)."""
    return starts(responses)[:, -1] + ANSWER


def answers(responses: Tensor) -> Tensor:
    """The answers, (B, 16); blanks where a response was cut off before its end."""
    at = starts(responses)[:, -1:] + torch.arange(ANSWER, device=responses.device)
    there = at < responses.shape[1]
    return torch.where(there, responses.gather(1, at.clamp(max=responses.shape[1] - 1)), BLANK)


def solves(answer: Sequence[int], given: Sequence[int]) -> bool:
    """Whether an answer is a solved grid that keeps what was given."""
    return (
        all(digit in (1, 2, 3, 4) for digit in answer)
        and all(not known or known == digit for known, digit in zip(given, answer, strict=True))
        and all(len({answer[j] for j in unit}) == 4 for unit in UNITS)
    )


class Drawing(NamedTuple):
    """How hard pictures are to read: degrees, pixels of shift, standard deviation of noise."""

    rotation: float
    shift: float
    noise: float


EASY, HARD = Drawing(3.0, 0.5, 0.05), Drawing(15.0, 1.5, 0.2)
VARIANTS = 200  # of each digit, in a hand


@cache
def hand(seed: int, drawing: Drawing) -> np.ndarray:
    """A hand: VARIANTS pictures of each digit, float32 (5, VARIANTS, 16, 16) in [0, 1]; those of 0 are empty."""
    rng = random.Random(f"hand/{seed}")
    found = np.zeros((5, VARIANTS, CELL_PIXELS, CELL_PIXELS), np.float32)
    for digit in range(1, 5):
        for variant in range(VARIANTS):
            picture = Image.new("L", (48, 48), 0)
            font = ImageFont.load_default(rng.randint(24, 34))
            weight = rng.choice((0, 0, 1, 1, 2))
            ImageDraw.Draw(picture).text((24, 24), str(digit), 255, font, anchor="mm", stroke_width=weight)
            picture = picture.rotate(rng.uniform(-drawing.rotation, drawing.rotation), Image.Resampling.BILINEAR)
            slant, width = rng.uniform(-0.02, 0.02) * drawing.rotation, 1 + rng.uniform(-0.02, 0.02) * drawing.rotation
            right, down = (2 * rng.uniform(-drawing.shift, drawing.shift) for _ in range(2))
            matrix = (width, slant, 24 * (1 - width - slant) + right, 0.0, 1.0, down)
            picture = picture.transform((48, 48), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
            small = picture.crop((8, 8, 40, 40)).resize((CELL_PIXELS, CELL_PIXELS), Image.Resampling.BOX)
            found[digit, variant] = np.asarray(small, np.float32) / 255 * rng.uniform(0.5, 1.0)
    return found


def draw(grids: Sequence[Grid], glyphs: np.ndarray, noise: float, rng: np.random.Generator) -> Tensor:
    """Pictures (N, 64, 64), normalised."""
    shown = np.array(grids)
    chosen = glyphs[shown, rng.integers(VARIANTS, size=shown.shape)]
    pictures = chosen.reshape(-1, SIDE, SIDE, CELL_PIXELS, CELL_PIXELS).transpose(0, 1, 3, 2, 4)
    pictures = pictures.reshape(-1, PIXELS, PIXELS).copy()
    pictures[:, ::CELL_PIXELS, :] = pictures[:, :, ::CELL_PIXELS] = 0.4
    pictures += rng.normal(0, noise, pictures.shape).astype(np.float32)
    return torch.from_numpy((pictures - 0.12) / 0.3).to(torch.get_default_device())


class Data(NamedTuple):
    """Puzzles (their given grids), their pictures (N, 64, 64) and their responses (N, 320)."""

    given: list[Grid]
    pictures: Tensor
    responses: Tensor

    def first(self, count: int) -> Data:
        """The first so many of them."""
        return Data(self.given[:count], self.pictures[:count], self.responses[:count])


def dataset(
    count: int,
    seed: int,
    drawing: Drawing,
    hand_seed: int,
    banned: Iterable[Grid] = (),
    wanted: Callable[[Puzzle], bool] | None = None,
    free: bool = False,
) -> Data:
    """`count` different puzzles, none of `banned` and all `wanted`, drawn in one hand; their traces fixed or free."""
    rng, noise = random.Random(f"puzzles/{seed}"), np.random.default_rng(seed)
    taken, given, responses = set(banned), [], []
    while len(given) < count:
        one = puzzle(rng)
        if one.given in taken or (wanted is not None and not wanted(one)):
            continue
        taken.add(one.given)
        given.append(one.given)
        responses.append(response(one, rng, free))
    pictures = draw(given, hand(hand_seed, drawing), drawing.noise, noise)
    return Data(given, pictures, torch.tensor(responses))


def roles(responses: Tensor) -> Tensor:
    """The role of each token, (N, T), as `trainer.core.spans` has them: none behind the end."""
    places = torch.arange(responses.shape[1], device=responses.device)
    written = torch.where(places < PERCEPTION, spans.PERCEPTION, spans.REASONING)
    return torch.where(places < lengths(responses)[:, None], written, spans.NONE)
