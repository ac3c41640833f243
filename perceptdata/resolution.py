"""From a view's definition to its row list: filter, choose texts, join spans, assign splits, mix, order.

Only narrow key columns are joined, in a sandboxed database; what a row holds is gathered later, by position. The result
depends on the definition and the data alone: every draw is a hash of the seed and the row's id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from perceptdata.errors import UsageError
from perceptdata.example import STAGES
from perceptdata.layers import CORRECT
from perceptdata.manifest import FileEntry
from perceptdata.query import connect, table_name
from perceptdata.spans import SCHEMES

if TYPE_CHECKING:
    from perceptdata.view import ViewSpec
    from perceptdata.workspace import Workspace

CAPABILITY = ("perception", "textual_reasoning", "visual_reasoning")
"""The order in which capabilities are best trained (arXiv 2605.20177, its stage order)."""

SOURCE = "split_part(examples.id, '/', 1)"
"""The name of an example's source: its id begins with it."""

ORDER_TERM = re.compile(r"([a-z_]\w*(?:\.\w+)?)(?: (asc|desc))?", re.IGNORECASE)


def resolve(ws: Workspace, spec: ViewSpec, files: dict[str, list[FileEntry]], name: str) -> pa.Table:
    """The row list of a view, with the counts of what was dropped in its schema metadata.

    Raises UsageError where the definition does not fit the workspace, naming the view.
    """
    connection = connect(ws)
    for role, key in (("example", "id"), ("text", "text_id"), ("spans", "text_id")):
        connection.register(f"at_{role}", _positions(ws, files[role], key))
    query = _query(ws, spec)
    try:
        if len(connection.extract_statements(query)) != 1:
            raise UsageError(f"view '{name}': 'where' is one condition, without ';'")
        rows = connection.sql(query).to_arrow_table()
    except duckdb.Error as error:
        raise UsageError(f"view '{name}': {error}") from error
    total = ws.examples().count_rows() if files["example"] else 0
    chosen = pc.count_distinct(rows.column("example_id")).as_py()
    dropped = {"not chosen": total - chosen}
    _check_groups(rows, name)
    if spec.mix or spec.size:
        before = rows.num_rows
        rows = rows.filter(pa.array(_mix(rows, spec, name)))
        dropped["mixture"] = before - rows.num_rows
    keep = ["example_id", "text_id", "split"]
    keep += [f"{role}_{what}" for role in ("example", "text", "spans") for what in ("file", "row")]
    return rows.select(keep).replace_schema_metadata(
        {f"dropped.{reason}": str(count) for reason, count in dropped.items() if count}
    )


def count_rows_of(ws: Workspace, spec: ViewSpec, example: str) -> int:
    """How many rows of one example the view's `where` alone lets through.

    Raises `duckdb.Error` where it cannot be asked.
    """
    split = _split(ws, spec)
    query = f"""
        select count(*) from (select *, {SOURCE} as source_name, {split} as split from examples) as examples
        {" ".join(_joins(ws, spec.where or ""))}
        where examples.id = $id and ({spec.where or "true"}
        )
    """
    counted = connect(ws).execute(query, {"id": example}).fetchone()
    return int(counted[0]) if counted else 0


def _positions(ws: Workspace, files: Iterable[FileEntry], key: str) -> pa.Table:
    """Where each key stands: file number and row; and of an example, whether it has a response.

    To say which responses are null, the database would read all of them ahead; here it is a file at a time.
    """
    schema = pa.schema([("key", pa.string()), ("file", pa.int32()), ("row", pa.int32()), ("has_response", pa.bool_())])
    tables = [schema.empty_table()]
    for number, file in enumerate(files):
        read = pq.read_table(ws.file(file), columns=[key, "response"] if key == "id" else [key])
        columns = {
            "key": read.column(key),
            "file": np.full(len(read), number, np.int32),
            "row": np.arange(len(read), dtype=np.int32),
            "has_response": read.column(read.column_names[-1]).is_valid(),
        }
        tables.append(pa.table(columns).cast(schema))
    return pa.concat_tables(tables)


def _query(ws: Workspace, spec: ViewSpec) -> str:
    terms = _order_terms(ws, spec)
    joins = _joins(ws, f"{spec.where or ''} {' '.join(terms)}")
    text, text_join = _text(ws, spec)
    order = ", ".join(terms)
    return f"""
        select examples.id as example_id, examples.stage as stage, examples."group" as "group",
            {SOURCE} as source_name, {_split(ws, spec)} as split, {text} as text_id,
            md5('{spec.seed}' || ' ' || examples.id || ' ' || coalesce({text}, '')) as draw,
            at_example.file as example_file, at_example.row as example_row,
            coalesce(at_text.file, -1) as text_file, coalesce(at_text.row, -1) as text_row,
            coalesce(at_spans.file, -1) as spans_file, coalesce(at_spans.row, -1) as spans_row
        from examples
        join at_example on at_example.key = examples.id
        {text_join}
        left join at_text on at_text.key = {text}
        left join at_spans on at_spans.key = {text}
        {" ".join(joins)}
        where ({spec.where or "true"}
        )
        order by {order}, examples.id, {text}
    """


