"""Which implementation is chosen, and what is said when there is none."""

import pytest
import torch

from perceptdata.errors import UsageError
from perceptdata.kernels import backends, torch_tiles, triton_tiles


class OnGpu:
    """As much of a CUDA tensor as the choice looks at."""

    is_cuda = True

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch):
    def say(there: bool) -> None:
        monkeypatch.setattr(backends, "find_spec", lambda name: object() if there else None)
        monkeypatch.delenv("TRITON_INTERPRET", raising=False)

    return say


def test_auto_takes_triton_on_a_gpu_where_it_is_installed(installed) -> None:
    installed(True)
    assert backends.chosen("auto", OnGpu(torch.bfloat16)) is triton_tiles
    assert backends.chosen("auto", OnGpu(torch.float64)) is torch_tiles
    assert backends.chosen("auto", torch.ones(1)) is torch_tiles
    assert backends.chosen("torch", OnGpu(torch.bfloat16)) is torch_tiles
    assert backends.chosen("triton", OnGpu(torch.float32)) is triton_tiles
    installed(False)
    assert backends.chosen("auto", OnGpu(torch.bfloat16)) is torch_tiles


def test_triton_that_cannot_be_had_is_an_error(installed) -> None:
    installed(True)
    with pytest.raises(UsageError, match="needs tensors on a GPU"):
        backends.chosen("triton", torch.ones(1))
    with pytest.raises(UsageError, match="float64"):
        backends.chosen("triton", OnGpu(torch.float64))
    with pytest.raises(UsageError, match="no backend 'cuda'"):
        backends.chosen("cuda", torch.ones(1))
    installed(False)
    with pytest.raises(UsageError, match="not installed"):
        backends.chosen("triton", OnGpu(torch.float32))
