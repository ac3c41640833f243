"""Token roles against tokenising, and ten thousand unkind texts: `python benchmarks/align.py [--texts 3000]`.

    tokenise   the tokenizer's own time for the batch, one thread (byte-level BPE, NFC, words by Qwen's expression)
    convert    its offsets to arrays
    label      arrays and spans to roles, with the test for tokens of two roles

Best of five, CPU seconds; prints JSON with both ratios (hold: label <= 0.10, convert + label <= 0.25). Then
`--adversarial` texts of combining marks, joiners, right-to-left scripts, LaTeX, nested tags and long lines are aligned,
and for every row without tokens of two roles the tokens of each role must decode to what its spans cover (hold: no text
wrong).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise

import tokenizers
from tag import traces
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.trainers import BpeTrainer

from perceptdata import texts
from perceptdata.alignment.roles import Tokens, label
from perceptdata.annotators.taggers.cues import Cues
from perceptdata.annotators.taggers.structure import Structure
from perceptdata.spans import PRO, Span, SpanSet
from perceptdata.tagging import tag_batch

ROUNDS = 5
BATCH = 256
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PARTS = (
    "e\u0301\u0323q\u0307 a\u0338",
    "👩\u200d👩\u200d👧\u200d👦👍🏽🇩🇪",
    "שלום עולם \u202eabc\u202c مرحبا",
    "\\[ \\frac{-b \\pm \\sqrt{b^2-4ac}}{2a} \\]",
    "$x_{1}$≈3.14\\boxed{\\text{a b}}",
    "<think><think>a</think> </description><b>",
    "한국어日本語。図、\u1100\u1161\u11a8",
    " \u00a0\u2009\u3000\t\n\n\r\n ",
    "\ufeff\u200b\u2060zero",
    "So the red square is left of AB, isn't it? 12345.678",
)


def tokenizer(corpus: Sequence[str]) -> Tokenizer:
    bpe = Tokenizer(models.BPE())
    bpe.normalizer = normalizers.NFC()
    words = pre_tokenizers.Split(Regex(WORDS), behavior="isolated")
    bpe.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(False, use_regex=False)])
    bpe.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bpe.train_from_iterator(corpus, BpeTrainer(vocab_size=8000, initial_alphabet=alphabet, show_progress=False))
    return bpe


def best(work: Callable[[], object]) -> float:
    """CPU seconds of the fastest round, after a first one that is not counted."""
    work()
    seconds = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        work()
        seconds.append(time.process_time() - begun)
    return min(seconds)


def unkind(rng: random.Random) -> tuple[str, SpanSet]:
    """A text of a few parts, sometimes a line of a hundred thousand characters, and spans anywhere in it."""
    size = 100_000 if rng.random() < 0.001 else rng.randint(1, 60)
    words = []
    while size > 0:
        part = (
            rng.choice(PARTS)
            if rng.random() < 0.7
            else chr(rng.choice((rng.randint(33, 0x2FFF), rng.randint(0x1D400, 0x1F9FF))))
        )
        words.append(part)
        size -= len(part)
    text = texts.normalise(rng.choice(("", " ")).join(words))
    spaces = [at for at, mark in enumerate(text) if mark.isspace()]
    count = min(len(text), rng.randint(2, 9) if len(text) < 1000 else 500)
    edges = sorted(set(rng.sample(spaces if len(spaces) >= count and rng.random() < 0.7 else range(len(text)), count)))
    pairs = pairwise(edges)
    return text, SpanSet.of([Span(start, end, rng.choice(PRO.labels)) for start, end in pairs if rng.random() < 0.8])


def runs(pairs: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """Neighbours of one role joined, white space left out."""
    kept = [(role, ink) for role, text in pairs if (ink := "".join(text.split()))]
    return [(role, "".join(ink for _, ink in run)) for role, run in groupby(kept, lambda pair: pair[0])]


def adversarial(bpe: Tokenizer, count: int, seed: int) -> dict[str, int]:
    """How many texts were aligned, how many had tokens of two roles, and how many were wrong."""
    rng = random.Random(seed)
    compared = straddling = wrong = 0
    for _ in range(0, count, BATCH):
        batch = [unkind(rng) for _ in range(min(BATCH, count - compared - straddling))]
        encodings = bpe.encode_batch([text for text, _ in batch])
        tokens = Tokens.of(encoding.offsets for encoding in encodings)
        found = label([text for text, _ in batch], tokens, [0] * len(batch), [spans for _, spans in batch])
        for at, (text, spans) in enumerate(batch):
            if found.straddles[at]:
                straddling += 1
                continue
            compared += 1
            roles = found.roles[tokens.rows[at] : tokens.rows[at + 1]].tolist()
            said = [
                (role, bpe.decode([token for _, token in pairs]))
                for role, pairs in groupby(zip(roles, encodings[at].ids, strict=True), lambda pair: pair[0])
            ]
            meant, behind = [], 0
            for span in spans:
                meant.append((3, text[behind : span.start]))
                meant.append((1 + PRO.labels.index(span.label), text[span.start : span.end]))
                behind = span.end
            wrong += runs(said) != runs([*meant, (3, text[behind:])])
    return {
        "texts": compared + straddling,
        "compared": compared,
        "with_tokens_of_two_roles": straddling,
        "wrong": wrong,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=3000)
    parser.add_argument("--adversarial", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    written = traces(options.texts, options.seed)
    bpe = tokenizer(written[:1000])
    spans = tag_batch([("", text, None) for text in written], [Structure(), Cues()])
    batches = [slice(at, at + BATCH) for at in range(0, len(written), BATCH)]
    encoded = [bpe.encode_batch(written[part]) for part in batches]
    tokens = [Tokens.of(encoding.offsets for encoding in batch) for batch in encoded]

    def labelled() -> list:
        return [
            label(written[part], one, [0] * len(one.rows[1:]), spans[part])
            for part, one in zip(batches, tokens, strict=True)
        ]

    seconds = {
        "tokenise": best(lambda: [bpe.encode_batch(written[part]) for part in batches]),
        "convert": best(lambda: [Tokens.of(encoding.offsets for encoding in batch) for batch in encoded]),
        "label": best(labelled),
    }
    count = sum(map(len, tokens))
    ratio = {
        "label": seconds["label"] / seconds["tokenise"],
        "convert_and_label": (seconds["convert"] + seconds["label"]) / seconds["tokenise"],
    }
    hard = adversarial(bpe, options.adversarial, options.seed)
    report = {
        "texts": len(written),
        "tokens": count,
        "spans": sum(map(len, spans)),
        "tokens_of_two_roles": int(sum(one.straddles.sum() for one in labelled())),
        "tokenizers": tokenizers.__version__,
        "million_tokens_per_cpu_second": {name: round(count / value / 1e6, 2) for name, value in seconds.items()},
        "ratio": {name: round(value, 3) for name, value in ratio.items()},
        "adversarial": hard,
        "holds": ratio["label"] <= 0.10 and ratio["convert_and_label"] <= 0.25 and not hard["wrong"],
    }
    print(json.dumps(report, indent=2))
    sys.exit(not report["holds"])


if __name__ == "__main__":
    main()
