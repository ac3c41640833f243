"""Labels with errors in them: what wrong tags and wrong descriptions cost (experiment 1, `0.3/flipped=0.1` and so on).

flipped=0.1   of each clause (a row that is seen, a cell's trace, the answer) one in ten has the other role
shuffled      each response has as many perception tags as before, on tokens drawn at random
mismatched    the description of another puzzle, before this puzzle's trace
"""

from __future__ import annotations

import torch
from torch import Tensor

from perceptdata.trainer.core import spans

from .task import ANSWER, CELLS, PERCEPTION, SIDE, SLOTS, roles

CLAUSES = [SIDE] * (PERCEPTION // SIDE) + [SLOTS] * CELLS + [ANSWER]
"""The lengths of a response's clauses, in tokens."""


def with_errors(responses: Tensor, error: str, seed: int) -> tuple[Tensor, Tensor]:
    """Responses and roles, (N, 320) both, with this error in them, or '' for none.

    Raises ValueError for an unknown one.
    """
    word, _, rate = error.partition("=")
    generator = torch.Generator("cpu").manual_seed(9000 + seed)
    tags = roles(responses)
    if word == "flipped":
        wrong = torch.rand(len(responses), len(CLAUSES), generator=generator, device="cpu") < float(rate)
        wrong = wrong.repeat_interleave(torch.tensor(CLAUSES, device="cpu"), 1).to(tags.device)
        other = spans.PERCEPTION + spans.REASONING - tags
        tags = torch.where(wrong, other, tags)
    elif word == "shuffled":
        drawn = torch.rand(tags.shape, generator=generator, device="cpu").argsort(1).to(tags.device)
        tags = tags.gather(1, drawn)
    elif word == "mismatched":
        others = responses.roll(1, 0)
        responses = torch.cat([others[:, :PERCEPTION], responses[:, PERCEPTION:]], 1)
    elif word:
        raise ValueError(f"there is no label error '{word}'; there are flipped=RATE, shuffled, mismatched")
    return responses, tags
