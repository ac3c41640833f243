"""Rule tagging against spaCy, with the same cues, in one process: `python benchmarks/tag.py [--texts 3000]`.

    match     our automaton with its word-boundary test, against spaCy's tokenizer and phrase ruler (lower case)
    tagger    texts in Arrow -> clauses -> cues -> labels -> spans in Arrow, against spaCy's tokenizer, sentencizer and
              phrase ruler, then a label for every sentence by its cues' weights -> spans in Arrow
    segment   texts -> clauses

Traces are made here from a seed: steps, lists, maths, headings, tags. Best of three, CPU seconds; prints JSON with
characters a CPU-second and the two ratios (hold: match >= 20, tagger >= 5). `--jsonl FILE` reads the field `text` of
real traces instead.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

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

# Mark-up, quotes, brackets and cues about as dense as in answers of real models.
_LOOK = (
    'The image shows {n} {thing}s (each {colour}) along the {place}, labeled "{thing}-{m}" in bold.',
    "**{thing}:** a {colour}, slightly blurred {thing} in the background, partly hidden by the other one.",
    "From the figure, angle $ABC = {n}^\\circ$ and $BC = {x}$, so the remaining one is ${m}^\\circ$.",
    'The x-axis ("{place}, in {thing}s") runs from {x} to {m}.{n}; the curve doesn\'t reach {m}%.',
    "In the background there is another {thing}, partly hidden and slightly out of focus like the rest.",
    "The {thing} next to the {place} looks the same, only that the lower half stands in the shadow.",
    "Someone's holding a {colour} \"{thing}\" near the {place}'s entrance; it's marked ({n}, {m}).",
    "- **{place} ({n}):** {x}, **{thing}:** {m}.{n}%, with thin strokes such as '{m}' on top.",
)
_THINK = (
    "Therefore, $x = \\frac{{{n}}}{{{m}}} \\approx {x}$ (rounded), once both sides have the same form.",
    "Since the {thing}'s weight is {x} kg (about {n}%), everyone doesn't pay more than ${m}.{n}.",
    "To find the area we multiply: \\[ A = {n} \\times {x} = {m}.{n} \\] (in {thing}s/{place}).",
    'Wait, that\'s not right: "{thing}" was counted twice, i.e. {n}+{m}={x}?',
    "*   {n} + {m} = {x}, approx. {m}.{n} for the whole {place} (cf. Fig. {n}).",
    'So a "{thing}" lasts {n}-{m} weeks, which means that {x}/{n} of them cover it, doesn\'t it?',
)
_REST = (
    "Okay, let me see.",
    "The question asks how many of the {thing}s stay in the {place}.",
    "Let's go step by step.",
    "## Part {k}",
)


def _words(rng: random.Random, count: int) -> list[str]:
    """Made-up nouns, so that a tokenizer meets new words as it does in real text."""
    syllables = ("ba", "den", "fi", "gor", "hal", "ki", "lem", "mor", "na", "pel", "rus", "sta", "tiv", "vor", "zan")
    return ["".join(rng.choices(syllables, k=rng.randint(2, 4))) for _ in range(count)]


def traces(count: int, seed: int = 0) -> list[str]:
    """Synthetic traces of some 200 words."""
    rng = random.Random(seed)
    things, places = _words(rng, 4000), _words(rng, 1000)
    colours = ("red", "dark", "pale", "plain", "striped")

    def sentence(kind: Sequence[str]) -> str:
        values: dict[str, float] = {"n": rng.randint(2, 90), "m": rng.randint(2, 900), "k": rng.randint(1, 6)}
        values["x"] = round(rng.uniform(0, 1000), 3)
        named = {"thing": rng.choice(things), "place": rng.choice(places), "colour": rng.choice(colours)}
        return rng.choice(kind).format(**values, **named)

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
    parser.add_argument("--jsonl", type=Path, help="real traces, repeated up to --texts")
    options = parser.parse_args()
    texts = traces(options.texts, options.seed)
    if options.jsonl:
        given = [json.loads(line)["text"] for line in options.jsonl.read_text("utf-8").splitlines()]
        texts = (given * (options.texts // len(given) + 1))[: options.texts]
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
        "characters_per_cue_found": round(million * 1e6 / len(match(Buffer.of(texts))[0]), 1),
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
