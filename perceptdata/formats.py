"""Response formats: how a model is asked to answer, and how its response is taken apart.

    form = registry.make("formats", "think_boxed")
    form.ask("<image>Find x.")                                 # the question, and the format's rule after it
    form.parse("<think>x + 3 = 7</think> So \\\\boxed{4}.")       # valid, answer "4", segments think and answer
    form.write("4", think="x + 3 = 7")                         # a gold response that parses back to its parts

Every step that prompts, scores, rewards or exports uses these four, so each rule stands here once. An answer is only
ever taken from where the format puts it (the last box whose braces match; a tag), never guessed out of free text. Shape
and answer are told apart: a response without its think block is invalid, yet its boxed answer is still read, because
rewards weigh the two separately (arXiv 2605.20177: R = 0.9 accuracy + 0.1 format).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from pydantic import Field

from perceptdata.errors import Rejected, UsageError
from perceptdata.plugins import Plugin
from perceptdata.spans import SEGMENTS, Span, SpanSet

FORMATS = {
    "answer_only": "perceptdata.formats:AnswerOnly",
    "describe_think_boxed": "perceptdata.formats:DescribeThinkBoxed",
    "facts_trace": "perceptdata.formats:FactsTrace",
    "letter": "perceptdata.formats:Letter",
    "think_boxed": "perceptdata.formats:ThinkBoxed",
}

Reason = Literal[
    "answer_empty",  # the box or tag is there, with nothing in it
    "answer_missing",  # no box (answer_only: no text at all)
    "answer_too_long",  # longer than `max_answer`
    "box_unclosed",  # a \boxed{ whose brace never closes
    "facts_missing",  # facts_trace: no first paragraph before the reasoning
    "tag_missing",  # a block is not there
    "tag_order",  # the blocks are there in another order
    "tag_repeated",  # a tag stands more than once
    "tag_unclosed",  # a block is opened and not closed
    "text_outside",  # text before the first block, or between two
    "think_missing",  # facts_trace: nothing between facts and answer
]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A response taken apart. `reason` says why it is invalid; `answer` is None where none can be read.

    `segments` (scheme `segments@1`) hold what stands inside the blocks, without tags and outer white space. `boxes`
    is how many there were where the answer was looked for: the last one counts, and more than one may be worth a look.
    """

    reason: Reason | None
    answer: str | None
    segments: SpanSet
    boxes: int = 0

    @property
    def valid(self) -> bool:
        """Whether the response keeps to the format."""
        return self.reason is None


