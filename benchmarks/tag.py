"""Rule tagging against spaCy, with the same cues, in one process: `python benchmarks/tag.py [--texts 3000]`.

    match     our automaton with its word-boundary test        spaCy: tokenizer + phrase ruler (lower case)
    tagger    texts in Arrow -> clauses -> cues -> labels ->    spaCy: tokenizer + sentencizer + phrase ruler, then every
              spans in Arrow                                   sentence labelled by its cues' weights -> spans in Arrow
    segment   texts -> clauses

Traces are made here from a seed: steps, lists, maths, headings, tags. Best of three, CPU seconds; prints JSON with
characters a CPU-second and the two ratios (hold: match >= 20, tagger >= 5).
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import spacy

from perceptdata.annotators.taggers.cues import Cues, cue_list, match
from perceptdata.segmentation import segment
from perceptdata.segmentation.buffer import Buffer
from perceptdata.spans import PRO
from perceptdata.tagging import SPANS_TYPE, spans_to_arrow, tag_batch

ROUNDS = 3
BATCH = 1000

_LOOK = (
    "The image shows {n} {colour} {thing}s on a wooden table.",
    "In the background there is a {colour} {thing} next to the window.",
    "From the figure, angle $ABC = {n}^\\circ$, so the other one is ${m}^\\circ$.",
    "The x-axis runs from {n} to {m} and the bars are {colour}.",
    "On the left I can see a person holding a {thing}.",
)
_THINK = (
    "Therefore, we get $x = \\frac{{{n}}}{{{m}}}$, which means that the ratio is below one.",
    "Since the sum of the angles is 180 degrees, the last one must be {m} degrees.",
    "To find the area, we multiply {n} by {m}: \\[ A = {n} \\times {m} \\]",
    "Wait, that is not right because the {thing} was counted twice.",
    "Adding these together gives {n} + {m}, approx. {m}.5 in total (cf. Fig. 2).",
)
_REST = ("Okay, let me see.", "The question asks for the number of {thing}s.", "Let's go step by step.", "## Step {k}")
_THINGS = ("cup", "cube", "triangle", "car", "bird", "bottle", "label", "line")
_COLOURS = ("red", "blue", "dark green", "yellow", "grey")


def traces(count: int, seed: int = 0) -> list[str]:
    """Synthetic traces of some 200 words."""
    rng = random.Random(seed)

    def sentence(kind: Sequence[str]) -> str:
        values = {"n": rng.randint(2, 90), "m": rng.randint(2, 900), "k": rng.randint(1, 6)}
        return rng.choice(kind).format(thing=rng.choice(_THINGS), colour=rng.choice(_COLOURS), **values)

    texts = []
    for _ in range(count):
        lines = ["<think>", sentence(_REST)]
        for _ in range(rng.randint(6, 10)):
            kind = rng.choices((_LOOK, _THINK, _REST), (4, 5, 1))[0]
            body = " ".join(sentence(kind) for _ in range(rng.randint(1, 3)))
            lines.append(rng.choice(("", "", "- ", "1. ")) + body)
        lines += ["</think>", f"The answer is \\boxed{{{rng.randint(1, 99)}}}."]
        texts.append(rng.choice(("\n", "\n\n")).join(lines))
    return texts


def best(work: Callable[[], object]) -> float:
    """CPU seconds of the fastest of three rounds, after a first one that is not counted."""
    work()
    seconds = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        work()
        seconds.append(time.process_time() - begun)
    return min(seconds)


def batches(texts: Sequence[str]) -> list[list[str]]:
    return [list(texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)]


def ours_match(texts: Sequence[str]) -> None:
    for batch in batches(texts):
        match(Buffer.of(batch))


def ours_tag(column: pa.Array) -> list[pa.Array]:
    out = []
    for at in range(0, len(column), BATCH):
        texts = column.slice(at, BATCH).to_pylist()
        out.append(spans_to_arrow(tag_batch([("", text, None) for text in texts], [Cues()])))
    return out


def spacy_pipeline(sentences: bool) -> spacy.language.Language:
    nlp = spacy.blank("en")
    nlp.max_length = 10**9
    if sentences:
        nlp.add_pipe("sentencizer", config={"punct_chars": [".", "?", "!", "\n", "\n\n"]})
    ruler = nlp.add_pipe("span_ruler", config={"phrase_matcher_attr": "LOWER", "spans_key": "cues"})
    ruler.add_patterns([{"label": str(at), "pattern": cue.text.rstrip("*")} for at, cue in enumerate(cue_list())])
    return nlp


def spacy_tag(nlp: spacy.language.Language, column: pa.Array) -> pa.Array:
    """Each sentence gets the label whose cues weigh most."""
    cues = cue_list()
    rows = []
    for doc in nlp.pipe(column.to_pylist(), batch_size=256):
        sums: dict[int, list[float]] = {}
        sentences = list(doc.sents)
        owner = {token: at for at, sentence in enumerate(sentences) for token in range(sentence.start, sentence.end)}
        for span in doc.spans["cues"]:
            cue = cues[int(span.label_)]
            sums.setdefault(owner[span.start], [0.0] * len(PRO.labels))[cue.label] += cue.weight
        row = []
        for at, sentence in enumerate(sentences):
            weights = sums.get(at, (1.0, 0.0, 0.0))
            label = int(np.argmax(weights))
            row.append((sentence.start_char, sentence.end_char, PRO.labels[label], weights[label], "spacy"))
        rows.append([dict(zip(("start", "end", "label", "score", "tagger"), item, strict=True)) for item in row])
    return pa.array(rows, SPANS_TYPE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    texts = traces(options.texts, options.seed)
    column = pa.array(texts)
    ruler, pipeline = spacy_pipeline(sentences=False), spacy_pipeline(sentences=True)
    million = sum(map(len, texts)) / 1e6
    rate = {
        "segment": million / best(lambda: [segment(batch) for batch in batches(texts)]),
        "match": million / best(lambda: ours_match(texts)),
        "tagger": million / best(lambda: ours_tag(column)),
        "spacy_match": million / best(lambda: [doc.spans["cues"] for doc in ruler.pipe(texts, batch_size=256)]),
        "spacy_tagger": million / best(lambda: spacy_tag(pipeline, column)),
    }
    report = {
        "texts": len(texts),
        "million_characters": round(million, 3),
        "cues": len(cue_list()),
        "spacy": spacy.__version__,
        "million_characters_per_cpu_second": {name: round(value, 2) for name, value in rate.items()},
        "ratio": {
            "match": round(rate["match"] / rate["spacy_match"], 1),
            "tagger": round(rate["tagger"] / rate["spacy_tagger"], 1),
        },
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
