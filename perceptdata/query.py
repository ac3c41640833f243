"""SQL over a workspace, with everything outside it locked: no files, no network, no extensions, no settings.

    connect(ws).sql("select count(*) from examples where stage = 'perception'")

Tables: `examples`, `rejects`; every layer kind (`spans`, `responses`, `scores`, …) over all steps; and every step by
its name, or as `<step>_<kind>` where it wrote several kinds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import duckdb
import pyarrow as pa

from perceptdata.errors import UsageError
from perceptdata.layers import LAYERS, LayerKind
from perceptdata.workspace import EXAMPLES, REJECTS, ROOMS, layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

LOCKED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "python_enable_replacements": "false",
    "lock_configuration": "true",
}
ANSWERS = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN, duckdb.StatementType.MULTI)
"""What a question may be; a pivot is a statement of several."""


def sandbox() -> duckdb.DuckDBPyConnection:
    """An empty in-memory database that can reach nothing but the tables registered with it."""
    return duckdb.connect(":memory:", config=LOCKED)


class Table(NamedTuple):
    """What a table's name stands for: a room, of one step or (None) of all."""

    name: str
    room: str
    step: str | None


def tables(ws: Workspace) -> list[Table]:
    """The tables of a workspace."""
    found = [Table(EXAMPLES, EXAMPLES, None), Table(REJECTS, REJECTS, None)]
    found += [Table(kind, layer_room(kind), None) for kind in LAYERS]
    for step, kinds in ws.layers().items():
        found += [Table(table_name(step, kind, kinds), layer_room(kind), step) for kind in kinds]
    return found


def table_name(step: str, kind: LayerKind, kinds: Sequence[LayerKind]) -> str:
    """The name of one layer of a step that wrote `kinds`."""
    return step if len(kinds) == 1 else f"{step}_{kind}"


def connect(ws: Workspace) -> duckdb.DuckDBPyConnection:
    """A sandbox with the workspace's tables. They are read as they are asked for."""
    connection = sandbox()
    for name, room, step in tables(ws):
        if ws.shards(room, step):
            connection.register(name, ws.dataset(room, step))
        else:
            connection.register(name, ROOMS[room].arrow_schema().empty_table())
    return connection


def ask(ws: Workspace, query: str) -> duckdb.DuckDBPyRelation:
    """The answer to one query. Raises UsageError with the database's own words when it is not valid."""
    connection = connect(ws)
    try:
        kinds = [statement.type for statement in connection.extract_statements(query)]
        answer = connection.sql(query) if len(kinds) == 1 and kinds[0] in ANSWERS else None
    except duckdb.Error as error:
        raise UsageError(f"the query is not valid: {error}") from error
    if answer is None:
        raise UsageError("the workspace answers one question at a time; write one query that selects something")
    return answer


def ids_where(examples: pa.Table, where: str) -> list[str]:
    """The ids of the examples of one table for which a condition over their columns holds, in order."""
    connection = sandbox()
    connection.register("examples", examples.append_column("_row", pa.array(range(len(examples)))))
    try:
        rows = connection.execute(f"select id from examples where ({where}\n) order by _row").fetchall()
    except duckdb.Error as error:
        raise UsageError(f"where '{where}': {error}") from error
    return [row[0] for row in rows]


def fetch(relation: duckdb.DuckDBPyRelation) -> pa.Table:
    """A relation as an Arrow table. Raises UsageError when the query fails on the data."""
    try:
        return relation.to_arrow_table()
    except duckdb.Error as error:
        raise UsageError(f"the query fails: {error}") from error
