"""The answers that several people gave to a question, as one gold answer that VQA accuracy judges.

consensus(["net", "net", "netting", …])      Answer(text="net", accepts=("net", "net", "netting", …), checker: vqa)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from perceptdata.answers.metrics import vqa_text
from perceptdata.errors import Rejected
from perceptdata.example import Answer, CheckerRef

VQA = CheckerRef(name="vqa")


def consensus(answers: Sequence[str], stated: str | None = None) -> Answer:
    """The answer that most gave, in the spelling that most of these used; `stated` where none is more frequent.

    `accepts` holds all of them, repeats included. Raises Rejected `answer.missing` where nobody answered.
    """
    said = [text.strip() for text in answers if text.strip()]
    if not said:
        raise Rejected("answer.missing", "nobody answered the question (a test split's answers are withheld)")
    people = Counter(map(vqa_text, said))
    most = max(people.values())
    text = stated.strip() if stated else ""
    if people[vqa_text(text)] < most:
        best = next(one for one in map(vqa_text, said) if people[one] == most)
        text = Counter(one for one in said if vqa_text(one) == best).most_common(1)[0][0]
    return Answer(text=text, kind="text", accepts=tuple(said), checker=VQA)
