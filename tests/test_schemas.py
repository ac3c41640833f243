"""The published schemas say what the models say, and somebody else's validator agrees with them about stored rows."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from perceptdata.example import Answer, CheckerRef, Example, Image, Region, Source, Turn
from perceptdata.layers import (
    Caption,
    Producer,
    Reject,
    Response,
    Review,
    Score,
    SpanRecord,
    Spans,
    TokenScores,
    Verdict,
    text_sha256,
)
from perceptdata.records import Record
from perceptdata.schemas import DOCUMENTS, FOLDER, RECORDS, differing, file_name, schema, write

HASH = text_sha256("AB = 5")
MAKER = Producer(name="cues", version="1", config="0a1b2c3d")
SPAN = SpanRecord(start=0, end=6, label="perception", score=0.5, tagger="cues")
FULL_EXAMPLE = Example(
    id="geometry3k/test/11",
    stage="visual_reasoning",
    group="geometry3k/11",
    images=(Image(sha256=HASH, width=3, height=2),),
    question="<image>Find x.",
    choices=("5", "7"),
    answer=Answer(text="7", kind="choice", index=1, tolerance=0.1, checker=CheckerRef(name="family", args={"k": [1]})),
    facts="AB = 5",
    facts_quality="reference",
    regions=(Region(label="A", coords=(1.0, 1.5)),),
    history=(Turn(role="user", text="Hello."),),
    source=Source(builder="geometry3k", version="1", corpus="Geometry3K", split="test", key="11", licence="MIT"),
    meta={"angle": "90°", "nested": {"b": 1, "a": None}},
)
RECORDS_IN_USE: tuple[Record, ...] = (
    FULL_EXAMPLE,
    FULL_EXAMPLE.model_copy(update={"facts": None, "facts_quality": None, "regions": (), "meta": {}}),
    Response(text_id="e#cot/0", example_id="e", sample=0, text="AB = 5", text_sha256=HASH, cost=0.25, producer=MAKER),
    Caption(text_id="img:f#caps/0", image="f", sample=0, text="AB = 5", text_sha256=HASH, producer=MAKER),
    Spans(text_id="e#facts", text_sha256=HASH, scheme="pro@1", segmenter="1", spans=(SPAN,), producer=MAKER),
    Verdict(text_id="e#facts", text_sha256=HASH, claim=0, start=0, end=6, verdict="supported", producer=MAKER),
    Review(text_id="e#facts", text_sha256=HASH, reviewer="r1", scheme="pro@1", spans=(SPAN,), producer=MAKER),
    TokenScores(
        text_id="e#facts",
        text_sha256=HASH,
        tokenizer="t",
        name="tvd",
        values=(0.5, 0.25),
        start=(0, 4),
        end=(4, 9),
        producer=MAKER,
    ),
    Score(example_id="e", name="pass", unscored="no sample was read", meta={"n": 8}, producer=MAKER),
    Reject(builder="nlvr", split="dev", key="7", code="image.missing", message="no 7.png", producer=MAKER),
)


def stored(record: Record) -> dict[str, Any]:
    """The record as it comes back from its Arrow table."""
    return type(record).table([record]).to_pylist()[0]


def validator(record: type[Record]) -> Draft202012Validator:
    """A validator of the schema as committed, not as generated now."""
    return Draft202012Validator(json.loads((FOLDER / file_name(record)).read_text(encoding="utf-8")))


def test_the_committed_files_are_what_the_models_say() -> None:
    assert differing() == [], "run `make schemas` and commit what it writes"


def test_every_record_type_is_tried_below() -> None:
    assert {type(record) for record in RECORDS_IN_USE} == set(RECORDS)


@pytest.mark.parametrize("record", [*RECORDS, *DOCUMENTS], ids=file_name)
def test_a_schema_is_itself_valid_and_carries_its_version(record: type[Record]) -> None:
    body = schema(record)
    Draft202012Validator.check_schema(body)
    assert body["x-version"] == record.schema_version
    assert body["title"] == record.__name__
    assert "$id" not in body
    assert body["additionalProperties"] is False


@pytest.mark.parametrize("record", RECORDS_IN_USE, ids=lambda record: type(record).__name__)
def test_stored_rows_are_valid(record: Record) -> None:
    validator(type(record)).validate(stored(record))


@pytest.mark.parametrize("record", RECORDS_IN_USE, ids=lambda record: type(record).__name__)
def test_a_field_too_many_or_too_few_is_refused(record: Record) -> None:
    row = stored(record)
    with pytest.raises(ValidationError, match="Additional properties"):
        validator(type(record)).validate({**row, "colour": "red"})
    for name in row:
        with pytest.raises(ValidationError, match="required"):
            validator(type(record)).validate({key: value for key, value in row.items() if key != name})


def test_free_form_fields_are_strings_of_json() -> None:
    row = stored(FULL_EXAMPLE)
    assert row["meta"] == '{"angle":"90°","nested":{"a":null,"b":1}}'
    with pytest.raises(ValidationError, match="is not of type 'string'"):
        validator(Example).validate({**row, "meta": {"angle": "90°"}})


def test_values_outside_a_closed_list_are_refused() -> None:
    with pytest.raises(ValidationError, match="'reasoning' is not one of"):
        validator(Example).validate({**stored(FULL_EXAMPLE), "stage": "reasoning"})


def test_write_repairs_a_folder_and_says_what_it_changed(tmp_path: Path) -> None:
    assert len(write(tmp_path)) == len((*RECORDS, *DOCUMENTS))
    (tmp_path / "score.schema.json").write_text("{}")
    (tmp_path / "verdict.schema.json").unlink()
    (tmp_path / "vote.schema.json").write_text("{}")
    wrong = ["score.schema.json", "verdict.schema.json", "vote.schema.json"]
    assert differing(tmp_path) == wrong
    assert write(tmp_path) == wrong
    assert differing(tmp_path) == []
    assert {path.name for path in tmp_path.iterdir()} == {file_name(record) for record in (*RECORDS, *DOCUMENTS)}


def test_file_names_are_the_record_names() -> None:
    assert file_name(TokenScores) == "token_scores.schema.json"
    assert file_name(Example) == "example.schema.json"


def test_the_command_checks() -> None:
    done = subprocess.run([sys.executable, "-m", "perceptdata.schemas", "--check"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
