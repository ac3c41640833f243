"""Pictures for shape fixtures: drawn here, never taken from a corpus."""

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw


def png(text: str, width: int = 64, height: int = 48) -> bytes:
    """A small picture that shows a text; other texts make other pictures."""
    picture = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(picture).text((2, 2), text, fill="black")
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()


def jpeg(text: str, width: int = 64, height: int = 48) -> bytes:
    """The same as a JPEG file."""
    data = io.BytesIO()
    Image.open(io.BytesIO(png(text, width, height))).save(data, "JPEG")
    return data.getvalue()


def put(file: Path, data: bytes) -> Path:
    """A file with its folders."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return file


def put_json(file: Path, value: Any) -> Path:
    """A JSON file; JSON lines where it is called so."""
    lines = file.suffix in (".jsonl", ".jsonlines")
    text = "".join(json.dumps(row) + "\n" for row in value) if lines else json.dumps(value)
    return put(file, text.encode())


def put_parquet(file: Path, rows: list[dict[str, Any]], row_group_size: int = 2) -> Path:
    """A Parquet file as the hub keeps one, in small row groups."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=row_group_size)
    return file


def shown(text: str) -> dict[str, Any]:
    """A picture as the hub's Image feature holds it."""
    return {"bytes": png(text), "path": None}
