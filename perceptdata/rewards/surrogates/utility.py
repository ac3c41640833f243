"""`utility`: how many questions about the image can be answered from the description (CapRL, arXiv 2509.22647).

    R(c) = (1/N) Σ_k 1[ LLM(q_k, shuffled choices, c) = a_k ]

The questions are multiple-choice rows about the same image, out of a view of the workspace. They should be answerable
with the image and not without: choose them so (`perceptdata blindfold`). Choices are shuffled for each question and
description, so that no place in the list is worth more than another. Where one of a description's questions has no
usable answer it is unscored: a mean over the rest would pay for descriptions that make the judge fail.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

from pydantic import Field

from perceptdata import registry
from perceptdata.answers.ladder import rule
from perceptdata.errors import UsageError
from perceptdata.example import Example
from perceptdata.formats import Format
from perceptdata.layers import text_sha256
from perceptdata.llm import Reply
from perceptdata.plugins import Scored
from perceptdata.rewards.rollouts import view_examples
from perceptdata.rewards.surrogates.asking import Asking, plain_question
from perceptdata.rewards.surrogates.described import Described
from perceptdata.workspace import Workspace

TASK = (
    "Somebody looked at an image and described it. You cannot see the image; all you know of it is the description. "
    "Answer the multiple-choice question from the description alone: reply with the letter of the right choice and "
    "nothing else. Where the description does not tell, reply with: unknown."
)


class Utility(Asking):
    """The share of questions about the image that are answered rightly from the description.

    `questions` names the view they come from; at most `n` an image are asked.
    """

    name: ClassVar[str] = "utility"

    questions: str = "perception"
    n: int = Field(4, ge=1)
    max_tokens: int = Field(16, ge=1)

    @cached_property
    def _by_image(self) -> dict[str, list[Example]]:
        """The questions about each image, in the order of their ids."""
        found: dict[str, list[Example]] = defaultdict(list)
        for example in view_examples(Workspace(self.workspace), self.questions):
            if len(example.images) == 1 and len(example.choices) > 1 and example.answer.index is not None:
                found[example.images[0].sha256].append(example)
        return {image: sorted(asked, key=lambda each: each.id)[: self.n] for image, asked in found.items()}

    @cached_property
    def _reply_form(self) -> Format:
        made: Format = registry.make("formats", "answer_only")
        return made

    def prepare(self) -> None:
        """Read the questions."""
        super().prepare()
        if not self._by_image:
            raise UsageError(
                f"view '{self.questions}' has no multiple-choice question about one image, and utility asks such; name "
                "another view with `questions`"
            )

    def lacks(self, example: Example) -> str | None:
        """Only images that somebody asked about can be scored."""
        return None if len(example.images) == 1 and example.images[0].sha256 in self._by_image else "no_questions"

    def compare(self, batch: Sequence[Described]) -> list[Scored]:
        """See `Describing.compare`."""
        posed = [
            [shuffled(question, each.text) for question in self._by_image[each.rollout.example.images[0].sha256]]
            for each in batch
        ]
        requests = [
            self.request(TASK, {"description": each.text, "question": plain_question(question), "choices": lettered})
            for each, questions in zip(batch, posed, strict=True)
            for question in questions
            for lettered in [{chr(ord("A") + at): choice for at, choice in enumerate(question.choices)}]
        ]
        heard = iter(self.ask(requests))
        return [self._share(questions, [next(heard) for _ in questions]) for questions in posed]

    def _share(self, questions: Sequence[Example], heard: Sequence[Reply | Scored]) -> Scored:
        right = 0.0
        for question, reply in zip(questions, heard, strict=True):
            if isinstance(reply, Scored):
                return reply
            verdict = rule(self._reply_form.parse(reply.text).answer or "", question)
            right += 1.0 if verdict is not None and verdict.score == 1.0 else 0.0
        return Scored(right / len(questions))


def shuffled(question: Example, description: str) -> Example:
    """The question with its choices in an order that follows from both texts."""
    order = list(range(len(question.choices)))
    random.Random(f"{question.id} {text_sha256(description)}").shuffle(order)
    assert question.answer.index is not None  # the caller's condition
    answer = question.answer.model_copy(update={"index": order.index(question.answer.index), "kind": "choice"})
    choices = tuple(question.choices[at] for at in order)
    return question.model_copy(update={"choices": choices, "answer": answer})
