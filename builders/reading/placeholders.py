"""Image placeholders in the spellings that corpora use, made `<image>`, one for each image.

    place_images(["Which band?\\n<image1> or <image2>"], 2)      ["Which band?\\n<image> or <image>"]

Texts without any get one in front for each image. Of numbered ones a second mention becomes words ("image 1"), and
where there are more numbers than images (MathVision stitches its pictures into one file) those beyond the last image
are taken out. Whatever still does not add up is left for the engine to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from perceptdata.example import IMAGE

_TOKEN = re.compile(r"<\s*(?:image|img)[ _]?(\d*)\s*/?>", re.I)
_GAPS = re.compile(r"[ \t]+(?=\n|$)")


def place_images(texts: Sequence[str], images: int) -> list[str]:
    """The texts of one conversation, in order, with `<image>` where each of its `images` images stands."""
    seen: list[str] = []
    taken_out = False

    def replace(token: re.Match[str]) -> str:
        nonlocal taken_out
        number = token[1]
        if not number or not images:
            return IMAGE
        if number in seen:
            return f"image {number}"
        if len(seen) == images:
            taken_out = True
            return ""
        seen.append(number)
        return IMAGE

    placed = [_TOKEN.sub(replace, text) for text in texts]
    if taken_out:
        placed = [_GAPS.sub("", text) for text in placed]
    placed = [text.strip() for text in placed]
    if images and placed and not any(IMAGE in text for text in placed):
        placed[0] = IMAGE * images + placed[0]
    return placed


def name_images(text: str) -> str:
    """A choice's text: a placeholder in it becomes words, because images are counted in the question alone."""
    return _TOKEN.sub(lambda token: f"image {token[1]}".strip(), text).strip()
