"""Whether a model looks at its images: the first check before anything is concluded from what it says of them.

A processor that drops images, a template that writes no image token, or a damaged vision tower give fluent answers all
the same. So the same question is asked of two images, and the predictions must differ.
"""

from __future__ import annotations

import io
from functools import cache

from PIL import Image, ImageDraw

from perceptdata.vlm.batch import collate
from perceptdata.vlm.loading import LocalModel
from perceptdata.vlm.rendering import Request, prepare

SIDE = 224
# Relative to the largest logit: far above rounding in bfloat16 with equal shapes, far below what any content changes.
DIFFERENCE = 1e-4


def looks_at_images(model: LocalModel) -> bool:
    """Whether a drawing instead of a blank image changes the logits of the next token. False for a text model."""
    import torch

    if not model.sees_images:
        return False
    logits = []
    for data in (blank(), drawing()):
        row = prepare(model, Request(key="sight", question="<image>What does the image show?", images=(data,)))
        with torch.inference_mode():
            logits.append(model.network(**collate(model, [row])).logits[0, -1].float())
    change = (logits[0] - logits[1]).abs().max() / logits[0].abs().max()
    return bool(change > DIFFERENCE)


@cache
def blank() -> bytes:
    """A white image, as a PNG."""
    return _png(Image.new("RGB", (SIDE, SIDE), "white"))


@cache
def drawing() -> bytes:
    """A red disc and a blue square of the same size on white, as a PNG."""
    picture = Image.new("RGB", (SIDE, SIDE), "white")
    pen = ImageDraw.Draw(picture)
    pen.ellipse((20, 20, 120, 120), fill="red")
    pen.rectangle((110, 110, 210, 210), fill="blue")
    return _png(picture)


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