class Format(Plugin, ABC):
    """A response format. `rule` puts it in words for the model; after the question unless `place` says otherwise.

    `prefill` opens the assistant's turn: `parse` takes a response with or without it. `max_pixels` and
    `max_prompt_tokens` bound what is sent to a model (None: no bound). `max_answer` is in characters.
    """

    rule: str
    place: Literal["question", "system"] = "question"
    prefill: str = ""
    max_pixels: int | None = Field(None, gt=0)
    max_prompt_tokens: int | None = Field(None, gt=0)
    max_answer: int = Field(2000, gt=0)

    blocks: ClassVar[tuple[str, ...]] = ()

    @property
    def system(self) -> str:
        """The system prompt; empty where the rule goes after the question."""
        return self.rule if self.place == "system" else ""

    @property
    def instruction(self) -> str:
        """What is appended to the question; empty where the rule is the system prompt."""
        return self.rule if self.place == "question" else ""

    def ask(self, question: str, choices: Sequence[str] = ()) -> str:
        """The user's turn: the question, its choices by letter, then the instruction."""
        letters = [f"{chr(ord('A') + place)}. {choice}" for place, choice in enumerate(choices)]
        listed = "\n".join(["Choices:", *letters, "Answer with the letter of the right choice."]) if choices else ""
        return "\n\n".join(part for part in (question, listed, self.instruction) if part)

    @abstractmethod
    def parse(self, text: str) -> Parsed:
        """Take a response apart. Never raises; time is linear in the text."""

    @abstractmethod
    def _join(self, answer: str, think: str, description: str) -> str:
        """The parts as one response."""

    def write(self, answer: str, think: str = "", description: str = "") -> str:
        """A response made of its parts, which `parse` gives back; `description` holds the facts for `facts_trace`.

        Raises UsageError for a part that the format has no place for, Rejected `format.unwritable` for parts that would
        not parse back (a tag inside the reasoning, an unbalanced brace in the answer).
        """
        parts = {"description": description.strip(), "think": think.strip()}
        for block, part in parts.items():
            if part and block not in self.blocks:
                raise UsageError(f"{self.name} has no place for a {block}; choose another format or leave it out")
        text = self._join(answer.strip(), parts["think"], parts["description"])
        parsed = self.parse(text)
        read = {span.label: text[span.start : span.end] for span in parsed.segments}
        if not parsed.valid or parsed.answer != answer.strip() or any(read.get(k, "") != parts[k] for k in parts):
            raise Rejected(
                "format.unwritable", f"the parts do not survive {self.name}: {parsed.reason or 'read otherwise'}"
            )
        return text

    def _limited(self, answer: str) -> tuple[str | None, Reason | None]:
        answer = answer.strip()
        if not answer:
            return None, "answer_empty"
        return (answer, None) if len(answer) <= self.max_answer else (None, "answer_too_long")

    def _boxed(self, boxes: Boxes) -> tuple[str | None, Reason | None]:
        if boxes.unclosed:
            return None, "box_unclosed"
        return self._limited(boxes.content) if boxes.count else (None, "answer_missing")


@dataclass(frozen=True, slots=True)
class Boxes:
    r"""The `\boxed{…}` of a text: how many, the last one's place and content, and whether one is left open."""

    count: int = 0
    start: int = -1
    content: str = ""
    unclosed: bool = False


_BRACES = re.compile(r"\\boxed\s*\{|\\.|[{}]", re.DOTALL)


def find_boxes(text: str, start: int = 0) -> Boxes:
    r"""The boxes of `text[start:]`. Escaped braces do not count; of nested boxes the inner one is the last.

    One pass with a stack, so that a response of ten thousand open braces costs no more than any other.
    """
    count, last, inside = 0, -1, (0, 0)
    stack: list[tuple[int, int] | None] = []
    if text.find("\\boxed", start) < 0:
        return Boxes()
    for token in _BRACES.finditer(text, start):
        kind = token.group()
        if kind == "{":
            stack.append(None)
        elif kind == "}":
            opened = stack.pop() if stack else None
            if opened is not None:
                count += 1
                if opened[0] > last:
                    last, inside = opened[0], (opened[1], token.start())
        elif len(kind) > 2:
            stack.append((token.start(), token.end()))
    return Boxes(count, last, text[slice(*inside)], any(opened is not None for opened in stack))


def _trim(text: str, start: int, end: int, label: str) -> list[Span]:
    """The stretch without outer white space, as a span; none where nothing is left."""
    piece = text[start:end]
    left = start + len(piece) - len(piece.lstrip())
    right = start + len(piece.rstrip())
    return [Span(left, right, label)] if left < right else []


def _segments(*spans: list[Span]) -> SpanSet:
    return SpanSet.of([span for found in spans for span in found], SEGMENTS)


class _Tag(NamedTuple):
    name: str  # "think" or "/think"
    start: int
    end: int


