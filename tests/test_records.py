"""Records: every record survives Arrow and Parquet unchanged, and refuses what it does not know."""

from __future__ import annotations

import io
import json
import math
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from perceptdata.example import IMAGE, Answer, Example, Image, Region, Source, Turn
from perceptdata.layers import LAYERS, Reject, Score
from perceptdata.records import Float32, Int32, Json, Record, canonical_json

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
SCALAR = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
)
JSON = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=5
)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    bool: st.booleans(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    type(None): st.none(),
}
RECORDS = [Example, Reject, *LAYERS.values()]


def values(annotation: Any, metadata: list[Any] | None = None) -> st.SearchStrategy[Any]:
    """Any value of a field's type."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return values(args[0], list(args[1:]))
    if metadata and any(item == pa.int32() for item in metadata):
        return st.integers(-(2**31), 2**31 - 1)
    if metadata and any(item == pa.float32() for item in metadata):
        return st.floats(allow_nan=False, width=32)
    if origin in (Union, UnionType):
        return st.one_of(*map(values, args))
    if origin is Literal:
        return st.sampled_from(args)
    if origin is tuple:
        return st.lists(values(args[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(TEXT, JSON, max_size=3)
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return examples() if annotation is Example else records(annotation)
    return PLAIN[annotation]


def records(kind: type[Record]) -> st.SearchStrategy[Any]:
    return st.builds(kind, **{name: values(f.annotation, f.metadata) for name, f in kind.model_fields.items()})


@st.composite
def examples(draw: st.DrawFn) -> Example:
    fields = {
        n: draw(values(f.annotation, f.metadata)) for n, f in Example.model_fields.items() if n not in ("question",)
    }
    fields["id"], fields["group"] = "i" + fields["id"], "g" + fields["group"]
    fields["history"] = tuple(turn for turn in fields["history"] if IMAGE not in turn.text)
    fields["answer"] = fields["answer"].model_copy(
        update={"index": len(fields["choices"]) - 1 if fields["choices"] else None}
    )
    return Example(**fields, question=IMAGE * len(fields["images"]) + "q" + draw(TEXT))


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_a_record_survives_parquet(kind: type[Record], data: st.DataObject) -> None:
    made = data.draw(st.lists(values(kind), min_size=1, max_size=3))
    table = kind.table(made)
    assert table.schema == kind.arrow_schema()
    file = io.BytesIO()
    pq.write_table(table, file)
    back = pq.read_table(file)
    assert back.schema.equals(kind.arrow_schema())
    assert [kind.from_row(row) for row in back.to_pylist()] == made


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_an_empty_table_has_the_whole_schema(kind: type[Record]) -> None:
    assert kind.table([]).schema == kind.arrow_schema()
    assert kind.table([]).num_rows == 0


@pytest.mark.parametrize("kind", [*RECORDS, Answer, Image, Region, Source, Turn], ids=lambda kind: kind.__name__)
def test_unknown_fields_are_refused(kind: type[Record]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        kind.model_validate({"surprise": 1})


def test_records_are_frozen() -> None:
    answer = Answer(text="13")
    with pytest.raises(ValidationError, match="frozen"):
        setattr(answer, "text", "14")  # noqa: B010  assignment is what is tested


class Inner(Record):
    x: Int32
    y: Float32 | None = None


class Outer(Record):
    """One field of every kind."""

    name: str
    flag: bool
    count: int
    value: float | None
    choice: Literal["a", "b"]
    small: Int32 | None = None
    inner: Inner
    maybe: Inner | None = None
    many: tuple[Inner, ...] = ()
    words: tuple[str, ...] = ()
    free: Json


def test_the_arrow_schema_of_every_kind_of_field() -> None:
    inner = pa.struct([pa.field("x", pa.int32(), nullable=False), pa.field("y", pa.float32())])
    assert Outer.arrow_schema() == pa.schema(
        [
            pa.field("name", pa.string(), nullable=False),
            pa.field("flag", pa.bool_(), nullable=False),
            pa.field("count", pa.int64(), nullable=False),
            pa.field("value", pa.float64()),
            pa.field("choice", pa.string(), nullable=False),
            pa.field("small", pa.int32()),
            pa.field("inner", inner, nullable=False),
            pa.field("maybe", inner),
            pa.field("many", pa.list_(pa.field("item", inner, nullable=False)), nullable=False),
            pa.field("words", pa.list_(pa.field("item", pa.string(), nullable=False)), nullable=False),
            pa.field("free", pa.string(), nullable=False),
        ]
    )


@pytest.mark.parametrize("annotation", [dict[str, int], list[int], int | str, Any, set[str]])
def test_a_type_without_one_arrow_type_is_refused(annotation: Any) -> None:
    wrong = type("Wrong", (Record,), {"__annotations__": {"field": annotation}, "__module__": __name__})
    with pytest.raises(TypeError, match=r"field: .* has no (single )?Arrow type"):
        wrong.arrow_schema()


def test_free_form_fields_are_one_canonical_json_string() -> None:
    row = Score(example_id="e", name="n", meta={"b": [1, None], "a": "é"}, producer=PRODUCER).to_row()
    assert row["meta"] == '{"a":"é","b":[1,null]}'
    assert Score.from_row(row).meta == {"a": "é", "b": [1, None]}


PRODUCER = {"name": "p", "version": "1", "config": "00000000"}


@given(st.dictionaries(TEXT, JSON, max_size=4))
def test_canonical_json_depends_on_the_value_alone(value: dict[str, Any]) -> None:
    shuffled = dict(reversed(value.items()))
    assert canonical_json(shuffled) == canonical_json(value)
    assert json.loads(canonical_json(value)) == value


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_canonical_json_has_no_nan(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"a": [number]})
