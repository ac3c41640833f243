"""Every draft of a corpus, and every example that the engine makes of it."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from perceptdata.draft import BadRow, Draft
from perceptdata.example import Example
from perceptdata.ingest import Ingest
from perceptdata.layers import Producer
from perceptdata.plugins import Builder

Read = Callable[[Builder, Path], tuple[list[Draft], list[BadRow]]]
Take = Callable[[Builder, Path], list[Example]]


@pytest.fixture(scope="session")
def samples() -> Path:
    return Path(str(files("perceptdata.builders") / "samples"))


@pytest.fixture(scope="session")
def read() -> Read:
    """All parts of a source in order: the drafts and the rows that could not be read."""

    def read_all(builder: Builder, source: Path) -> tuple[list[Draft], list[BadRow]]:
        rows = [row for part in builder.parts(source) for row in builder.read(part)]
        return [row for row in rows if isinstance(row, Draft)], [row for row in rows if isinstance(row, BadRow)]

    return read_all


@pytest.fixture(scope="session")
def take(read: Read) -> Take:
    """The examples of a source. The engine checks images, placeholders, texts and that gold answers score 1.0."""

    def take_all(builder: Builder, source: Path) -> list[Example]:
        ingest = Ingest(builder, builder.name, Producer(name=builder.name, version=builder.version, config="00000000"))
        drafts, _ = read(builder, source)
        examples = [ingest(draft).example for draft in drafts]
        assert len({example.id for example in examples}) == len(examples)
        return examples

    return take_all