def _joins(ws: Workspace, expression: str) -> list[str]:
    """The joins of the steps whose columns an expression names, `pass.rate` or `"pass".rate`."""
    named = (step for step in ws.layers() if re.search(rf'(?<![\w.]){step}"?\s*\.', expression, re.IGNORECASE))
    return [_summary(ws, step) for step in named]


def _summary(ws: Workspace, step: str) -> str:
    """What a step's layers say of each example, joined under the step's name."""
    kinds = ws.layers()[step]
    table = {kind: f'"{table_name(step, kind, kinds)}"' for kind in kinds}
    if "scores" in kinds:
        columns = "avg(value) as rate, max(value) as best, count(value) as n, count(*) - count(value) as unscored, "
        columns += "bool_and(value = 1) as kept"
        query = f"select example_id, {columns} from {_headline(table['scores'])} group by example_id"
    elif "responses" in kinds:
        query = f"select example_id, count(*) as n from {table['responses']} group by example_id"
    elif "spans" in kinds:
        labels = dict.fromkeys(label for scheme in SCHEMES.values() for label in scheme.labels)
        covered = "list_sum(list_transform({}, lambda s: s.end - s.start))"
        shares = ", ".join(
            f"sum({covered.format(f'list_filter(spans, lambda s: s.label = {label!r})')}) / "
            f"nullif(sum({covered.format('spans')}), 0) as {label}"
            for label in labels
        )
        owner = "substr(text_id, 1, length(text_id) - strpos(reverse(text_id), '#'))"
        query = f"select {owner} as example_id, sum(len(spans)) as n, {shares} from {table['spans']} group by 1"
    else:
        raise UsageError(f"a view cannot ask step '{step}': it has {', '.join(kinds)}, not scores, responses or spans")
    return f'left join ({query}) as "{step}" on "{step}".example_id = examples.id'


def _headline(scores: str) -> str:
    """The scores that a step's own numbers are made of: `correct` where it has any, for whether an answer keeps to its
    format must not raise a pass rate; otherwise all but controls, which stand beside what they control.
    """
    main = f"name = '{CORRECT}' or '{CORRECT}' not in (select name from {scores}) and not ends_with(name, '_control')"
    return f"(select * from {scores} where {main})"


def _text(ws: Workspace, spec: ViewSpec) -> tuple[str, str]:
    """The SQL of the chosen text's address, and the join that chooses it."""
    choice = spec.text
    if choice.from_ == "response":
        if choice.pick != "all" or choice.by:
            raise UsageError("a view's own text is one an example: 'pick' and 'by' go with the texts of a step")
        return "(case when at_example.has_response then examples.id || '#response' end)", ""
    kinds = ws.layers()[choice.from_]
    responses = f'"{table_name(choice.from_, "responses", kinds)}"'
    rank = "sample"
    ranked = f"select example_id, text_id, sample from {responses}"
    if choice.pick in ("best", "worst"):
        by = choice.by or choice.from_
        if "scores" not in ws.layers().get(by, []):
            raise UsageError(f"picking the {choice.pick} of '{choice.from_}' needs scores: name their step with 'by'")
        scores = f'"{table_name(by, "scores", ws.layers()[by])}"'
        ranked = (
            f"select r.example_id, r.text_id, r.sample, avg(s.value) as value from {responses} r "
            f"left join {_headline(scores)} s on s.text_id = r.text_id group by all"
        )
        rank = f"value {'desc' if choice.pick == 'best' else 'asc'} nulls last, sample"
    chosen = f"select *, row_number() over (partition by example_id order by {rank}) as place from ({ranked})"
    only = "" if choice.pick == "all" else "and texts.place = 1"
    return "texts.text_id", f"join ({chosen}) as texts on texts.example_id = examples.id {only}"


def _split(ws: Workspace, spec: ViewSpec) -> str:
    """The SQL of a row's split: its source's, a draw by group, or what a split step says."""
    if isinstance(spec.splits, dict):
        return _fractions(spec.splits, spec.seed)
    if spec.splits == "source":
        return "examples.source.split"
    if spec.splits not in steps_that(ws, "split"):
        raise UsageError(f"there is no split step '{spec.splits}'; make one with: perceptdata curate split")
    table = table_name(spec.splits, "scores", ws.layers()[spec.splits])
    return f"(select any_value(meta->>'split') from \"{table}\" where example_id = examples.id)"


def steps_that(ws: Workspace, do: str) -> list[str]:
    """The steps of a workspace that do this and have scores."""
    return [
        name for name, kinds in ws.layers().items() if "scores" in kinds and ws.manifest.steps[name].current.do == do
    ]


