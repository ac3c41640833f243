"""Review: what people are asked to look at, and what they answered. Arrays for `verification`, out of layers.

claims = read_claims(ws, "caps", ["verdicts"])       # every claim with its judges' votes
sample = draw(ws, Design(captions="caps", judges=("verdicts",)), "audit")
write_sheets(ws, sample, Path("to-read"))            # a file for each reader, traps mixed in blind
answers = read_answers([Path("to-read/ann.jsonl")], sample)
"""

from perceptdata.review.answers import Answer, Progress, progress, read_answers
from perceptdata.review.design import Design, Sample
from perceptdata.review.drawing import draw, load_sample
from perceptdata.review.evidence import audit_of, objections
from perceptdata.review.judged import Claims, read_claims
from perceptdata.review.sheets import write_last_words, write_sheets

__all__ = [
    "Answer",
    "Claims",
    "Design",
    "Progress",
    "Sample",
    "audit_of",
    "draw",
    "load_sample",
    "objections",
    "progress",
    "read_answers",
    "read_claims",
    "write_last_words",
    "write_sheets",
]
