"""Tagging: a batch of texts through a chain of taggers, and span sets to and from Arrow.

    sets = tag_batch([(text_id, text, example), …], [Structure(), Cues()])
    column = spans_to_arrow(sets)            # list<struct<start, end, label, score, tagger>>, as `layers.Spans` has it

| module    | noun                                          |
|-----------|-----------------------------------------------|
| `chain`   | taggers one after another over one batch       |
| `asking`  | taggers that ask a model                       |
| `rounds`  | asking for all that a chain wants to know      |
| `columns` | span sets as flat columns and as Arrow         |
"""

from __future__ import annotations

from perceptdata.llm.asking import Answers, Ask
from perceptdata.tagging.asking import AskingTagger, Told
from perceptdata.tagging.chain import tag_batch
from perceptdata.tagging.columns import SPANS_TYPE, TextSpans, spans_from_arrow, spans_to_arrow
from perceptdata.tagging.rounds import Texts, answers_for, ask_models, asking, wants

__all__ = [
    "SPANS_TYPE",
    "Answers",
    "Ask",
    "AskingTagger",
    "TextSpans",
    "Texts",
    "Told",
    "answers_for",
    "ask_models",
    "asking",
    "spans_from_arrow",
    "spans_to_arrow",
    "tag_batch",
    "wants",
]
