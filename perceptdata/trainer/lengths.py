"""How many tokens each row has for this model, and which rows it cannot be trained on; no image is decoded.

    found = measure(rows, aligner, form, Limits(row=8192))
    rows.select(found.kept), (found.prompt + found.response)[found.kept], found.rejects

A row is rendered and tokenised as in training. What an image adds depends on its size alone, so a white one of each
size is shown to the processor once: no rule about how a family cuts images is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from perceptdata.alignment.admission import encode_all
from perceptdata.alignment.aligner import Aligner, Completion
from perceptdata.errors import Rejected
from perceptdata.formats import Format
from perceptdata.spans import PRO, SpanSet
from perceptdata.trainer.rows import Row, example_of, sizes_of, spans_of
from perceptdata.vlm.loading import Reader
from perceptdata.vlm.rendering import Request, adds_special_tokens, encode, render

if TYPE_CHECKING:
    import datasets

BATCH = 256


class RowReject(NamedTuple):
    """A row that is not trained on, and why."""

    id: str
    text_id: str | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Measured:
    """`kept` are places in the dataset. Of every row, the tokens of its images (a part of the prompt), of its prompt
    and of its response; -1 where it could not even be rendered.
    """

    kept: NDArray[np.int64]
    images: NDArray[np.int64]
    prompt: NDArray[np.int64]
    response: NDArray[np.int64]
    rejects: tuple[RowReject, ...]


@dataclass(slots=True)
class ImageTokens:
    """How many tokens an image of a size adds to the one that stands for it in the rendered text."""

    reader: Reader
    max_pixels: int | None
    _known: dict[tuple[int, int], int] = field(default_factory=dict)

    def added(self, size: tuple[int, int]) -> int:
        """For (width, height). Raises Rejected `prompt.images` for what the processor refuses."""
        if size not in self._known:
            text, _ = render(self.reader, Request(key="size", question="<image>", images=(b"",)))
            white = [Image.new("RGB", size, "white")]
            tokens = encode(self.reader, text, white, self.max_pixels)["input_ids"].shape[1]
            self._known[size] = tokens - len(_ids(self.reader, text))
        return self._known[size]


@dataclass(frozen=True, slots=True)
class Limits:
    """The most tokens of a row, of its prompt, and of what the model's context holds; None for no limit.

    `sampled` tokens of the context are kept free for what a method samples after the prompt.
    """

    row: int | None = None
    prompt: int | None = None
    context: int | None = None
    sampled: int = 0

    def check(self, prompt: int, response: int) -> None:
        """Raises Rejected for a row that is over one of them."""
        if self.prompt is not None and prompt > self.prompt:
            raise Rejected("prompt.too_long", f"the prompt has {prompt} tokens; the format allows {self.prompt}")
        total = prompt + response
        if self.row is not None and total > self.row:
            raise Rejected("tokens.too_long", f"prompt and response have {total} tokens, and max_length is {self.row}")
        if self.context is not None and total + self.sampled > self.context:
            more = f" and {self.sampled} new ones" if self.sampled else ""
            raise Rejected("tokens.too_long", f"{total} tokens{more} do not fit the model's context of {self.context}")


def measure(
    rows: datasets.Dataset,
    aligner: Aligner,
    form: Format,
    limits: Limits,
    reads_responses: bool = True,
    max_pixels: int | None = None,
) -> Measured:
    """Every row's lengths. Rejects are what rendering and alignment refuse, and rows over the limits."""
    pixels = ImageTokens(aligner.reader, bound(max_pixels, form.max_pixels))
    kept: list[int] = []
    lengths: list[tuple[int, int, int]] = []
    rejects: list[RowReject] = []
    names = [name for name in rows.column_names if name != "images"]
    for start in range(0, len(rows), BATCH):
        some = rows.select(range(start, min(start + BATCH, len(rows)))).select_columns(names).to_list()
        for at, (row, found) in enumerate(
            zip(some, _lengths(some, aligner, form, pixels, reads_responses), strict=True)
        ):
            try:
                lengths.append((-1, -1, -1) if isinstance(found, Rejected) else found)
                if isinstance(found, Rejected):
                    raise found
                limits.check(*found[1:])
                kept.append(start + at)
            except Rejected as reject:
                rejects.append(RowReject(row["id"], row.get("text_id"), reject.code, reject.message))
    images, prompt, response = np.array(lengths, np.int64).reshape(-1, 3).T
    return Measured(np.array(kept, np.int64), images, prompt, response, tuple(rejects))


def bound(*limits: int | None) -> int | None:
    """The least of the limits that are set."""
    return min((limit for limit in limits if limit is not None), default=None)


def _lengths(
    some: Sequence[Row], aligner: Aligner, form: Format, pixels: ImageTokens, reads_responses: bool
) -> Iterator[tuple[int, int, int] | Rejected]:
    """Tokens of images, prompt and response, or why there are none, in the order of the rows."""
    ready: dict[int, tuple[Completion, str]] = {}
    bad: dict[int, Rejected] = {}
    for at, row in enumerate(some):
        try:
            # The images' bytes are not needed, only that they are so many.
            request = Request.of(example_of(row), form, (b"",) * len(row["image_info"]))
            if reads_responses:
                completion = Completion(request, row["response"] or "", spans_of(row))
                ready[at] = completion, aligner.converse(request, completion.response).text
            else:
                ready[at] = Completion(request, "", SpanSet.of((), PRO)), render(aligner.reader, request)[0]
        except Rejected as reject:
            bad[at] = reject
    ids = {at: _ids(aligner.reader, text) for at, (_, text) in ready.items()}
    answers = dict.fromkeys(ids, 0)
    if reads_responses:
        places = list(ready)
        roles = aligner.align([ready[at][0] for at in places], expanded=[ids[at] for at in places])
        bad |= {places[reject.row]: Rejected(reject.code, reject.message) for reject in roles.rejects}
        answers = {at: int((roles.row(place)[1] > 0).sum()) for place, at in enumerate(places)}
    for at, row in enumerate(some):
        if at in bad:
            yield bad[at]
            continue
        try:
            seen = sum(map(pixels.added, sizes_of(row)))
        except Rejected as reject:
            yield reject
            continue
        yield seen + len(sizes_of(row)), len(ids[at]) - answers[at] + seen, answers[at]


def _ids(reader: Reader, text: str) -> list[int]:
    """The ids of a rendered text, one for each image."""
    found: Any = encode_all(reader.tokenizer, [text], add_special_tokens=adds_special_tokens(reader, text))[0].ids
    return list(found)
