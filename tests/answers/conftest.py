"""One way to make the example that an answer is compared with."""

from collections.abc import Callable
from typing import Any

import pytest

from perceptdata.answers import Ladder, Verdict
from perceptdata.example import Answer, Example, Image, Source

SOURCE = Source(builder="b", version="1", corpus="c", split="train", key="1", licence="CC0-1.0")
Asked = Callable[..., Example]


@pytest.fixture(scope="session")
def asked() -> Asked:
    """`asked("12", kind="number", unit="cm")`: an example with that gold answer."""

    def make(text: str, choices: tuple[str, ...] = (), size: tuple[int, int] | None = None, **fields: Any) -> Example:
        images = (Image(sha256="0" * 64, width=size[0], height=size[1]),) if size else ()
        return Example(
            id="b/train/1",
            stage="visual_reasoning" if size else "textual_reasoning",
            group="g",
            images=images,
            question="<image>q" if size else "q",
            answer=Answer(text=text, **fields),
            choices=choices,
            source=SOURCE,
        )

    return make


@pytest.fixture(scope="session")
def ladder() -> Any:
    """A ladder whose algebra process the tests share."""
    with Ladder(seconds=1) as shared:
        yield shared


@pytest.fixture(scope="session")
def judge(asked: Asked, ladder: Ladder) -> Callable[..., Verdict]:
    """`judge(answer, gold, kind="expression")`."""
    return lambda answer, gold, choices=(), **fields: ladder.judge(answer, asked(gold, choices, **fields))
