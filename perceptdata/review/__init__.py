"""Review: what people are asked to look at, and what they answered; and of certificates, arrays for `verification`.

plan = ReviewPlan(name="people", screen="spans", layers=("tags", "llm_tags"), people=("ann", "bob"),
                  select="disagreement", budget=200, overlap=2, shared=0.3)
make_plan(ws, plan)                                  # tasks of every reader, the same every time
place = JsonLines(ws, Path("to-read"))               # or LabelStudio: any `Backend`
push(ws, "people", place); pull(ws, "people", place) # `perceptdata.steps.reviews`

claims = read_claims(ws, "caps", ["verdicts"])       # every claim with its judges' votes
sample = make_audit(ws, Design(captions="caps", judges=("verdicts",), audits=400, traps=80), "audit")
"""

from perceptdata.review.answers import Answer, Progress, progress
from perceptdata.review.auditing import make_audit
from perceptdata.review.backend import Annotation, Backend, Finding, Pulled, Pushed, Region, Task
from perceptdata.review.design import Design, Sample
from perceptdata.review.drawing import draw, load_sample
from perceptdata.review.evidence import audit_of, objections
from perceptdata.review.jsonl import JsonLines
from perceptdata.review.judged import Claims, read_claims
from perceptdata.review.plan import ReviewPlan, last_tasks_of, load_plan, review_names, tasks_of
from perceptdata.review.planning import make_plan, revise
from perceptdata.review.standing import Standing, standing

__all__ = [
    "Annotation",
    "Answer",
    "Backend",
    "Claims",
    "Design",
    "Finding",
    "JsonLines",
    "Progress",
    "Pulled",
    "Pushed",
    "Region",
    "ReviewPlan",
    "Sample",
    "Standing",
    "Task",
    "audit_of",
    "draw",
    "last_tasks_of",
    "load_plan",
    "load_sample",
    "make_audit",
    "make_plan",
    "objections",
    "progress",
    "read_claims",
    "review_names",
    "revise",
    "standing",
    "tasks_of",
]
