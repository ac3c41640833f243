"""Small heads in float64, and upstream gradients that differ from token to token."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor


class Case(NamedTuple):
    """A student and a teacher of another width, over one vocabulary. Token 2 has no target."""

    hidden: Tensor
    weight: Tensor
    bias: Tensor
    targets: Tensor
    teacher_hidden: Tensor
    teacher_weight: Tensor
    teacher_bias: Tensor
    upstream: Tensor
    """[2, N]: signs and sizes mixed."""

    @property
    def student(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.hidden, self.weight, self.bias

    @property
    def teacher(self) -> tuple[Tensor, Tensor]:
        return self.teacher_hidden, self.teacher_weight


@pytest.fixture
def make() -> Callable[..., Case]:
    def make(tokens: int = 7, vocabulary: int = 23, dtype: torch.dtype = torch.float64, device: str = "cpu") -> Case:
        draw = torch.Generator().manual_seed(5)

        def tensor(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=draw, dtype=torch.float64).to(device, dtype)

        targets = torch.randint(vocabulary, (tokens,), generator=draw)
        targets[2:3] = -100
        student = [tensor(tokens, 5), tensor(vocabulary, 5), tensor(vocabulary)]
        return Case(
            *(part.requires_grad_() for part in student),
            targets.to(device),
            *(tensor(tokens, 4), tensor(vocabulary, 4), tensor(vocabulary)),
            tensor(2, tokens) * torch.logspace(-2, 2, tokens, dtype=torch.float64).to(device, dtype),
        )

    return make


@pytest.fixture
def case(make: Callable[..., Case]) -> Case:
    return make()
