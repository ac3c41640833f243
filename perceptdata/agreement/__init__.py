"""Agreement: how far annotators of the same texts say the same, in labels and in borders, and what they say together.

    joined = read(ws, ["tags", "llm_tags"])                 # layers, matched by text_id and text_sha256
    found = compare(joined.coded, bootstraps=200)            # kappa, alpha, span F1, errors; with intervals
    worst = disagreements(joined.coded, limit=20)
    from perceptdata.agreement.gamma import gamma            # an extra: where borders are the annotators' to choose

Annotators are span layers, and every person of a reviews layer. Their spans may have different borders, so they are
compared on units that are nobody's own: the clauses of our segmenter, and single non-space characters or tokens.
"""

from perceptdata.agreement.annotations import Coded, Joined
from perceptdata.agreement.comparison import Agreement, Estimate, compare
from perceptdata.agreement.consensus import DawidSkene
from perceptdata.agreement.disagreements import Disagreement, disagreements, disputed
from perceptdata.agreement.reading import read
from perceptdata.agreement.units import Pieces, refine

__all__ = [
    "Agreement",
    "Coded",
    "DawidSkene",
    "Disagreement",
    "Estimate",
    "Joined",
    "Pieces",
    "compare",
    "disagreements",
    "disputed",
    "read",
    "refine",
]
