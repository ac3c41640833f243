"""`render`: does the described scene, drawn, look like the image?

    value    1 where both pictures are the same, pixel by pixel, else 0; with `dense`, the ink they share:
             Σ min(a, b) / Σ max(a, b), where a and b are how far each pixel is from white

It needs neither labels nor a judge, but a family that draws a scene in one way only: where chance places things (the
vertices of a graph), the same scene has many pictures, and no example of that family is scored.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cached_property, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from perceptdata.errors import Rejected
from perceptdata.example import Example
from perceptdata.packs import ImageStore
from perceptdata.plugins import Family, Scored
from perceptdata.rewards.scene import family_of
from perceptdata.rewards.surrogates.described import Described, Describing
from perceptdata.workspace import Workspace


class Render(Describing):
    """Does the scene that was described, drawn, look like the image? The images are those of the `workspace`."""

    name: ClassVar[str] = "render"

    workspace: Path
    dense: bool = False

    @cached_property
    def _images(self) -> ImageStore:
        return Workspace(self.workspace).images

    def prepare(self) -> None:
        """Open the workspace."""
        len(self._images)

    def lacks(self, example: Example) -> str | None:
        """Only one image of a family that leaves nothing to chance can be drawn again."""
        family = family_of(example)
        if family is None:
            return "no_family"
        if len(example.images) != 1 or example.images[0].sha256 not in self._images:
            return "no_image"
        return None if _one_picture(family) else "drawn_by_chance"

    def compare(self, batch: Sequence[Described]) -> list[Scored]:
        """See `Describing.compare`."""
        return [self._score(each) for each in batch]

    def _score(self, each: Described) -> Scored:
        example = each.rollout.example
        family = family_of(example)
        assert family is not None  # by `lacks`
        scene = family.parse(each.text)
        if scene is None:
            return Scored(0.0, "no_scene_stated")
        try:
            shown = _ink(bytes(self._images[example.images[0].sha256]))
        except Rejected as error:
            return Scored(None, error.code, applies=False)
        drawn = _ink(family.draw(scene, random.Random(0)))
        if shown.shape != drawn.shape:
            return Scored(0.0, "other_size")
        most = np.maximum(shown, drawn).sum()
        shared = float(np.minimum(shown, drawn).sum() / most) if most else 1.0
        return Scored(shared if self.dense else float(np.array_equal(shown, drawn)))


@lru_cache(maxsize=64)
def _one_picture(family: Family[Any]) -> bool:
    """Whether a scene of this family is drawn the same whatever chance says."""
    scene = family.generate(random.Random(0))
    return family.draw(scene, random.Random(1)) == family.draw(scene, random.Random(2))


def _ink(data: bytes) -> NDArray[np.float64]:
    """How far each pixel is from white, in [0, 1]. Raises Rejected for bytes that are no image."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(BytesIO(data)) as image:
            return 1.0 - np.asarray(image.convert("L"), np.float64) / 255
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise Rejected("image.unreadable", f"the image cannot be read: {error}") from None