class TaggedFormat(Format):
    """Blocks in tags, in the order of `blocks`, then text with a box.

    As in the reference reward, white space inside a tag is forgiven (`</ think >`), blocks may be empty, and nothing
    but white space may stand before or between them. The box is looked for after the last closing tag, or, where no
    block is closed, in the whole text.
    """

    def parse(self, text: str) -> Parsed:
        """See `Format.parse`."""
        tags = self._tags(text)
        wanted = [sign + block for block in self.blocks for sign in ("", "/")]
        if [tag.name for tag in tags] == wanted[1:] and [tag.name for tag in self._tags(self.prefill)] == wanted[:1]:
            tags.insert(0, _Tag(wanted[0], 0, 0))
        closing = [at for at, tag in enumerate(tags) if tag.name[0] == "/"]
        borders = [*(tag.start for tag in tags), len(text)]
        tail = tags[closing[-1]].end if closing else 0
        boxes = find_boxes(text, tail)
        answer, reason = self._boxed(boxes)
        blocks = [
            _trim(text, tags[at].end, borders[at + 1], block)
            for block in self.blocks
            if (at := next((at for at, tag in enumerate(tags) if tag.name == block), -1)) >= 0
        ]
        after = _trim(text, tail, borders[closing[-1] + 1], "answer") if closing else []
        return Parsed(_shape(text, tags, wanted) or reason, answer, _segments(*blocks, after), boxes.count)

    def _tags(self, text: str) -> list[_Tag]:
        pattern = rf"<\s{{0,3}}(/?)\s{{0,3}}({'|'.join(self.blocks)})\s{{0,3}}>"
        return [_Tag(found[1] + found[2], found.start(), found.end()) for found in re.finditer(pattern, text)]

    def _join(self, answer: str, think: str, description: str) -> str:
        parts = {"think": think, "description": description}
        blocks = [f"<{block}>\n{parts[block]}\n</{block}>" for block in self.blocks]
        return "\n".join(blocks) + f"\n\n\\boxed{{{answer}}}"


def _shape(text: str, tags: list[_Tag], wanted: list[str]) -> Reason | None:
    """What is wrong with the tags themselves, if anything."""
    names = [tag.name for tag in tags]
    if names == wanted:
        outside = [text[: tags[0].start]]
        outside += [text[tags[at].end : tags[at + 1].start] for at in range(1, len(tags) - 1, 2)]
        return "text_outside" if any(map(str.strip, outside)) else None
    for name in wanted:
        if name not in names:
            return "tag_unclosed" if name[0] == "/" else "tag_missing"
    return "tag_repeated" if len(names) > len(wanted) else "tag_order"


class ThinkBoxed(TaggedFormat):
    r"""`<think>…</think>` and then text with `\boxed{}`: one format for every stage (arXiv 2605.20177)."""

    name = "think_boxed"
    blocks = ("think",)
    rule: str = (
        "Work the problem out step by step between <think> and </think>. "
        "After that, give the final answer inside \\boxed{}."
    )


class DescribeThinkBoxed(TaggedFormat):
    r"""`<description>…</description><think>…</think>` and then text with `\boxed{}`: perception can be read alone."""

    name = "describe_think_boxed"
    blocks = ("description", "think")
    rule: str = (
        "First write down between <description> and </description> everything the image shows that the question needs. "
        "Then reason from it step by step between <think> and </think>. "
        "After that, give the final answer inside \\boxed{}."
    )
    prefill: str = "<description>"


_BLANK_LINE = re.compile(r"\n[ \t]*\n")


class FactsTrace(Format):
    r"""The canonical facts, a blank line, the reasoning, and `\boxed{}` on the last line (arXiv 2605.29496).

    There are no tags: the facts are the first paragraph (so they hold no blank line), the answer begins on the line of
    the last box, and the reasoning is what stands between.
    """

    name = "facts_trace"
    blocks = ("description", "think")
    rule: str = (
        "First state in one paragraph what the image shows. Leave a blank line, then reason from it step by step. "
        "End with the final answer inside \\boxed{}."
    )

    def parse(self, text: str) -> Parsed:
        """See `Format.parse`."""
        boxes = find_boxes(text)
        answer, reason = self._boxed(boxes)
        start = len(text) - len(text.lstrip())
        last_line = text.rfind("\n", 0, boxes.start) + 1 if boxes.count else len(text)
        border = _BLANK_LINE.search(text, start, last_line)
        facts = _trim(text, start, border.start(), "description") if border else []
        think = _trim(text, border.end() if border else start, last_line, "think")
        shape: Reason | None = None if facts and think else "think_missing" if facts else "facts_missing"
        return Parsed(
            shape or reason, answer, _segments(facts, think, _trim(text, last_line, len(text), "answer")), boxes.count
        )

    def _join(self, answer: str, think: str, description: str) -> str:
        return f"{description}\n\n{think}\n\n\\boxed{{{answer}}}"