def difficulty_step(ws: Workspace, order: str) -> str | None:
    """The step that `order: difficulty` means; None where the order does not ask for it.

    Raises UsageError where there is none, or where it could be one of several.
    """
    if not re.search(r"(?<![\w.])difficulty(?![\w.])", order, re.IGNORECASE):
        return None
    found = steps_that(ws, "difficulty")
    if not found:
        raise UsageError("order 'difficulty' needs pass rates; measure them with: perceptdata curate difficulty")
    if len(found) > 1:
        raise UsageError(f"order 'difficulty' could be by {' or '.join(found)}; say which: order: {found[0]}.rate desc")
    return found[0]


def _fractions(shares: dict[str, float], seed: int) -> str:
    """A split by group: the group's hash as a number in [0, 1) against the shares' running sum."""
    total, below, cases = sum(shares.values()), 0.0, []
    number = f"(('0x' || substr(md5('{seed}' || ' ' || examples.\"group\"), 1, 8))::ubigint / 4294967296.0)"
    for name, share in shares.items():
        if not re.fullmatch(r"\w+", name):
            raise UsageError(f"'{name}' cannot name a split; use letters, digits and _")
        below += share / total
        cases.append(f"when {number} < {below!r} then '{name}'")
    return f"(case {' '.join(cases)} else '{list(shares)[-1]}' end)"


def _order_terms(ws: Workspace, spec: ViewSpec) -> list[str]:
    """The terms of the order. Difficulty goes from easy to hard, and among equals by the seeded draw."""
    hard = difficulty_step(ws, spec.order)
    words = {
        "id": "examples.id",
        "capability": f"list_position({list(CAPABILITY)}, examples.stage)",
        "random": "draw",
        "group": 'examples."group"',
    }
    drawn = [] if hard is None or "random" in spec.order else ["draw"]
    terms = []
    for term in re.split(r"\s*[+,]\s*", spec.order.strip()):
        match = ORDER_TERM.fullmatch(term)
        if not match:
            raise UsageError(f"order '{term}' is not id, capability, random, or a column like pass.rate desc")
        column, direction = match.groups()
        if column.lower() == "difficulty" and hard is not None:
            terms.append(f'"{hard}".rate {"asc" if (direction or "").lower() == "desc" else "desc"} nulls last')
            continue
        named = ".".join(f'"{part}"' for part in column.split("."))
        terms.append(f"{words.get(column, named)} {direction or 'asc'} nulls last")
    return [*terms, *drawn]


def _check_groups(rows: pa.Table, name: str) -> None:
    if pc.count_distinct(rows.column("split")).as_py() < 2:
        return
    pairs = rows.select(["group", "split"]).group_by(["group", "split"]).aggregate([])
    counts = pairs.group_by("group").aggregate([("split", "count")])
    torn = counts.filter(pc.greater(counts.column("split_count"), 1))
    if torn.num_rows:
        raise UsageError(
            f"view '{name}': {torn.num_rows} groups stand in more than one split, "
            f"'{torn.column('group')[0].as_py()}' for one; choose rows with 'where', or let groups decide with "
            "splits: {train: 0.9, test: 0.1}"
        )


def _mix(rows: pa.Table, spec: ViewSpec, name: str) -> np.ndarray:
    """Which rows stay so that the shares hold.

    A mask. Whole numbers by largest remainder; rows by their seeded draw.
    """
    shares = spec.mix or {}
    column = "stage" if set(shares) <= set(STAGES) else "source_name"
    keys = np.asarray(rows.column(column).to_pylist(), object) if shares else np.full(rows.num_rows, "all", object)
    shares = shares or {"all": 1.0}
    total = sum(shares.values())
    have = {key: int((keys == key).sum()) for key in shares}
    if missing := [key for key, count in have.items() if not count]:
        of = column.removesuffix("_name")
        raise UsageError(f"view '{name}': the mixture asks for '{missing[0]}', and no chosen row has that {of}")
    most = int(min(have[key] * total / share for key, share in shares.items()) + 1e-9)
    size = spec.size or most
    if size > most:
        raise UsageError(f"view '{name}': {size} rows in these shares are not there; at most {most} are")
    exact = {key: size * share / total for key, share in shares.items()}
    take = {key: int(count) for key, count in exact.items()}
    for key in sorted(exact, key=lambda key: (take[key] - exact[key], key))[: size - sum(take.values())]:
        take[key] = min(take[key] + 1, have[key])
    draw: Any = np.asarray(rows.column("draw").to_pylist(), object)
    stay = np.zeros(rows.num_rows, bool)
    for key, count in take.items():
        at = np.flatnonzero(keys == key)
        stay[at[np.argsort(draw[at], kind="stable")[:count]]] = True
    return stay
