"""What a report speaks of: every example of a workspace, or those that one view chose, as tables to ask.

    subject = Subject(ws)
    subject.ask("select stage, count(*) as n from _rows group by stage")

`_rows` holds the examples with their `corpus` and `split`, `_texts` each of their texts with its address and hash.
Their names begin with `_`, which no step's name can. `tokens(text)` counts words, numbers and symbols: no tokenizer
agrees with another, and shares hardly depend on which one counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from perceptdata.layers import LayerKind
from perceptdata.manifest import FileEntry
from perceptdata.query import connect, sandbox
from perceptdata.workspace import EXAMPLES, ROOMS, layer_room

if TYPE_CHECKING:
    import duckdb

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
        self._chosen = ws.view(view).rows if view else None
        self._whole = self._set_up(connect(ws))

    def _set_up(self, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        split, chosen, carried = "source.split as split", "", ""
        if self._chosen is not None:
            connection.register("_chosen", self._chosen)
            split = "picked.split"
            chosen = "join (select distinct example_id, split from _chosen) as picked on picked.example_id = id"
            carried = f"and (not ({TRACE}) or text_id in (select text_id from _chosen))"
        connection.execute(_SETUP.format(token=TOKEN, split=split, chosen=chosen, carried=carried))
        return connection

    def ask(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """The answer's rows as dicts; for aggregates and samples, whose answers are short. `values` fill `$name`."""
        return self._whole.sql(query, params=values or None).to_arrow_table().to_pylist()

    def ask_by_shard(self, query: str, step: str | None = None) -> Iterator[dict[str, Any]]:
        """The answers of every shard of examples in turn, for what joins texts and spans: memory is that of one shard.

        `_spans` holds the shard's spans, of one step or of all.
        """
        import pyarrow.dataset as ds  # brings pandas along where that is installed

        responses, spans = self._files("responses"), self._files("spans", step)
        for name, shard, _, file in self.ws.shards(EXAMPLES):
            about = f"{name}/{shard}"
            connection = sandbox()
            for table, room, files in (
                ("examples", EXAMPLES, [file]),
                ("responses", layer_room("responses"), responses[about]),
                ("_spans", layer_room("spans"), spans[about]),
            ):
                paths = [str(self.ws.file(each)) for each in files]
                connection.register(table, ds.dataset(paths, schema=ROOMS[room].arrow_schema(), format="parquet"))
            yield from self._set_up(connection).sql(query).to_arrow_table().to_pylist()

    def _files(self, kind: LayerKind, step: str | None = None) -> dict[str, list[FileEntry]]:
        """The current files of a layer kind, by the shard of examples that they speak of."""
        found: dict[str, list[FileEntry]] = defaultdict(list)
        for _, _, entry, file in self.ws.shards(layer_room(kind), step):
            found[entry.about].append(file)
        return found

    def spans_tables(self) -> dict[str, str]:
        """The spans layers: step name to table."""
        kinds = self.ws.layers()
        return {
            step: f'"{step}"' if len(has) == 1 else f'"{step}_spans"' for step, has in kinds.items() if "spans" in has
        }
