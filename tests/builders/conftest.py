"""Every draft of a corpus, and every example that the engine makes of it."""

from collections.abc import Callable
from importlib.resources import files
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from perceptdata.draft import BadRow, Draft
from perceptdata.example import Example
from perceptdata.ingest import Ingest
from perceptdata.layers import Producer
from perceptdata.plugins import Builder

Read = Callable[[Builder, Path], tuple[list[Draft], list[BadRow]]]
Take = Callable[[Builder, Path], list[Example]]
SHAPES = Path(__file__).parent / "shapes"


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


def load_shape(name: str) -> ModuleType:
    """The shape fixture of a builder: see shapes/README.md."""
    spec = spec_from_file_location(f"shapes_{name}", SHAPES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def shape() -> Callable[[str], ModuleType]:
    return load_shape


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """An empty folder whose name says no split (a test's own folder is called `test_…`)."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    return folder
