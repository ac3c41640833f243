"""The base of every record: one pydantic model is the Python type, the Arrow schema and the JSON Schema.

    class Score(Record):
        example_id: str
        value: float | None = None

    Score.arrow_schema()      # pa.schema([("example_id", string not null), ("value", double)])
    Score(example_id="a").to_row()

Records are frozen and refuse unknown fields. Free-form fields are `Json`: a dict in Python, one JSON string on disk,
so that a column's type never depends on what happened to be in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import accumulate, chain
from operator import attrgetter
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, Self, Union, get_args, get_origin

import pyarrow as pa
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces.

    Equal values give equal bytes. ValueError for NaN, which JSON does not have.
    """
    return _CANONICAL.encode(value)


def _load_json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


Json = Annotated[
    dict[str, Any],
    BeforeValidator(_load_json),
    PlainSerializer(canonical_json, return_type=str),
    pa.string(),
]
Int32 = Annotated[int, pa.int32()]
Float32 = Annotated[float, pa.float32()]

_SCALARS: dict[Any, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
}


def _arrow_field(name: str, annotation: Any, metadata: Iterable[Any] = ()) -> pa.Field:
    """The Arrow field of one annotation; `X | None` is nullable, everything else is not."""
    nullable = False
    given = [item for item in metadata if isinstance(item, pa.DataType)]
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *extra = get_args(annotation)
            given += [item for item in extra if isinstance(item, pa.DataType)]
        elif origin in (Union, UnionType):
            kinds = [arg for arg in get_args(annotation) if arg is not type(None)]
            if len(kinds) != 1:
                raise TypeError(f"{name}: {annotation} has no single Arrow type")
            annotation, nullable = kinds[0], True
        else:
            break
    return pa.field(name, given[0] if given else _arrow_type(name, annotation), nullable=nullable)


def _arrow_type(name: str, annotation: Any) -> pa.DataType:
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return pa.string()
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        return pa.list_(_arrow_field("item", args[0]))
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return pa.struct(list(annotation.arrow_schema()))
    raise TypeError(f"{name}: {annotation} has no Arrow type; use Json for free-form values")


class Record(BaseModel):
    """A frozen row. Subclasses set `schema_version`, raised whenever a field changes meaning."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    schema_version: ClassVar[int] = 1

    @classmethod
    @cache
    def arrow_schema(cls) -> pa.Schema:
        """The Arrow schema, in field order."""
        return pa.schema(
            [_arrow_field(name, field.annotation, field.metadata) for name, field in cls.model_fields.items()]
        )

    def to_row(self) -> dict[str, Any]:
        """A dict that `pyarrow` takes with `arrow_schema()`."""
        return self.model_dump()

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Self:
        """The record of one Arrow row (`table.to_pylist()` or the like)."""
        return cls.model_validate(row)

    @classmethod
    def table(cls, records: Iterable[Record]) -> pa.Table:
        """Records as one Arrow table: what `to_row` gives of each, made a column at a time (several times faster)."""
        schema, rows = cls.arrow_schema(), list(records)
        return pa.Table.from_arrays([column(each(rows, field.name), field.type) for field in schema], schema=schema)


def each(rows: Sequence[Any], name: str) -> list[Any]:
    """One attribute of every row."""
    return list(map(attrgetter(name), rows))


def column(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Values of one field as Arrow: records become structs, tuples lists, and the dicts of `Json` fields their text."""
    if not pa.types.is_nested(kind):
        some = next((value for value in values if value is not None), None)
        if isinstance(some, dict):
            values = [None if value is None else canonical_json(value) for value in values]
        return pa.array(values, kind)
    missing = [value is None for value in values]
    if all(missing):
        return pa.array(values, kind)
    mask = None
    if any(missing):  # something valid stands under a null, since the null's own fields may not be null
        mask, some = pa.array(missing), values[missing.index(False)]
        values = [some if value is None else value for value in values]
    if pa.types.is_struct(kind):
        fields = list(kind)
        return pa.StructArray.from_arrays(
            [column(each(values, f.name), f.type) for f in fields], fields=fields, mask=mask
        )
    offsets = pa.array(accumulate(map(len, values), initial=0), pa.int32())
    items = column(list(chain.from_iterable(values)), kind.value_type)
    return pa.ListArray.from_arrays(offsets, items, type=kind, mask=mask)
