"""Tiny models, loaded once."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from models.tiny import Load

from perceptdata.vlm.loading import LocalModel


@pytest.fixture(scope="session")
def load(tiny: Callable[[str], Path]) -> Load:
    """`load("qwen3_vl")`: that family's tiny model, shared by all tests, so not to be changed."""
    return cache(lambda family: LocalModel.load(tiny(family)))
