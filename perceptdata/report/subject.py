"""What a report speaks of: every example of a workspace, or those that one view chose, as tables to ask.

    subject = Subject(ws)
    subject.ask("select stage, count(*) as n from _rows group by stage")

`_rows` holds the examples with their `corpus` and `split`, `_texts` each of their texts with its address and hash.
Their names begin with `_`, which no step's name can. `tokens(text)` counts words, numbers and symbols: no tokenizer
agrees with another, and shares hardly depend on which one counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perceptdata.query import connect

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

TOKEN = r"[\p{L}\p{M}]+|\p{N}+|[^\s\p{L}\p{M}\p{N}]"
TRACE = "name not in ('question', 'facts')"
"""Chains of thought: the source's own response, and the responses of steps."""

_SETUP = """
    create temp macro tokens(text) as len(regexp_extract_all(text, '{token}'));
    create temp view _rows as select examples.*, source.corpus as corpus, {split} from examples {chosen};
    create temp view _texts as
        select id, corpus, stage, text_id, text, sha256(text) as text_sha256, name
        from (
            select id, corpus, stage, unnest(['question', 'facts', 'response']) as name,
                unnest([question, facts, response]) as text, id || '#' || name as text_id
            from _rows
            union all
            select _rows.id, corpus, stage, regexp_extract(text_id, '#([^#/]+)[^#]*$', 1), responses.text, text_id
            from responses join _rows on _rows.id = responses.example_id
        )
        where text is not null {carried};
"""


class Subject:
    """The rows and texts of a workspace, narrowed to a view where one is named. Reads through a locked database."""

    def __init__(self, ws: Workspace, view: str | None = None) -> None:
        self.ws, self.view = ws, view
        self._connection = connect(ws)
        split, chosen, carried = "source.split as split", "", ""
        if view:
            self._connection.register("_chosen", ws.view(view).rows)
            split = "picked.split"
            chosen = "join (select distinct example_id, split from _chosen) as picked on picked.example_id = id"
            carried = f"and (not ({TRACE}) or text_id in (select text_id from _chosen))"
        self._connection.execute(_SETUP.format(token=TOKEN, split=split, chosen=chosen, carried=carried))

    def ask(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """The answer's rows as dicts; for aggregates and samples, whose answers are short. `values` fill `$name`."""
        return self._connection.sql(query, params=values or None).to_arrow_table().to_pylist()

    def spans_tables(self) -> dict[str, str]:
        """The spans layers: step name to table."""
        kinds = self.ws.layers()
        return {
            step: f'"{step}"' if len(has) == 1 else f'"{step}_spans"' for step, has in kinds.items() if "spans" in has
        }
