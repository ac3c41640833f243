"""How right the consensus of our taggers is, beside each of them: `python benchmarks/consensus.py [FILE]`; prints JSON.

Nobody is scored on what it learned from: `linear` tags each source by a model of the others. The cue list was written
with the development traces in view, so that everything is measured twice, the second time with every cue that occurs in
one source alone struck off while that source is tagged. The consensus sees no label.

Whole: macro-F1 over all characters, what is left open being wrong. At 80 %: over the 80 % of the characters of which
the annotator is surest (a tagger by its spans' scores, the consensus by the lead of its label). `votes_alone` is the
plain model of Dawid and Skene, which does not know the scores.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from _measure import held
from numpy.typing import NDArray
from taggers import occurring, without

from perceptdata.agreement import Coded, DawidSkene, refine
from perceptdata.annotators.taggers.cues import Cues
from perceptdata.annotators.taggers.linear import Linear
from perceptdata.annotators.taggers.structure import Structure
from perceptdata.labelled import LabelledText, read_labelled, sources
from perceptdata.labelled.scoring import LABELS, Measured, compare, predict
from perceptdata.plugins import Tagger
from perceptdata.spans import PRO, SpanSet

DEVELOPMENT = Path(__file__).parents[2] / "shared" / "gold" / "dev.jsonl"
COVERAGE, MARGIN = 0.8, 0.2  # MARGIN: what the step `consensus` asks for unless told otherwise
# `linear` is the sum of `cues` and `linear, no cues`: in the first it decides between the two, in the second it is not.
COMMITTEES = (
    ("structure,cues", "structure,linear", "structure,linear without cues"),
    ("structure", "cues", "linear without cues"),
)


def chains(model: Path) -> dict[str, list[Tagger]]:
    """Every member, with the model of the other sources."""
    linear, blind = Linear(model=model), Linear(model=model, cues=0.0)
    return {
        "structure": [Structure()],
        "cues": [Cues()],
        "linear without cues": [blind],
        "structure,cues": [Structure(), Cues()],
        "structure,linear": [Structure(), linear],
        "structure,linear without cues": [Structure(), blind],
    }


def members(texts: Sequence[LabelledText], strike: bool) -> dict[str, list[SpanSet]]:
    """What every member says of every text, in their order."""
    said: dict[str, dict[str, SpanSet]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, source in enumerate(sources(texts)):
            mine = [one for one in texts if one.source == source]
            rest = [one for one in texts if one.source != source]
            model = Linear.train(rest, Path(folder) / f"{number}.npz").model
            with ExitStack() as stack:
                if strike:
                    stack.enter_context(without(occurring(mine) - occurring(rest)))
                for name, chain in chains(model).items():
                    found = predict(mine, chain)
                    said.setdefault(name, {}).update((one.id, spans) for one, spans in zip(mine, found, strict=True))
    return {name: [found[one.id] for one in texts] for name, found in said.items()}


def consensus(
    texts: Sequence[LabelledText], committee: Mapping[str, list[SpanSet]], scored: bool
) -> tuple[list[SpanSet], DawidSkene]:
    """What the members say together, each span with the lead of its label as its score; and the model."""
    ids = [one.id for one in texts]
    pieces = refine(Coded(PRO, tuple(committee), ids, [one.text for one in texts], list(committee.values())))
    label, score = pieces.clauses().label, pieces.clause_scores() if scored else None
    model = DawidSkene.fit(label, LABELS, score)
    decided, _ = model.decide(label, 0.0, score)
    ordered = np.sort(model.posterior(label, score), axis=1)
    lead = (ordered[:, -1] - ordered[:, -2]).astype(np.float32)
    sets = []
    for at in range(len(texts)):
        mine = (pieces.clause_text == at) & (decided >= 0)
        by = np.zeros(mine.sum(), np.int8)
        borders = pieces.clause_start[mine], pieces.clause_end[mine]
        sets.append(SpanSet(PRO, *borders, decided[mine], lead[mine], by, ("consensus",)))
    return sets, model


def surest(texts: Sequence[LabelledText], said: Sequence[SpanSet], share: float) -> list[SpanSet]:
    """Only the spans of highest score, up to a share of the characters that have a gold label."""
    scored = [np.concatenate(([0], np.cumsum(one.painted(one.spans) >= 0))) for one in texts]
    length = [seen[spans.end] - seen[spans.start] for seen, spans in zip(scored, said, strict=True)]
    lengths, scores = np.concatenate(length), np.concatenate([spans.score for spans in said])
    order = np.argsort(-scores, kind="stable")
    within = np.cumsum(lengths[order]) <= share * sum(int(seen[-1]) for seen in scored)
    kept = np.zeros(len(lengths), bool)
    kept[order[within]] = True
    cuts = np.cumsum([len(spans) for spans in said])[:-1]
    return [spans.take(keep) for spans, keep in zip(said, np.split(kept, cuts), strict=True)]


def on_what_is_labelled(measured: Measured) -> float:
    """Macro-F1 over the characters that got a label."""
    confusion = measured.confusion.copy()
    confusion[:, LABELS] = 0
    return replace(measured, confusion=confusion).macro_f1


def scores(texts: Sequence[LabelledText], said: Sequence[SpanSet]) -> dict[str, float | None]:
    """Of one that leaves more open than the coverage asks for, there is nothing to compare at it."""
    whole, covered = compare(texts, said), compare(texts, surest(texts, said, COVERAGE))
    enough = whole.labelled >= COVERAGE
    return {"whole": round(whole.macro_f1, 4), "at_80": round(on_what_is_labelled(covered), 4) if enough else None}


def wrong(texts: Sequence[LabelledText], said: Sequence[SpanSet]) -> NDArray[np.bool_]:
    """Of every character with a gold label, whether the label is another."""
    pairs = [(one.painted(one.spans), one.painted(spans)) for one, spans in zip(texts, said, strict=True)]
    return np.concatenate([(true != guess)[true >= 0] for true, guess in pairs])


def measure(texts: Sequence[LabelledText], committee: Mapping[str, list[SpanSet]]) -> dict[str, Any]:
    """One committee: its members, how their errors go together, its consensus, and what is held of it."""
    each = {name: scores(texts, said) for name, said in committee.items()}
    errors = {name: wrong(texts, said) for name, said in committee.items()}
    together, model = consensus(texts, committee, scored=True)
    sure = [spans.take(spans.score >= MARGIN) for spans in together]
    asked = compare(texts, sure)
    found = scores(texts, together)
    whole, covered = (100 * max(one[kind] or 0 for one in each.values()) for kind in ("whole", "at_80"))
    ours = {kind: 100 * (score or 0) for kind, score in found.items()}
    return {
        "members": each,
        # 1 where errors are independent, as the model takes them to be.
        "errors_together": {
            f"{a}~{b}": round(float((errors[a] & errors[b]).mean() / (errors[a].mean() * errors[b].mean())), 2)
            for a, b in combinations(committee, 2)
        },
        "consensus": found,
        "votes_alone": scores(texts, consensus(texts, committee, scored=False)[0]),
        f"at_margin_{MARGIN}": {
            "labelled": round(asked.labelled, 4),
            "macro_f1": round(on_what_is_labelled(asked), 4),
        },
        "prior": dict(zip(PRO.labels, model.prior.round(3).tolist(), strict=True)),
        "held": [
            held("points over the best member, both whole", ours["whole"] - whole, at_least=-1),
            held("points at 80 % over the best member whole", ours["at_80"] - whole, at_least=0),
            held("points at 80 % over the best member at 80 %", ours["at_80"] - covered, at_least=0),
        ],
    }


def main() -> None:
    """Print the numbers of every committee, with the cue list whole and struck."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DEVELOPMENT
    if not path.exists():
        sys.exit(f"{path} is not there; name a file of labelled texts")
    texts = read_labelled(path)
    found: dict[str, Any] = {"texts": len(texts), "sources": len(sources(texts)), "committees": []}
    for strike in (False, True):
        said = members(texts, strike)
        for names in COMMITTEES:
            about = {"of": names, "cues_of_one_source": "struck" if strike else "kept"}
            found["committees"].append({**about, **measure(texts, {name: said[name] for name in names})})
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
