"""Results as a folder: `items.parquet`, one row an answer, and `results.json`, where they come from.

    write(Path("base"), rows, {"tool": "vlmevalkit", …}, notes)
    Stored.open(Path("base")).table

Rows have the columns of `results` and four texts: `question`, `answer`, `said` and `extracted`. Only the narrow columns
are read to compare; texts are read for the items that are shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from perceptdata.comparison.results import SCHEMA, Results, Shown
from perceptdata.errors import UsageError
from perceptdata.manifest import disk_error, write_atomically

ITEMS, ABOUT = "items.parquet", "results.json"
TEXTS = ("question", "answer", "said", "extracted")
WIDE = pa.schema([*SCHEMA, *((name, pa.string()) for name in TEXTS)])
PICTURES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class Stored(Results):
    """Results that lie in `folder`. Pictures are sought as `<images>/<benchmark>/<item>.jpg`, where VLMEvalKit keeps
    those of its benchmarks (`LMUData/images`).
    """

    folder: Path = Path()
    images: Path | None = None

    @classmethod
    def open(cls, folder: Path, name: str | None = None, images: Path | None = None) -> Stored:
        """Raises UsageError for a folder that holds no results."""
        try:
            about = json.loads((folder / ABOUT).read_text("utf-8"))
            table = pq.read_table(folder / ITEMS, columns=SCHEMA.names)
        except (OSError, ValueError, pa.ArrowInvalid) as error:
            raise UsageError(
                f"{folder} holds no results ({error}); make them with: perceptdata eval import FOLDER --to {folder}"
            ) from error
        notes = tuple(about.pop("notes", ()))
        return cls(name or str(about.get("name") or folder.name), table, notes, about, folder, images)

    def show(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Shown]:
        """The texts of these items, and their pictures where a folder of them is known."""
        import pyarrow.dataset as ds  # brings pandas along where that is installed

        wanted = set(keys)
        if not wanted:
            return {}
        items = ds.dataset(self.folder / ITEMS, format="parquet")
        chosen = ds.field("item").isin(sorted({item for _, item in wanted}))
        found: dict[tuple[str, str], Shown] = {}
        rows = items.to_table([*SCHEMA.names[:3], *TEXTS[:3]], filter=chosen).to_pylist()
        for row in sorted(rows, key=lambda row: row["sample"]):
            key = row["benchmark"], row["item"]
            if key in wanted and key not in found:
                found[key] = Shown(row["question"] or "", row["answer"] or "", row["said"] or "", self._pictures(key))
        return found

    def _pictures(self, key: tuple[str, str]) -> tuple[bytes, ...]:
        if self.images is None:
            return ()
        root = self.images.resolve()
        for suffix in PICTURES:
            path = (root / key[0] / f"{key[1]}{suffix}").resolve()
            # Keys are a stranger's: they may not lead out of the folder.
            if path.is_relative_to(root) and path.is_file():
                return (path.read_bytes(),)
        return ()


def write(folder: Path, rows: Iterable[Mapping[str, Any]] | pa.Table, about: Mapping[str, Any]) -> Stored:
    """Leave a folder of results and open it. `about` names them (`name`) and may hold `notes`."""
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist([dict(row) for row in rows], schema=WIDE)
    # The narrow columns are checked before anything is written.
    Stored(str(about["name"]), table, folder=folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder / f".{ITEMS}.part"
        pq.write_table(table.select(WIDE.names), beside, compression="zstd")
        beside.replace(folder / ITEMS)
    except OSError as error:
        raise disk_error(error, folder) from error
    write_atomically(folder / ABOUT, json.dumps(dict(about), ensure_ascii=False, indent=1, default=str).encode())
    return Stored.open(folder)
