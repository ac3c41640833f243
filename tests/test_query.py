"""SQL over a workspace: the right tables, and nothing outside it."""

from pathlib import Path

import pytest
from toys import write_cards

from perceptdata.errors import UsageError
from perceptdata.query import fetch, tables
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.workspace import Workspace


@pytest.fixture(scope="module")
def ws(toy_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("query")
    write_cards(folder / "cards", shards=2, rows=6)
    made = Workspace.create(folder / "ws")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(toy_site)
        with made.lock("test"):
            run_step(made, "cards", make_step("build", {"use": "toy_cards", "path": folder / "cards"}))
            run_step(made, "tags", make_step("tag", {"use": "toy_words"}))
            run_step(made, "order", make_step("tag", {"use": "toy_words", "from": "facts"}))
    return made


def test_tables_are_the_rooms_the_kinds_and_the_steps(ws: Workspace) -> None:
    names = [table.name for table in tables(ws)]
    assert names[:2] == ["examples", "rejects"]
    assert {"spans", "responses", "scores", "captions", "cards_responses", "cards_scores", "tags", "order"} <= set(
        names
    )
    for name in names:
        assert ws.sql(f'select count(*) as n from "{name}"').fetchall()[0][0] >= 0
    counts = ws.sql(
        'select (select count(*) from tags), (select count(*) from "order"), count(*) from spans'
    ).fetchall()
    tagged, ordered, spans = counts[0]
    assert tagged > 0
    assert ordered > 0
    assert spans == tagged + ordered


def test_answers_are_arrow(ws: Workspace) -> None:
    found = fetch(ws.sql("select stage, count(*) as n from examples group by stage order by stage"))
    assert found.to_pylist() == [
        {"stage": "perception", "n": 4},
        {"stage": "textual_reasoning", "n": 4},
        {"stage": "visual_reasoning", "n": 4},
    ]
    assert ws.sql("show tables").fetchall()
    assert ws.sql("with a as (select 1 as x) select * from a").fetchall() == [(1,)]
    assert ws.sql("explain select 1").fetchall()


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_csv('{0}')",
        "select * from '{0}'",
        "select * from read_parquet('{0}')",
        "select * from read_text('{0}')",
        "select * from glob('/*')",
        "copy examples to '{1}'",
        "copy (select 1) to '{1}' (format csv)",
        "attach '{1}' as other",
        "attach ':memory:' as other; create table other.t as select 1",
        "export database '{1}'",
        "import database '{1}'",
        "install httpfs",
        "load httpfs",
        "set threads = 1",
        "set enable_external_access = true",
        "reset lock_configuration",
        "pragma threads = 1",
        "pragma enable_profiling",
        "call pragma_version()",
        "create table mine as select 1",
        "create macro f(x) as x",
        "drop view examples",
        "delete from examples",
        "checkpoint",
        "select 1; select 2",
        "select 1; copy (select 1) to '{1}'",
        "select * from 'https://localhost/x.parquet'",
        "select * from a_python_variable",
        "select no_such_column from examples",
        "selekt 1",
        "",
        ";",
        "-- nothing",
    ],
)
def test_nothing_outside_can_be_reached_and_nothing_changed(ws: Workspace, tmp_path: Path, query: str) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    a_python_variable = fetch(ws.sql("select 1"))
    assert a_python_variable.num_rows == 1
    with pytest.raises(UsageError) as caught:
        fetch(ws.sql(query.format(tmp_path / "secret.csv", tmp_path / "out")))
    assert str(caught.value).startswith(("the query is not valid: ", "the query fails: ", "the workspace answers one"))
    assert not (tmp_path / "out").exists()


def test_a_query_that_fails_on_the_data_is_a_usage_error(ws: Workspace) -> None:
    with pytest.raises(UsageError, match="the query fails: Conversion Error"):
        fetch(ws.sql("select cast(question as integer) from examples"))
