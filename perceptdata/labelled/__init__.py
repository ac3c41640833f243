"""Labelled texts: what taggers learn from and are scored against.

    texts = read_labelled(Path("dev.jsonl"))            # or from_layer(ws, "reviews")
    measure(texts, [Cues()])                            # how right a chain of taggers is
    leave_one_source_out(Linear, texts)                 # how right one is on sources it never saw

A labelled text is the text, what it answers, who wrote it and where it was found (`source`), and its spans. Stretches
that no span covers are of no known label: they are neither learned from nor scored. Texts are split by source, never by
row: rows of one source look alike, and a split by row measures memory.
"""

from perceptdata.labelled.scoring import Measured, measure, pass_agreement
from perceptdata.labelled.texts import LabelledText, clause_labels, from_layer, read_labelled, sources
from perceptdata.labelled.training import TrainableTagger, leave_one_source_out

__all__ = [
    "LabelledText",
    "Measured",
    "TrainableTagger",
    "clause_labels",
    "from_layer",
    "leave_one_source_out",
    "measure",
    "pass_agreement",
    "read_labelled",
    "sources",
]
