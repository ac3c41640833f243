"""Asking for all that a chain's asking taggers want to know, tagger by tagger: each sees what the ones before it said.

asked = ask_models(batches, taggers, replies, images=ws.images)
tag_batch(items, taggers, answers=answers_for(taggers, replies))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from perceptdata.errors import UsageError
from perceptdata.example import Example
from perceptdata.llm.asking import Answers, Ask, Asked, answers_of, ask_rounds
from perceptdata.llm.cache import ReplyCache
from perceptdata.llm.drive import Watch
from perceptdata.llm.ledger import Budget
from perceptdata.packs import ImageStore
from perceptdata.plugins import Tagger
from perceptdata.tagging.asking import AskingTagger
from perceptdata.tagging.chain import Chain


class Texts(NamedTuple):
    """A batch of texts as `tag_batch` takes it."""

    items: Sequence[tuple[str, str, Example | None]]
    meta: Sequence[dict[str, Any]] | None = None


def asking(taggers: Sequence[Tagger]) -> dict[int, AskingTagger]:
    """Those of a chain that ask, by their place. Two of one name would share their answers: a UsageError."""
    found = {at: tagger for at, tagger in enumerate(taggers) if isinstance(tagger, AskingTagger)}
    if len({tagger.name for tagger in found.values()}) < len(found):
        raise UsageError("a tagger that asks a model stands twice in one chain; give the second a step of its own")
    return found


def answers_for(taggers: Sequence[Tagger], replies: ReplyCache) -> dict[str, Answers]:
    """What the cache knows, for each tagger that asks."""
    return {tagger.name: answers_of(replies, tagger.endpoint) for tagger in asking(taggers).values()}


def wants(
    batches: Callable[[], Iterable[Texts]], taggers: Sequence[Tagger], place: int, known: Mapping[str, Answers]
) -> Callable[[Answers], Iterator[Ask]]:
    """What tagger number `place` asks about all batches, as `ask_rounds` walks it."""
    tagger = taggers[place]
    assert isinstance(tagger, AskingTagger)  # by `asking`

    def walk(answers: Answers) -> Iterator[Ask]:
        for batch in batches():
            chain = Chain.of(batch.items, taggers, batch.meta)
            for number in range(place):
                chain.step(number, known)
            yield from tagger.asks(chain.before(place), answers)

    return walk


def ask_models(
    batches: Callable[[], Iterable[Texts]],
    taggers: Sequence[Tagger],
    replies: ReplyCache,
    *,
    images: ImageStore | None = None,
    budget: Budget | None = None,
    retry_failed: bool = False,
    watch: Watch | None = None,
) -> Asked:
    """Ask until every tagger has its answers, its limit is reached, or the run is stopped.

    `batches` is called once a round and must give the same texts each time.
    """
    known = answers_for(taggers, replies)
    unasked = 0
    for place, tagger in asking(taggers).items():
        asked = ask_rounds(
            wants(batches, taggers, place, known),
            tagger.endpoint,
            replies,
            images=images,
            max_calls=tagger.max_calls,
            budget=budget,
            retry_failed=retry_failed,
            watch=watch,
        )
        unasked += asked.unasked
        if asked.stopped is not None:
            return Asked(unasked, asked.stopped)
    return Asked(unasked)
