"""What the shared autograd function keeps and makes: never [N, V], no gradient that nobody needs, sums in float32."""

from collections.abc import Callable

import full_logits as naive
import pytest
import torch
from torch import Tensor
from torch.autograd import grad

from perceptdata.kernels import Tile, token_divergence, token_stats

N, H, V = 64, 8, 400
TILE = Tile(16, 50)
MEASURES = ["stats", "forward_kl", "reverse_kl", "jsd"]


def tensors(dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    """The same numbers in every dtype."""
    draw = torch.Generator().manual_seed(1)
    hidden, weight = (torch.randn(rows, H, generator=draw).bfloat16().to(dtype).requires_grad_() for rows in (N, V))
    return hidden, weight, torch.randint(V, (N,), generator=draw)


def measured(kind: str, hidden: Tensor, weight: Tensor, targets: Tensor, tile: Tile | None = TILE) -> Tensor:
    """[N], a weight a token in it."""
    weights = torch.linspace(-1, 3, hidden.shape[0])
    if kind == "stats":
        return weights * sum(token_stats(hidden, weight, targets, tile=tile))
    teacher = (1.5 * hidden).detach(), weight.detach()
    return weights * token_divergence(hidden, weight, *teacher, kind=kind, tile=tile)


@pytest.mark.parametrize("kind", MEASURES)
def test_no_tensor_of_the_size_of_all_logits_is_ever_made(kind) -> None:
    hidden, weight, targets = tensors()
    with naive.Largest() as largest:
        measured(kind, hidden, weight, targets).sum().backward()
    assert largest.nbytes == V * H * 4  # the head's own gradient
    weight.requires_grad_(False)
    with naive.Largest() as largest:
        measured(kind, hidden, weight, targets).sum().backward()
    assert largest.nbytes == max(N * H, 16 * 50) * 4
    with naive.Largest() as largest:
        naive.nll(naive.log_p(hidden, weight), targets).sum().backward()
    assert largest.nbytes == N * V * 4


@pytest.mark.parametrize("kind", MEASURES)
def test_the_gradient_of_a_bfloat16_head_has_no_float32_copy(kind) -> None:
    hidden, weight, targets = tensors(torch.bfloat16)
    with naive.Largest() as largest:
        (value,) = grad(measured(kind, hidden, weight, targets).sum(), weight)
    assert (value.dtype, largest.nbytes) == (torch.bfloat16, V * H * 2)


@pytest.mark.parametrize("kind", MEASURES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_is_summed_in_float32(kind, dtype) -> None:
    """160 tiles give what one gives, to the rounding of the products; against float64 that of the logits shows."""
    hidden, weight, targets = tensors(dtype)
    exact = [tensor.detach().double().requires_grad_() for tensor in (hidden, weight)]
    epsilon = torch.finfo(dtype).eps
    results = []
    for inputs, tile in (((hidden, weight), Tile(4, 40)), ((hidden, weight), Tile(N, V)), (exact, None)):
        value = measured(kind, *inputs, targets, tile)
        gradients = grad(value.sum(), inputs)
        assert [gradient.dtype for gradient in gradients] == [inputs[0].dtype] * 2
        results.append([value.double(), *(gradient.double() for gradient in gradients)])
    assert measured(kind, hidden, weight, targets).dtype == torch.float32
    for tiled, whole, wanted in zip(*results, strict=True):
        assert (tiled - whole).norm() <= epsilon * whole.norm()
        assert (tiled - wanted).norm() <= 8 * epsilon * wanted.norm()


@pytest.mark.parametrize("kind", MEASURES)
def test_autocast_runs_products_in_its_dtype_and_gives_gradients_in_the_tensors_own(kind) -> None:
    hidden, weight, targets = tensors()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = measured(kind, hidden, weight, targets)
        gradients = grad(value.sum(), [hidden, weight])
    low = [tensor.detach().bfloat16().requires_grad_() for tensor in (hidden, weight)]
    wanted = measured(kind, *low, targets)
    assert {value.dtype, *(gradient.dtype for gradient in gradients)} == {torch.float32}
    torch.testing.assert_close(value, wanted)
    for mine, other in zip(gradients, grad(wanted.sum(), low), strict=True):
        assert (mine - other).norm() < torch.finfo(torch.bfloat16).eps * other.norm()


def test_autocast_leaves_float64_alone(make: Callable) -> None:
    case = make()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        stats = token_stats(case.hidden, case.weight, case.targets)
    torch.testing.assert_close(stats, token_stats(case.hidden, case.weight, case.targets), rtol=0, atol=0)


@pytest.mark.parametrize("kind", MEASURES)
def test_only_what_needs_a_gradient_gets_one(kind) -> None:
    hidden, weight, targets = tensors()
    both = grad(measured(kind, hidden, weight, targets).sum(), [hidden, weight])
    for index, tensor in enumerate((hidden, weight)):
        other = (hidden, weight)[1 - index].requires_grad_(False)
        (alone,) = grad(measured(kind, hidden, weight, targets).sum(), tensor)
        torch.testing.assert_close(alone, both[index])
        other.requires_grad_(True)
    with torch.no_grad():
        assert not measured(kind, hidden, weight, targets).requires_grad


def test_a_gradient_of_a_gradient_is_refused() -> None:
    hidden, weight, targets = tensors()
    (first,) = grad(measured("stats", hidden, weight, targets).sum(), hidden, create_graph=True)
    with pytest.raises(RuntimeError, match="does not require grad"):
        first.sum().backward()


def test_a_head_changed_before_backward_is_noticed() -> None:
    hidden, weight, targets = tensors()
    value = measured("stats", hidden, weight, targets).sum()
    with torch.no_grad():
        weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        value.backward()


def test_a_row_of_zero_weight_gives_exactly_nothing() -> None:
    hidden, weight, targets = tensors()
    stats = token_stats(hidden, weight, targets, tile=TILE)
    kept = (torch.arange(N) % 2).float()
    (gradient,) = grad((kept * (stats.nll + stats.entropy)).sum(), hidden)
    assert gradient[::2].abs().max() == 0.0
    assert (gradient[1::2].norm(dim=1) > 0).all()
