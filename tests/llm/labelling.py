"""A scripted model that labels clauses: it reads a sheet as a real one must, line by line."""

import json
import re
from typing import Any, NamedTuple

from llm.server import Say

from perceptdata.errors import Rejected
from perceptdata.spans import SpanSet

TEXT = "The sign says 40. The bar is red, so it is late. Let me check. I see 3 cups."
CLAUSES = ["The sign says 40.", "The bar is red,", "so it is late.", "Let me check.", "I see 3 cups."]
WHOLE = list(zip(CLAUSES, "PPROP", strict=True))  # what `knows` says of it
LINE = re.compile(r'^\[(\d+|--)\] (".*")$')


class Clause(NamedTuple):
    """A line of a sheet that is asked."""

    number: int
    text: str


class Tagged(NamedTuple):
    """What a chain says of each text, and why not, by text."""

    sets: list[SpanSet]
    problems: dict[str, Rejected]

    def said(self, text: str = TEXT, at: int = 0) -> list[tuple[str, str]]:
        """Each span's words and the first letter of its label."""
        return [(text[span.start : span.end], span.label[0].upper()) for span in self.sets[at]]


def system_of(asked: dict[str, Any]) -> str:
    """What the model is told to do."""
    return asked["messages"][0]["content"]


def text_of(asked: dict[str, Any]) -> str:
    """The first user turn, images apart."""
    content = asked["messages"][1]["content"]
    return content if isinstance(content, str) else content[-1]["text"]


def asked_in(asked: dict[str, Any]) -> list[Clause]:
    """The clauses that a call asks about."""
    lines = [LINE.match(line) for line in text_of(asked).split("\n")]
    return [Clause(int(line[1]), json.loads(line[2])) for line in lines if line and line[1] != "--"]


def passage_in(asked: dict[str, Any]) -> str | None:
    """The passage of a call that asks for tags in the text; None of any other call."""
    found = re.search(r"^(\w{40,}) begin\n(.*)\n\1 end$", text_of(asked), re.DOTALL | re.MULTILINE)
    return found[2] if found else None


def label_of(text: str) -> str:
    """By a word or two."""
    return "P" if re.search(r"sign|bar|see", text) else "R" if "so" in text else "O"


def labelled(clauses: list[Clause]) -> Say:
    """A reply that labels these clauses."""
    entries = [{"id": clause.number, "label": label_of(clause.text)} for clause in clauses]
    return Say.text(json.dumps({"labels": entries}))


def knows(asked: dict[str, Any], times: int) -> Say:
    """A model that does as it is told."""
    return labelled(asked_in(asked))
