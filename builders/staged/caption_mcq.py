"""Four-option questions that a model wrote from captions, as perception examples (arXiv 2605.20177, section on D_perc).

    {do: build, use: caption_mcq, from: writes}       # in a recipe, after the step `writes`

A response holds one JSON object, fenced or bare, perhaps inside other text:

    {"question": "What is left of the bench?", "options": {"A": "a sign", "B": "…", "C": "…", "D": "…"}, "answer": "A"}

Options are put in an order drawn from the question's own hash and the seed, because writers like some letters better;
`shuffle: false` keeps theirs, as the original does. What is not such an object is a reject that says what is wrong.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from perceptdata.draft import BadRow, Draft
from perceptdata.errors import Rejected
from perceptdata.example import IMAGE, Answer, Example, Stage
from perceptdata.layers import Response
from perceptdata.plugins import ResponseBuilder

LETTERS = ("A", "B", "C", "D")
_LETTER = re.compile(r"[(\[]?([A-D])(?:[)\].:].*)?", re.DOTALL | re.IGNORECASE)
_FENCED = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL | re.IGNORECASE)


class CaptionMCQ(ResponseBuilder):
    """One question a response, about the picture of the example whose caption was given.

    Key: `<source>/<key>` of that example, and `/<n>` for further samples.
    """

    name: ClassVar[str] = "caption_mcq"
    corpus: ClassVar[str] = "questions written from captions"
    licence: ClassVar[str] = "as its source"
    stages: ClassVar[tuple[Stage, ...]] = ("perception",)
    shuffle: bool = True
    seed: int = 0

    def make(self, response: Response, example: Example) -> Iterator[Draft | BadRow]:
        """The question. Raises Rejected `caption_mcq.*`."""
        source = example.id.partition("/")[0]
        key = f"{source}/{example.source.key}" + (f"/{response.sample}" if response.sample else "")
        try:
            yield self._draft(key, response, example)
        except Rejected as error:
            yield BadRow(key, error.code, error.message, example.source.split)

    def _draft(self, key: str, response: Response, example: Example) -> Draft:
        question, options, letter = read_mcq(response.text)
        order = list(LETTERS)
        if self.shuffle:
            random.Random(f"{self.seed}:{key}:{question}").shuffle(order)
        return Draft(
            key=key,
            split=example.source.split,
            stage="perception",
            question=IMAGE * len(example.images) + question,
            choices=[options[each] for each in order],
            answer=Answer(text=options[letter], kind="choice", index=order.index(letter)),
            images=example.images,
            facts=example.facts,
            facts_quality=example.facts_quality,
            meta={"of": example.id, "written": response.text_id, "model": response.model, "letter": letter},
        )


def read_mcq(text: str) -> tuple[str, dict[str, str], str]:
    """Question, options by letter, and the letter of the right one. Raises Rejected with what is wrong."""
    written = _object(text)
    question = written.get("question")
    if not isinstance(question, str) or not question.strip():
        raise Rejected("caption_mcq.no_question", "the object has no question")
    options = written.get("options")
    if isinstance(options, list):
        options = dict(zip(LETTERS, options, strict=False)) if len(options) == len(LETTERS) else None
    if not isinstance(options, Mapping) or {str(key).strip().upper() for key in options} != set(LETTERS):
        raise Rejected("caption_mcq.options", f"the options are not A to D: {str(options)[:80]!r}")
    texts = {str(key).strip().upper(): str(value).strip() for key, value in options.items()}
    if not all(texts.values()) or len({each.casefold() for each in texts.values()}) < len(LETTERS):
        raise Rejected("caption_mcq.options", "an option is empty, or stands twice")
    said = str(written.get("answer") or "").strip()
    named = [key for key, value in texts.items() if value.casefold() == said.casefold()]
    letter = _LETTER.fullmatch(said)
    if not named and letter is None:
        raise Rejected("caption_mcq.answer", f"the answer is {said[:80]!r}, none of A to D")
    right = named[0] if named else letter[1].upper() if letter else ""
    return question.replace(IMAGE, "").strip(), texts, right


def _object(text: str) -> Mapping[str, Any]:
    """The first JSON object with a question: in a fence, or from the first brace on."""
    places = [match[1] for match in _FENCED.finditer(text)] + [text]
    decoder = json.JSONDecoder()
    for place in places:
        start = place.find("{")
        while start >= 0:
            try:
                value, _ = decoder.raw_decode(place, start)
            except (ValueError, RecursionError):
                start = place.find("{", start + 1)
                continue
            if isinstance(value, dict):
                return value
            break
    raise Rejected("caption_mcq.no_json", f"there is no JSON object in {text[:80]!r}")
