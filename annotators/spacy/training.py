"""Training a pipeline of `perceptdata_clauses` on labelled texts, and what a trained one remembers of them.

    nlp = train(texts)                      # a pipeline; nlp.to_disk("folder") keeps it
    learned_from(nlp)                       # text_sha256 of what it was trained on

`spacy train` with an exported config does the same with spaCy's own loop, and remembers by the callback `remember`.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.util import minibatch
from thinc.api import Adam

from perceptdata.labelled import LabelledText
from perceptdata.layers import text_sha256
from perceptdata.publishing.exports.docs import labelled_docs
from perceptdata.segmentation import VERSION as SEGMENTER
from perceptdata.spans import PRO

EPOCHS = 10
BATCH = 8  # texts
RATE = 0.005  # like the two above chosen by leaving out whole sources
META = "perceptdata"
"""Where a pipeline's `meta.json` says what it was trained on."""


def blank() -> Language:
    """A pipeline that knows nothing: our tokenizer and our categoriser."""
    nlp = spacy.blank("en", config={"nlp": {"tokenizer": {"@tokenizers": "perceptdata.ClauseTokenizer.v1"}}})
    nlp.add_pipe("perceptdata_clauses")
    return nlp


def train(texts: Sequence[LabelledText]) -> Language:
    """A pipeline that learned from the texts, whatever their order. The same texts give the same pipeline."""
    texts = sorted(texts, key=lambda one: (one.source, one.id))
    nlp = blank()
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in labelled_docs(nlp, texts)]
    nlp.initialize(lambda: examples)
    categorizer: Any = nlp.get_pipe("perceptdata_clauses")
    optimizer = Adam(RATE)
    # The global generator is left alone.
    order = random.Random(0)
    for _ in range(EPOCHS):
        order.shuffle(examples)
        for batch in minibatch(examples, BATCH):
            # Not by `nlp.update`, which copies every document for the sake of later components; there is none.
            categorizer.update(batch, sgd=optimizer)
    nlp.meta[META] = {
        "segmenter": SEGMENTER,
        "scheme": PRO.id,
        "sources": dict(sorted(Counter(one.source for one in texts).items())),
        "texts": [text_sha256(one.text) for one in texts],
    }
    return nlp


def learned_from(nlp: Language) -> frozenset[str]:
    """Hashes of the texts that a pipeline was trained on; empty where it does not say."""
    said: Any = nlp.meta.get(META, {})
    return frozenset(said.get("texts", ()))


def remember(path: str | Path) -> Callable[[Language], Language]:
    """`[training.before_to_disk] @callbacks = "perceptdata.remember.v1"`: the hashes of the training texts in `path`, a
    DocBin or a folder of them, are saved with the pipeline, so that it is never scored on them unnoticed.
    """

    folder = Path(path)

    def into(nlp: Language) -> Language:
        files = sorted(folder.rglob("*.spacy")) if folder.is_dir() else [folder]
        texts = {text_sha256(doc.text) for file in files for doc in DocBin().from_disk(file).get_docs(nlp.vocab)}
        nlp.meta[META] = {"segmenter": SEGMENTER, "scheme": PRO.id, "texts": sorted(texts)}
        return nlp

    return into
