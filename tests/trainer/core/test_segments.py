"""Which teacher serves which token, what it reads, and the loss that comes of it."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from perceptdata.errors import UsageError
from perceptdata.trainer.core.segments import (
    OPSD,
    SDFT,
    VIGOS,
    Rollouts,
    Segment,
    active,
    assign,
    clip,
    combine,
    invalid_rate,
    pack,
    reads,
    span_mask,
    term_values,
    unpack,
    valid,
    vigos,
)

F64 = torch.float64


def rollouts(
    description: list[tuple[int, int]],
    reasoning: list[tuple[int, int]],
    lengths: list[int],
    parsed: list[bool] | None = None,
    width: int = 9,
) -> Rollouts:
    """Rows of `lengths` tokens of which the last is the end token."""
    end = torch.tensor(lengths)
    completion = span_mask(torch.zeros_like(end), end, width)
    found = [span_mask(*torch.tensor(spans).T, width) for spans in (description, reasoning)]
    good = torch.tensor(parsed if parsed is not None else [True] * len(lengths))
    return Rollouts(completion, found[0], found[1], good, ~completion | span_mask(end - 1, end, width))


# d d </description> <think> r r a a <eos>; the same cut short, which does not parse
TWO = rollouts([(0, 2), (0, 2)], [(4, 8), (4, 6)], [9, 6], [True, False])


def test_vigos_routes() -> None:
    route = assign(VIGOS, TWO)
    # delimiters and the end token of a valid rollout have no teacher; an invalid one has the reference throughout
    assert route.tolist() == [[1, 1, 0, 0, 2, 2, 2, 2, 0], [3, 3, 3, 3, 3, 3, 0, 0, 0]]
    assert active(route, VIGOS).tolist() == [2, 4, 6]
    assert invalid_rate(TWO) == 0.5


def test_what_vigos_is() -> None:
    assert [(s.teacher, s.divergence, s.weight, s.clip, s.clip_mode) for s in VIGOS] == [
        ("image", "forward_kl", 1, 0.05, "clamp"),
        ("answer", "forward_kl", 1, 0.05, "clamp"),
        ("reference", "reverse_kl", 2, 0.05, "clamp"),
    ]
    assert [s.prefix for s in vigos("think_only")] == ["full", "segment", "full"]
    assert [s.clip_mode for s in vigos(clip=None)] == ["none"] * 3


def test_validity() -> None:
    found = rollouts(
        # good; not parsed; no description; description of the end token alone; no reasoning
        [(0, 2), (0, 2), (0, 0), (0, 1), (0, 2)],
        [(3, 5), (3, 5), (3, 5), (3, 5), (3, 3)],
        [6, 6, 6, 6, 6],
        [True, False, True, True, True],
    )
    special = found.special.clone()
    special[3, 0] = True
    assert valid(found._replace(special=special)).tolist() == [True, False, False, False, False]


def test_what_a_teacher_reads() -> None:
    route = assign(VIGOS, TWO)
    perception, reasoning, reference = VIGOS
    read = [reads(segment, at, route, TWO.completion).int().tolist() for at, segment in enumerate(VIGOS, start=1)]
    none = [0] * 9
    assert read[0] == [[1, 1, 0, 0, 0, 0, 0, 0, 0], none]
    assert read[1] == [[1, 1, 1, 1, 1, 1, 1, 1, 0], none]
    assert read[2] == [none, [1, 1, 1, 1, 1, 1, 0, 0, 0]]
    only = reads(vigos("think_only")[1], 2, route, TWO.completion)
    assert only.int().tolist() == [[0, 0, 0, 0, 1, 1, 1, 1, 0], none]
    assert (perception.prefix, reasoning.prefix, reference.prefix) == ("full", "full", "full")


def test_packing_and_back() -> None:
    keep = torch.tensor([[0, 0, 1, 1, 1], [1, 0, 0, 1, 0], [0, 0, 0, 0, 0]], dtype=torch.bool)
    tokens = torch.arange(15).view(3, 5)
    packed = pack(keep)
    assert tokens.gather(1, packed.places)[packed.mask].tolist() == [2, 3, 4, 5, 8]
    assert packed.mask.int().tolist() == [[1, 1, 1], [1, 1, 0], [0, 0, 0]]
    hidden = torch.stack((tokens, -tokens), dim=-1).gather(1, packed.places[..., None].expand(-1, -1, 2))
    back = unpack(hidden, packed, 5)
    assert torch.equal(back[..., 0], tokens * keep)
    assert torch.equal(back[..., 1], -tokens * keep)
    assert pack(torch.zeros(2, 5, dtype=torch.bool)).places.shape == (2, 0)
    assert pack(torch.zeros(0, 5, dtype=torch.bool)).places.shape == (0, 0)


def test_nothing_past_the_completion_is_served() -> None:
    long = rollouts([(0, 2)], [(4, 9)], [6])
    assert assign(VIGOS, long).tolist() == [[1, 1, 0, 0, 2, 2, 0, 0, 0]]


def test_other_methods_are_one_segment() -> None:
    for plan in (OPSD, SDFT):
        assert assign(plan, TWO).tolist() == TWO.completion.long().tolist()
    assert OPSD[0].divergence == "jsd"
    assert OPSD[0].beta == 0.5


def test_a_token_has_one_teacher() -> None:
    plan = (*VIGOS, Segment("all of it", "other", "completion"))
    with pytest.raises(UsageError, match=r"perception and all of it .*one teacher"):
        assign(plan, TWO)


def apart(gradient: bool = False) -> Tensor:
    values = torch.full((2, 9), math.nan, dtype=F64)  # where nobody serves, nothing was computed
    values[0, [0, 1, 4, 5, 6, 7]] = torch.tensor([0.01, 0.03, 0.02, 0.2, 0.04, 0.02], dtype=F64)
    values[1, :6] = 0.03
    return values.requires_grad_(gradient)


@pytest.mark.parametrize(
    ("mode", "reasoning", "steep"),
    # (.02 + .2 + .04 + .02)/4, or with .2 held to .05; the gradient there: 1, 0, or .05/.2
    [("none", 0.07, 1.0), ("clamp", 0.0325, 0.0), ("scale", 0.0325, 0.25)],
)
def test_the_loss_by_hand(mode: str, reasoning: float, steep: float) -> None:
    plan = vigos(clip=None if mode == "none" else 0.05, clip_mode=mode)
    route, values = assign(plan, TWO), apart(gradient=True)
    terms = term_values(values, route, active(route, plan), plan)
    assert terms.tolist() == pytest.approx([0.02, reasoning, 0.03])
    loss = combine(terms, plan)
    assert loss.item() == pytest.approx(0.02 + reasoning + 2 * 0.03)
    loss.backward()
    assert values.grad is not None
    assert values.grad[0].tolist() == pytest.approx([1 / 2, 1 / 2, 0, 0, 1 / 4, steep / 4, 1 / 4, 1 / 4, 0])
    assert values.grad[1].tolist() == pytest.approx([2 / 6] * 6 + [0] * 3)


def test_ranks_add_up() -> None:
    route = assign(VIGOS, TWO)
    counts = active(route[:1], VIGOS) + active(route[1:], VIGOS)
    whole = term_values(apart(), route, counts, VIGOS)
    ranks = [term_values(apart()[at : at + 1], route[at : at + 1], counts, VIGOS) for at in range(2)]
    assert sum(ranks).tolist() == pytest.approx(whole.tolist(), rel=1e-12)


def test_a_segment_that_serves_nothing_is_zero() -> None:
    good = rollouts([(0, 2)], [(4, 8)], [9])
    route = assign(VIGOS, good)
    terms = term_values(apart()[:1], route, active(route, VIGOS), VIGOS)
    assert terms[2].item() == 0
    assert torch.isfinite(terms).all()


def test_clips() -> None:
    values = torch.tensor([0.0, 0.05, 0.5])
    assert clip(values, 0.1, "pointwise").tolist() == values.tolist()
    assert clip(values, None, "clamp").tolist() == values.tolist()
    assert clip(values, 0.1, "scale").tolist() == pytest.approx([0, 0.05, 0.1])
    with pytest.raises(UsageError, match="'cut'"):
        clip(values, 0.1, "cut")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"divergence": "kl"}, "'kl'"),
        ({"weight": -1}, "weight is -1"),
        ({"clip": 0.05}, "belong together"),
        ({"clip_mode": "clamp"}, "belong together"),
        ({"clip": 0.0, "clip_mode": "clamp"}, "clip is 0"),
    ],
)
def test_senseless_segments_are_refused(change: dict, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        replace(OPSD[0], **change)


def test_senseless_prefix_is_refused() -> None:
    with pytest.raises(UsageError, match="'box'"):
        vigos("box")
