"""The design of an audit, fixed before anyone reads, and the sample that was drawn by it.

    Design(captions="caps", judges=("verdicts",), readers=("ann", "bob"), audits=400, traps=80)

What is drawn is kept whole in the workspace, `reviews/<name>/sample.json`: which claims, in which strata of
how many, which traps, and who reads what. It holds what readers must not see; they get sheets.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from perceptdata.manifest import digest
from perceptdata.records import Record
from perceptdata.verification.certificate import TARGET, Use

LAST = "last"
"""Who has the last word, as a reader: the second look at what somebody failed."""

Panel = Literal["majority", "dawid_skene", "weighted_logit"]


class Design(Record):
    """Which captions are accepted, and how they are audited.

    A caption is accepted when the `panel` of `judges` (steps that wrote verdicts) gives each of its claims `threshold`
    at least. `audits` claims are drawn at random, `disputed` ones on which judges differ beside them; a share
    `doubled` is read by two. `traps` are known-false claims. `by` makes the slices, `bands` of panel score the strata
    within them. With use `reward`, captions that give an answer away are not accepted. `check` names an exact judge
    that must contradict every trap.
    """

    captions: str
    judges: tuple[str, ...] = Field(min_length=1)
    panel: Panel = "majority"
    threshold: float = Field(default=0.9, ge=0, le=1)
    target: float = Field(default=TARGET, gt=0, lt=1)
    use: Use = "filter"
    by: tuple[str, ...] = ("source",)
    bands: int = Field(default=1, ge=1, le=10)
    readers: tuple[str, ...] = Field(default=("reader-1", "reader-2"), min_length=1)
    audits: int = Field(ge=1)
    disputed: int = Field(default=0, ge=0)
    doubled: float = Field(default=0.2, ge=0, le=1)
    traps: int = Field(ge=1)
    check: str | None = None
    seed: int = 0

    @model_validator(mode="after")
    def _people(self) -> Design:
        if len(set(self.readers)) < len(self.readers) or LAST in self.readers:
            raise ValueError(f"readers need names of their own, and none is called '{LAST}'")
        if self.doubled and len(self.readers) < 2:
            raise ValueError("one reader reads nothing twice: set doubled to 0, or name a second reader")
        return self


class Chosen(Record):
    """A claim that was drawn, with its stratum."""

    text_id: str
    text_sha256: str
    claim: int
    start: int
    end: int
    image: str
    stratum: int


class Trap(Record):
    """A known-false claim: `false` stands where the caption has its own words, by the perturbation `how`."""

    text_id: str
    text_sha256: str
    claim: int
    start: int
    end: int
    image: str
    false: str
    how: str


class Turn(Record):
    """One reading to be done: a claim's or a trap's place in its list (the other is None), and the reader."""

    item: str
    reader: str
    claim: int | None = None
    trap: int | None = None


class Stratum(Record):
    """How many accepted claims a stratum has."""

    slice: str
    disputed: bool
    population: int


class Sample(Record):
    """All that was drawn. `judged` is the fingerprint of the claims and votes it was drawn from, `accepted` how many
    captions were accepted.
    """

    name: str
    design: Design
    judged: str
    accepted: int
    strata: tuple[Stratum, ...]
    claims: tuple[Chosen, ...]
    traps: tuple[Trap, ...]
    turns: tuple[Turn, ...]

    @property
    def fingerprint(self) -> str:
        """The hash of all of it."""
        return digest(self.model_dump(mode="json"))

    def last_words(self) -> tuple[Turn, ...]:
        """What is asked when claims and traps are looked at once more, whichever come to that."""
        claims = [Turn(item=self._item("claim", at), reader=LAST, claim=at) for at in range(len(self.claims))]
        traps = [Turn(item=self._item("trap", at), reader=LAST, trap=at) for at in range(len(self.traps))]
        return (*claims, *traps)

    def _item(self, kind: str, at: int) -> str:
        return item_name(self.name, self.judged, LAST, kind, at)

    def asked(self, turn: Turn) -> Chosen | Trap:
        """What a reading is of."""
        return self.traps[turn.trap] if turn.trap is not None else self.claims[turn.claim or 0]


def item_name(*parts: object) -> str:
    """A name that tells nothing: 12 hex digits of a hash."""
    return digest(*parts)[:12]