_ANSWER_TAG = re.compile(r"<\s{0,3}(/?)\s{0,3}answer\s{0,3}>", re.IGNORECASE)


class AnswerOnly(Format):
    """The answer alone. Where a model wraps it all the same, the wrapping is taken off.

    In this order: the last `<answer>` tag, the last box, the last line that begins with `Answer:`, the whole text.
    `labels` are the words that such a line may begin with: `[A]` for a corpus that ends its solutions with `A: 26`.
    """

    name = "answer_only"
    rule: str = "Reply with the final answer and nothing else."
    labels: tuple[str, ...] = Field(("answer", "final answer"), min_length=1)

    def parse(self, text: str) -> Parsed:
        """See `Format.parse`."""
        boxes = find_boxes(text)
        tags = list(_ANSWER_TAG.finditer(text))
        labels = "|".join(map(re.escape, self.labels))
        lines = list(re.finditer(rf"^[ \t*]*(?:{labels})[ \t*]*:(.*)$", text, re.IGNORECASE | re.MULTILINE))
        answer: str | None
        reason: Reason | None
        if tags:
            closed = len(tags) > 1 and tags[-1][1] and not tags[-2][1]
            answer, reason = (
                self._limited(text[tags[-2].end() : tags[-1].start()]) if closed else (None, "tag_unclosed")
            )
        elif boxes.count or boxes.unclosed:
            answer, reason = self._boxed(boxes)
        elif lines:
            answer, reason = self._limited(lines[-1][1].strip(" \t*"))
        else:
            answer, reason = self._limited(text) if text.strip() else (None, "answer_missing")
        return Parsed(reason, answer, _segments(_trim(text, 0, len(text), "answer")), boxes.count)

    def _join(self, answer: str, think: str, description: str) -> str:
        return answer


_NAMED_LETTER = re.compile(
    r"\b(?i:answer)\s*(?:is|:|：)\s*(?:(?i:option)\s+)?[*(\[\"']*([A-Ja-j])(?=\s*(?:[.,;:*)\]\"'\n]|$))"
)
_LONE_LETTER = re.compile(r"\s*(?:(?i:option)\s+)?[*(\[\"']*([A-J])[*)\]\"']*\s*(?:[.:)](?:\s.*)?)?\s*", re.DOTALL)
_ANY_LETTER = re.compile(r"\b([A-D])\b")


class Letter(Format):
    """The letter of a choice, as a short reply gives it: `B`, `(B)`, `B. red`, or `… the answer is B`.

    A letter inside a sentence is no answer ("A red car" does not choose A). With `prose` it is, as in the filter that
    arXiv 2605.20177 released: where nothing names the answer, the first of A, B, C and D that stands alone is taken.
    """

    name = "letter"
    rule: str = "Reply with the letter of the right choice and nothing else."
    prose: bool = False

    def parse(self, text: str) -> Parsed:
        """See `Format.parse`."""
        named = _NAMED_LETTER.search(text)
        found = named or _LONE_LETTER.fullmatch(text) or (_ANY_LETTER.search(text) if self.prose else None)
        segments = _segments(_trim(text, 0, len(text), "answer"))
        if found is None:
            return Parsed("answer_missing", None, segments)
        return Parsed(None, found[1].upper(), segments)

    def _join(self, answer: str, think: str, description: str) -> str:
        return answer
