"""Benchmarks are no part of the package: they are imported from the checkout."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.append(str(Path(__file__).resolve().parents[2]))

from benchmarks.reproduce.model import TinyVLM
from benchmarks.reproduce.runs import keep


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Bases and a start as if they had been trained."""
    torch.manual_seed(0)
    for name in ("captioner-64-0", "reasoner-64-0", "start-A-half-0", "start-told-0"):
        keep(tmp_path / f"{name}.pt", TinyVLM().state_dict())
    return tmp_path
