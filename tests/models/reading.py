"""Examples with pictures, and their responses as a tiny model is given them to read."""

import hashlib

from models.pictures import draw
from perceptdata.example import IMAGE, Answer, Example, Image, Source
from perceptdata.steps.declared import make_format
from perceptdata.steps.passages import Passages, Read
from perceptdata.vlm.blinding import Blinding
from perceptdata.vlm.loading import LocalModel

SOURCE = Source(builder="t", version="1", corpus="t", split="s", key="k", licence="MIT")
FORM = make_format({"use": "answer_only"})
RESPONSE = "The picture shows 3 cubes, so 3 + 2 = 5. \\boxed{5}"
STORE = {
    hashlib.sha256(data).hexdigest(): data
    for data in [draw("red"), draw("blue"), draw("green", 120, 40), draw("yellow", 150, 150)]
}


def example(*pictures: bytes, question: str = "How many shapes are there?", name: str = "t/s/1") -> Example:
    """An example with pictures of `STORE`."""
    images = tuple(Image(sha256=hashlib.sha256(data).hexdigest(), width=64, height=64) for data in pictures)
    return Example(
        id=name,
        stage="visual_reasoning" if images else "textual_reasoning",
        group="g",
        question=IMAGE * len(images) + question,
        answer=Answer(text="5"),
        images=images,
        source=SOURCE,
    )


def reads(model: LocalModel, blind: Blinding = "mask") -> list[Read]:
    """Four responses of unlike length, to one or two pictures of unlike size."""
    passages = Passages(model, FORM, blind)
    asked = [
        (example(draw("red")), RESPONSE),
        (example(draw("blue"), draw("green", 120, 40), question="Which is the largest one?", name="t/s/2"), "Red."),
        (example(draw("yellow", 150, 150), name="t/s/3"), f"{RESPONSE} Therefore x = 25."),
        (example(draw("green", 120, 40), name="t/s/4"), "There are 2 spheres"),
    ]
    return [passages.read(example, response, STORE) for example, response in asked]
