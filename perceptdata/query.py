"""SQL over a workspace, with everything outside it locked: no files, no network, no extensions, no settings.

    connect(ws).sql("select count(*) from examples where stage = 'perception'")

Tables: `examples`, `rejects`; every layer kind (`spans`, `responses`, `scores`, …) over all steps; and every step by
its name, or as `<step>_<kind>` where it wrote several kinds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from perceptdata.errors import UsageError
from perceptdata.layers import LAYERS
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


def sandbox() -> duckdb.DuckDBPyConnection:
    """An empty in-memory database that can reach nothing but the tables registered with it."""
    return duckdb.connect(":memory:", config=LOCKED)


def connect(ws: Workspace) -> duckdb.DuckDBPyConnection:
    """A sandbox with the workspace's tables. They are read as they are asked for."""
    connection = sandbox()
    for room in (EXAMPLES, REJECTS):
        _register(connection, ws, room, room, None)
    for kind in LAYERS:
        _register(connection, ws, kind, layer_room(kind), None)
    for step, kinds in ws.layers().items():
        for kind in kinds:
            _register(connection, ws, step if len(kinds) == 1 else f"{step}_{kind}", layer_room(kind), step)
    return connection


def _register(connection: duckdb.DuckDBPyConnection, ws: Workspace, name: str, room: str, step: str | None) -> None:
    if ws.shards(room, step):
        connection.register(name, ws.dataset(room, step))
    else:
        connection.register(name, ROOMS[room].arrow_schema().empty_table())


def ask(ws: Workspace, query: str) -> duckdb.DuckDBPyRelation:
    """The answer to one query. Raises UsageError with the database's own words when it is not valid."""
    try:
        answer = connect(ws).sql(query)
    except duckdb.Error as error:
        raise UsageError(f"the query is not valid: {error}") from error
    if answer is None:
        raise UsageError("the workspace answers questions; write a query that selects something")
    return answer


def fetch(relation: duckdb.DuckDBPyRelation) -> pa.Table:
    """A relation as an Arrow table. Raises UsageError when the query fails on the data."""
    try:
        return relation.to_arrow_table()
    except duckdb.Error as error:
        raise UsageError(f"the query fails: {error}") from error
