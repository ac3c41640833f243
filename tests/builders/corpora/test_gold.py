"""Every builder, on its shape fixture or its real sample: nothing lost, nothing doubled, every gold answer right."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from perceptdata import answers, registry
from perceptdata.answers import Ladder
from perceptdata.builders import BUILDERS
from perceptdata.example import IMAGE, STAGES
from perceptdata.steps.build import Build
from perceptdata.steps.validate import Validation, validate

SHAPES = Path(__file__).parent.parent / "shapes"
SHAPED = sorted(file.stem for file in SHAPES.glob("*.py"))
SAMPLED = ("geometry3k", "gsm8k", "nlvr")
# Those that read any file: their shapes are in tests/builders/own. Those that make their scenes: in .../synthetic.
NO_CORPUS = {name for name, target in BUILDERS.items() if ".builders.corpora." not in target}
ELSEWHERE = {"reasoning_gym"}  # needs its package: tests/services


def test_no_builder_is_left_out() -> None:
    assert set(BUILDERS) - NO_CORPUS - ELSEWHERE <= {*SHAPED, *SAMPLED}
    assert set(SHAPED) <= set(BUILDERS)


def test_there_are_as_many_as_promised() -> None:
    assert len(BUILDERS) >= 40
    for name in BUILDERS:
        builder = registry.load("builders", name)
        assert builder.licence, name
        assert set(builder.stages) <= set(STAGES), name
        assert builder.stages, f"{name} does not say of which stages its examples are"
        assert builder.name == name


@pytest.fixture(params=[*SHAPED, *SAMPLED])
def built(
    request: pytest.FixtureRequest, tmp_path: Path, samples: Path, shape: Callable[[str], ModuleType]
) -> tuple[str, Validation, ModuleType | None]:
    """A builder's name, what it makes of its fixture, and the fixture."""
    name = request.param
    if name in SAMPLED:
        return name, validate(Build.of({"use": name, "path": samples / name})), None
    fixture = shape(name)
    given = getattr(fixture, "OPTIONS", {}) | (fixture.options(tmp_path) if hasattr(fixture, "options") else {})
    return name, validate(Build.of({"use": name, "path": fixture.write(tmp_path), **given})), fixture


def test_the_gold_answer_is_right(built: tuple[str, Validation, ModuleType | None]) -> None:
    name, found, fixture = built
    expected = Counter(getattr(fixture, "REJECTED", {}))
    assert found.rejected == expected, [reject.message for reject in found.rejects]
    assert found.examples
    assert not found.failed
    builder = registry.load("builders", name)
    assert {example.stage for example in found.kept} <= set(builder.stages)
    assert len({example.id for example in found.kept}) == found.examples
    with Ladder() as ladder:
        for example in found.kept:
            asked = example.question.count(IMAGE) + sum(turn.text.count(IMAGE) for turn in example.history)
            assert asked == len(example.images)
            assert answers.gold_score(example) == 1.0
            assert ladder.judge("no such answer at all", example).score != 1.0
            assert example.source.licence
            assert not any(mark in example.id for mark in (" ", "\\"))
    for reject in found.rejects:
        assert len(reject.message) > 15, "a reject says in a sentence what is wrong"
