"""An endpoint's options that suit tests, and a place for replies."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from perceptdata.llm import Endpoint, ReplyCache
from perceptdata.packs import ImageStore, PackWriter


@pytest.fixture
def replies(tmp_path: Path) -> Iterator[ReplyCache]:
    """An empty cache."""
    with ReplyCache(tmp_path / "replies.sqlite", step="cot") as opened:
        yield opened


@pytest.fixture
def endpoint() -> Callable[..., Endpoint]:
    """`endpoint(url, …, timeout=1)`: few retries, so that a test of failure is short."""

    def make(*urls: str, **options: Any) -> Endpoint:
        return Endpoint(urls=urls or ("http://127.0.0.1:9/v1",), **{"model": "m", "retries": 1, **options})

    return make


@pytest.fixture
def pack(tmp_path: Path) -> Callable[..., tuple[ImageStore, str]]:
    """`pack(data, media type, size)`: a store with one image, and its hash."""

    def make(data: bytes, media: str, size: tuple[int, int]) -> tuple[ImageStore, str]:
        sha256 = hashlib.sha256(data).hexdigest()
        with PackWriter(tmp_path / "pack.arrow") as writer:
            writer.add(SimpleNamespace(sha256=sha256, data=data, media_type=media, width=size[0], height=size[1]))
        return ImageStore([tmp_path / "pack.arrow"]), sha256

    return make
