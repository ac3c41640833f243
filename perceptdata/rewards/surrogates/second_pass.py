r"""`second_pass`: can a model that sees no image answer the question from the description (Vision-SR1, 2508.19652)?

    1 where the answer that an endpoint gives to (description, question) is right, else 0

The original answers with the policy itself; point `endpoint` at a server of its weights for that, or at any text
model. It also takes the whole response for the description where there is no tag, which hands the answer over: here no
tag means no reward, and a description that states a final answer (`\boxed`, "the answer is") scores 0 as well. What
remains of the leak cannot be seen from outside: a description may reason, and a question that needs no image is
answered without one. Leave such questions out first (`perceptdata blindfold`), and measure with `rewards probe`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

from perceptdata import registry
from perceptdata.answers import Ladder
from perceptdata.example import Example
from perceptdata.formats import Format
from perceptdata.plugins import Scored
from perceptdata.rewards.surrogates.asking import Asking, plain_question, says_the_answer
from perceptdata.rewards.surrogates.described import Described

TASK = (
    "Somebody looked at an image and described it. You cannot see the image; all you know of it is the description. "
    "Answer the question from the description alone. Reason briefly, then give the final answer inside \\boxed{}; "
    "where the description does not tell, write \\boxed{unknown}."
)


class SecondPass(Asking):
    """Is the question answered rightly from the description alone?"""

    name: ClassVar[str] = "second_pass"

    @cached_property
    def _ladder(self) -> Ladder:
        return Ladder()

    @cached_property
    def _reply_form(self) -> Format:
        made: Format = registry.make("formats", "answer_only")
        return made

    def close(self) -> None:
        """End the processes that compare answers."""
        self._ladder.close()

    def lacks(self, example: Example) -> str | None:
        """Only questions about images are asked."""
        return None if example.images else "no_image"

    def compare(self, batch: Sequence[Described]) -> list[Scored]:
        """See `Describing.compare`."""
        leaks = [says_the_answer(each.text) for each in batch]
        asked = [each for each, leak in zip(batch, leaks, strict=True) if not leak]
        requests = [
            self.request(
                TASK,
                {
                    "description": each.text,
                    "question": plain_question(each.rollout.example),
                    "choices": list(each.rollout.example.choices),
                },
            )
            for each in asked
        ]
        heard = self.ask(requests)
        answers = [None if isinstance(each, Scored) else self._reply_form.parse(each.text).answer for each in heard]
        pairs = [
            (answer, each.rollout.example) for answer, each in zip(answers, asked, strict=True) if answer is not None
        ]
        verdicts = iter(self._ladder.judge_many(pairs))
        found = []
        for reply, answer in zip(heard, answers, strict=True):
            if isinstance(reply, Scored):
                found.append(reply)
            elif answer is None:
                found.append(Scored(0.0, "no_answer"))
            else:
                verdict = next(verdicts)
                found.append(Scored(verdict.score, verdict.reason))
        scores = iter(found)
        return [Scored(0.0, "states_answer") if leak else next(scores) for leak in leaks]
