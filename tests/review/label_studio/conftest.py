"""A fake server, a place on it, and tasks with everything in their texts that has ever gone wrong."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image as Pillow
from review.label_studio.fake import Fake
from review.label_studio.traces import Images

from perceptdata.review.label_studio import pushing
from perceptdata.review.label_studio.backend import LabelStudio
from perceptdata.review.label_studio.pictures import Thumbnails


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def images() -> Images:
    file = io.BytesIO()
    Pillow.new("RGB", (64, 48), "teal").save(file, "PNG")
    return Images({"a" * 64: ("image/png", file.getvalue())})


@pytest.fixture
def place(fake: Fake, images: Images) -> LabelStudio:
    return LabelStudio(fake.connect(), "place", "pilot", Thumbnails(images))


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushing, "PATIENCE", (0.0, 0.0, 0.0))


@pytest.fixture
def reopened(fake: Fake, images: Images) -> Callable[[], LabelStudio]:
    """The same place as another process would open it."""
    return lambda: LabelStudio(fake.connect(), "place", "pilot", Thumbnails(images))


@pytest.fixture
def media(tmp_path: Path) -> Path:
    return tmp_path / "media"
