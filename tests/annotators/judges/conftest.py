"""Captions to judge, and judges that ask a scripted model over a real wire."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from llm.judging import Wire
from toys import picture

from perceptdata import images
from perceptdata.example import Answer, CheckerRef, Example, Image, Source
from perceptdata.packs import ImageStore, PackWriter
from perceptdata.plugins import CaptionItem
from perceptdata.verification.claims import split

PICTURE = images.read(picture(1))


@pytest.fixture
def shows() -> Callable[..., Example]:
    """`shows(facts, quality="oracle", …)`: an example that shows the picture alone."""

    def of(facts: str | None = None, quality: Any = "oracle", count: int = 1, **more: Any) -> Example:
        shown = Image(sha256=PICTURE.sha256, width=24, height=16)
        given = {"stage": "visual_reasoning", "id": "a", "answer": Answer(text="3"), **more}
        if "family" in given:
            args = {"family": given.pop("family")}
            given["answer"] = Answer(text="x", checker=CheckerRef(name="family", args=args))
        return Example(
            group="g",
            images=(shown,) * count,
            question="<image>" * count + given.pop("question", "How many cups?"),
            facts=facts,
            facts_quality=quality if facts else None,
            source=Source(builder="b", version="1", corpus="c", split="train", key="a", licence="MIT"),
            **given,
        )

    return of


@pytest.fixture
def item() -> Callable[..., CaptionItem]:
    """`item("Two cups. One is full.")`: a caption of the picture."""

    def of(text: str, *examples: Example, others: Sequence[str] = (), **beside: Sequence[str]) -> CaptionItem:
        (claims,) = split([text])
        address = f"img:{PICTURE.sha256}#caps/0"
        return CaptionItem(
            address,
            text,
            tuple(claims),
            PICTURE.sha256,
            memoryview(PICTURE.data),
            examples,
            tuple(others),
            beside,
        )

    return of


@pytest.fixture
def says(tmp_path: Path) -> Iterator[Wire]:
    """See `Wire`."""
    with PackWriter(tmp_path / "images.arrow") as pack:
        pack.add(PICTURE)
    wire = Wire(tmp_path, ImageStore([tmp_path / "images.arrow"]))
    yield wire
    wire.close()
