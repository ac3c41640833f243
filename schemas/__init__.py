"""The published contract: one JSON Schema a record type, generated from the models by `python -m perceptdata.schemas`.

A schema describes a record as it is stored, one row of a Parquet file: every field is present, a field without a value
is null, and a free-form field is one string of JSON. `x-version` is the record's `schema_version`.

    text(Example)            # what example.schema.json says
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from perceptdata.example import Example
from perceptdata.layers import LAYERS, Reject
from perceptdata.records import Record
from perceptdata.verification.calibration import Calibration
from perceptdata.verification.certificate import Certificate, Refusal

FOLDER = Path(__file__).parent
RECORDS: tuple[type[Record], ...] = (Example, *LAYERS.values(), Reject)
DOCUMENTS: tuple[type[Record], ...] = (Certificate, Refusal, Calibration)
"""JSON files of their own, not rows."""


class _Stored(GenerateJsonSchema):
    """Rows as stored: all fields are there, so none has a default; and no titles that only repeat a field's name."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        return True

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema(record: type[Record]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one record type."""
    body = record.model_json_schema(mode="serialization", schema_generator=_Stored)
    return {"$schema": _Stored.schema_dialect, "x-version": record.schema_version, **body}


def text(record: type[Record]) -> str:
    """The schema as its file holds it."""
    return json.dumps(schema(record), indent=2, ensure_ascii=False) + "\n"


def file_name(record: type[Record]) -> str:
    """`TokenScores` is in `token_scores.schema.json`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", record.__name__).lower() + ".schema.json"


def differing(folder: Path = FOLDER) -> list[str]:
    """The files in `folder` that are missing, out of date, or belong to no record."""
    wanted = {file_name(record): text(record) for record in (*RECORDS, *DOCUMENTS)}
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.schema.json")}
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def write(folder: Path = FOLDER) -> list[str]:
    """Make `folder` agree with the models; the names of the files that changed or went."""
    changed = differing(folder)
    wanted = {file_name(record): record for record in (*RECORDS, *DOCUMENTS)}
    for name in changed:
        if name in wanted:
            (folder / name).write_text(text(wanted[name]), encoding="utf-8")
        else:
            (folder / name).unlink()
    return changed
