"""Shortcuts: what is answered without looking, and whether the reasoning reads the facts or peeks at the picture.

| number    | is                                                                                                     |
|-----------|--------------------------------------------------------------------------------------------------------|
| `losses`  | what `a` loses with a blank, another or no picture. Little loss: the model was not looking              |
| `peeking` | what a_r loses when the picture is blanked behind the oracle facts. The trace has all it needs in them, |
|           | so what it loses it had from the picture, and not from what it wrote                                    |
| `aligned`, `counter` | accuracy where the answer is what one would guess, and where the picture speaks against it   |
|           | (`meta.prior` of the rows): Prior and Score of ViLP, as in arXiv 2606.19120                             |
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from perceptdata.diagnosis.measures import Paired, Rate, matched, means, numbers, paired, rate
from perceptdata.diagnosis.rates import condition
from perceptdata.records import Record

WORTH_A_WORD = 0.05
"""A loss of a_r that would be told as peeking: what surely loses less reads its description."""
SIGHTLESS = ("blank", "shuffled", "removed")


class Loss(Record):
    """What is left under a condition, and what is lost against the picture itself (negative: lost)."""

    condition: str
    accuracy: Rate
    change: Paired | None


class Shortcuts(Record):
    """See the table above; None where it was not asked."""

    losses: tuple[Loss, ...]
    peeking: Loss | None
    aligned: Rate | None
    counter: Rate | None

    @property
    def reads(self) -> str:
        """Whether the trace reads its description."""
        if self.peeking is None or self.peeking.change is None:
            return "unknown"
        if not self.peeking.change.enough:
            return "too few"
        if self.peeking.change.high < 0:
            return "peeks at the picture"
        surely = self.peeking.change.low > -WORTH_A_WORD
        return "reads the description" if surely else "cannot be told: it may peek at the picture"


def shortcuts(table: pa.Table, seed: int = 0) -> Shortcuts:
    """Of all items."""
    found = [_loss(table, name, "image", seed) for name in SIGHTLESS]
    image = condition(table, "image")
    sides = {side: image.filter(pc.equal(image.column("prior"), side)) for side in ("aligned", "counter")}
    rates = {side: _accuracy(part) if part.num_rows else None for side, part in sides.items()}
    return Shortcuts(
        losses=tuple(each for each in found if each is not None),
        peeking=_loss(table, "oracle_blank", "oracle", seed),
        aligned=rates["aligned"],
        counter=rates["counter"],
    )


def _loss(table: pa.Table, name: str, against: str, seed: int) -> Loss | None:
    part = condition(table, name)
    if not part.num_rows:
        return None
    (before, after), group = matched(means(condition(table, against), "right"), means(part, "right"))
    return Loss(condition=name, accuracy=_accuracy(part), change=paired(before, after, group, seed))


def _accuracy(part: pa.Table) -> Rate:
    return rate(numbers(part, "right"), part.column("group").to_pylist(), part.column("id").to_pylist())
