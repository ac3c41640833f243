"""Tasks to push, fast to make and hostile; and images as a workspace's store hands them out."""

import random
from typing import Any

from perceptdata.review.backend import Region, Task

HOSTILE = (
    "<think>\nI see 👩🏽‍🌾 and 😀; the label reads 32.\n\n   So $x_1 \\le \\frac{1}{2}$ & &amp; <b>bold</b>, "
    "𝒳 = 𝟙.\n</think>\n<script>document.title = 'run'</script><img src=x onerror=\"document.title = 'run'\">\n"
    "The answer is \\boxed{7}."
)
VOCABULARY = "the image shows a red ball on wooden table near two cups so we can infer"


class Images(dict[str, tuple[str, bytes]]):
    """`sha256: (media type, bytes)`, read as `ImageStore` is."""

    def row(self, sha256: str) -> dict[str, str]:
        return {"media_type": super().__getitem__(sha256)[0]}

    def __getitem__(self, sha256: str) -> Any:
        return super().__getitem__(sha256)[1]


def region(text: str, piece: str, label: str, field: str = "cot", **more: Any) -> Region:
    """The region of a piece that stands in the text once."""
    start = text.index(piece)
    return Region(field, start, start + len(piece), label, **more)


def hostile(number: int = 0, reader: str = "ann", **more: Any) -> Task:
    """A task of the spans screen with two guesses."""
    guesses = (region(HOSTILE, "the label reads 32.", "perception", score=0.75), region(HOSTILE, "𝒳 = 𝟙.", "reasoning"))
    fields: dict[str, Any] = {
        "key": f"geometry/train/{number}#response",
        "reader": reader,
        "content": "c1",
        "screen": "spans",
        "texts": {"question": "What is $x_1$?", "cot": HOSTILE},
        "image": "a" * 64,
        "guesses": guesses,
        "guessed_by": "tags 1/abc",
    }
    return Task(**(fields | more))


def long(number: int, reader: str = "ann", regions: int = 23, **more: Any) -> Task:
    """About 1,100 characters with 23 regions, as traces are."""
    words, text, guesses, vocabulary = random.Random(number), "", [], VOCABULARY.split()
    for at in range(regions):
        sentence = " ".join(words.choice(vocabulary) for _ in range(10)) + "."
        guesses.append(Region("cot", len(text), len(text) + len(sentence), ("perception", "reasoning")[at % 2], 0.9))
        text += sentence + " "
    fields: dict[str, Any] = {
        "key": f"clevr/val/{number}#response",
        "reader": reader,
        "content": "c1",
        "screen": "spans",
        "texts": {"question": "What is on the table?", "cot": text},
        "guesses": tuple(guesses),
        "guessed_by": "tags 1/abc",
    }
    return Task(**(fields | more))


def marks(field: str, control: str, *pieces: tuple[int, int, str], **more: Any) -> list[dict[str, Any]]:
    """Results as the server stores them."""
    return [
        {
            "id": f"r{at}",
            "type": "labels",
            "from_name": control,
            "to_name": field,
            "value": {"start": start, "end": end, "labels": [label], "text": "never read"},
            **more,
        }
        for at, (start, end, label) in enumerate(pieces)
    ]


def says(name: str, about: str, kind: str, **value: Any) -> dict[str, Any]:
    """A result that is no region."""
    return {"id": name, "type": kind, "from_name": name, "to_name": about, "value": value}
