"""How far `cues` and `linear` generalise: `python benchmarks/taggers.py ../shared/gold/dev.jsonl`; prints JSON.

Every number is pooled over sources that the model did not see (leave one out). The cue list was written with these
traces in view, so a plain score flatters it. `blind` takes that back as far as it can be taken: while a source is
tagged, every cue that occurs in that source alone is struck off the list. The weights, fitted in 17 families, stay.
`shipped` learns from what the shipped model may learn from, less the source; `all` from every other source.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np

from perceptdata.annotators.taggers import cues
from perceptdata.annotators.taggers.linear import Linear
from perceptdata.annotators.taggers.shipped import allowed
from perceptdata.labelled import LabelledText, read_labelled, sources
from perceptdata.labelled.scoring import compare, predict
from perceptdata.plugins import Tagger
from perceptdata.segmentation.buffer import Buffer

WEIGHTS = (0.0, 1.0, 1.5, 2.0)


def occurring(texts: Sequence[LabelledText]) -> set[int]:
    """The numbers of the cues that the texts hold."""
    return set(np.unique(cues.match(Buffer.of([one.text for one in texts]))[0]).tolist())


@contextmanager
def without(struck: set[int]) -> Iterator[None]:
    """The cue list less some of its lines."""
    left = tuple(cue for at, cue in enumerate(cues.cue_list()) if at not in struck)
    with mock.patch.object(cues, "cue_list", return_value=left):
        cues._matcher.cache_clear()
        yield
    cues._matcher.cache_clear()


def left_out(texts: Sequence[LabelledText], tagger: Callable[[str], Tagger], blind: bool) -> dict[str, object]:
    """Scores of what `tagger(source)` says of each source, pooled."""
    held, said = [], []
    for source in sources(texts):
        mine = [one for one in texts if one.source == source]
        own = occurring(mine) - occurring([one for one in texts if one.source != source]) if blind else set()
        with without(own):
            said += predict(mine, [tagger(source)])
        held += mine
    return compare(held, said).to_row()


def main() -> None:
    """Print the table."""
    texts = read_labelled(Path(sys.argv[1]))
    found = {"cues": left_out(texts, lambda _: cues.Cues(), False)}
    found["cues, blind"] = left_out(texts, lambda _: cues.Cues(), True)
    with tempfile.TemporaryDirectory() as folder:
        for name, learned in (("all", texts), ("shipped", allowed(texts))):
            models = {}
            for number, source in enumerate(sources(texts)):
                rest = [one for one in learned if one.source != source]
                models[source] = Linear.train(rest, Path(folder) / f"{name}{number}.npz").model
            for weight in WEIGHTS:

                def tagger(source: str, models: dict[str, Path] = models, weight: float = weight) -> Tagger:
                    return Linear(model=models[source], cues=weight)

                said = f"linear ({name}), cues x {weight}"
                found[said] = left_out(texts, tagger, False)
                if weight:
                    found[f"{said}, blind"] = left_out(texts, tagger, True)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
