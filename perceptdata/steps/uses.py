"""What rows may be used for, asked before somebody trains on them.

check_trained(ws.view("sft"))                             # raises UsageError that names the corpora and how many rows
check_trained(ws.view("sft"), allow=("MathVista",))       # that corpus is trained on by choice
"""

from __future__ import annotations

from collections.abc import Sequence

from perceptdata.errors import UsageError
from perceptdata.query import connect
from perceptdata.view import View


def check_trained(view: View, allow: Sequence[str] = ()) -> None:
    """Refuse rows for evaluation in a split that is trained on: one whose name begins with `train`.

    What a benchmark measures is spoilt by training on it. Other splits may hold such rows: they are what is measured.
    """
    connection = connect(view.ws)
    connection.register("chosen", view.rows.select(["example_id", "split"]))
    found = connection.execute(
        "select source.corpus, source.licence, count(*), min(examples.id) from chosen "
        "join examples on examples.id = chosen.example_id "
        "where source.allowed_use = 'evaluate' and chosen.split like 'train%' group by all order by all"
    ).fetchall()
    refused = [row for row in found if row[0] not in allow]
    if refused:
        said = "; ".join(
            f"{corpus} ({rows:,} rows, {licence}), such as {first}" for corpus, licence, rows, first in refused
        )
        names = ", ".join(row[0] for row in refused)
        raise UsageError(
            f"view '{view.name}' would train on rows that are for evaluation alone: {said}; leave them out with "
            f"where: source.allowed_use <> 'evaluate', or train on them by choice with allow: [{names}]"
        )
