"""The shape of an export to a trainer: rows in, files out, and a plain word on what the format cannot carry.

    class Mine(TrainerExport):
        def row(self, row): return {"prompt": row.asked, "completion": row.response}

One method makes a row. Streaming by batches of the view, images, counting, refusing, swapping in and the README are
here. A row that does not fit is left out with its reason in `skipped.jsonl`; none is exported silently wrong.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pyarrow as pa
from pydantic import BeforeValidator, Field, PrivateAttr

from perceptdata import registry
from perceptdata.errors import Rejected, UsageError
from perceptdata.formats import Format
from perceptdata.plugins import Exporter, Planned
from perceptdata.publishing.exports import beside
from perceptdata.publishing.exports.folder import Folder
from perceptdata.publishing.exports.pictures import Pictures, Shape
from perceptdata.publishing.exports.rows import Refused, Row, read
from perceptdata.publishing.exports.tally import Tally, say_bytes
from perceptdata.publishing.exports.writers import JsonLines, ParquetRows, Writer
from perceptdata.view import View

SKIPPED, README = "skipped.jsonl", "README.md"
_FORMAT = re.compile(r"^(FORMAT: dict\[str, Any\] = ).*$", re.MULTILINE)
Made = dict[str, Any] | Refused


def _named(value: Any) -> Any:
    return {"use": value} if isinstance(value, str) else value


class TrainerExport(Exporter):
    """`format` is how the prompt asks for its answer. `images`: by `path`, each written once, or `bytes` in each row.

    `root` is where the folder will stand when it is trained on, where that is not where it is written.
    """

    format: Annotated[dict[str, Any], BeforeValidator(_named)] = Field(default_factory=lambda: {"use": "think_boxed"})
    images: Literal["path", "bytes"] = "path"
    root: str | None = None
    _unlike: Counter[str] = PrivateAttr(default_factory=Counter)

    title: ClassVar[str]
    markers: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def row(self, row: Row) -> dict[str, Any]:
        """One row as the trainer reads it, its images apart. Raises Rejected for one that the format cannot hold."""

    @property
    @abstractmethod
    def shape(self) -> Shape:
        """How the files hold rows and images."""

    @property
    def learns(self) -> bool:
        """Whether responses are learned from, so that they should do what their prompts ask for."""
        return False

    @property
    @abstractmethod
    def launch(self) -> str:
        """How to train on it, as Markdown; `{train}`, `{val}`, `{name}` and `{use}` are filled in."""

    @property
    def copied(self) -> tuple[str, ...]:
        """Which files of `beside` go with it."""
        return ()

    def columns(self, view: View) -> list[tuple[str, pa.DataType]]:
        """The columns of parquet, images apart."""
        raise UsageError(f"{self.name} is JSON lines, which hold no bytes; export with images=path")

    def lost(self, view: View, form: Format) -> list[str]:
        """What this format does not carry of this view, a sentence each."""
        return []

    def prepare(self, view: View, form: Format) -> None:
        """Read what the rows need, and refuse what cannot be exported at all, before the first row."""
        return None

    def extra(self, view: View, tally: Tally) -> dict[str, str]:
        """The text of more files, by name."""
        return {}

    def made(self, view: View, split: str, form: Format, pictures: Pictures) -> Iterator[list[Made]]:
        """The rows of a split, a batch at a time."""
        for table in view.batches(images=False, split=split):
            rows = read(table, form, self.markers, self.learns)
            yield from pictures.portions(self.finish(row, form, pictures) for row in rows)

    def finish(self, row: Row | Refused, form: Format, pictures: Pictures) -> Made:
        """The row with its images; the images of a row that is left out are not written."""
        if isinstance(row, Refused):
            return row
        try:
            made = self.row(row)
        except Rejected as error:
            return Refused(row.id, row.text_id, error.code, error.message)
        if self.learns and row.response and (reason := form.parse(row.response).reason):
            self._unlike[reason] += 1
        return {**made, self.shape.key: pictures.of(row.images)}

    def plan(self, view: View) -> Planned:
        """What `export` would write: every row is made, and none is kept."""
        tally = self._run(view, None, "")
        return Planned(tally.rows, tally.said(), tally.to_json())

    def export(self, view: View, to: Path) -> list[Path]:
        """Write the view under `to`. An earlier export is replaced; a folder with other files in it is refused."""
        prefix = ""
        if self.root is not None:
            prefix = f"{self.root.rstrip('/')}/"
        elif self.shape.absolute:
            prefix = f"{to.resolve().as_posix()}/"
        with Folder.open(to) as folder:
            tally = self._run(view, folder, prefix)
            texts = {README: self._readme(view, tally), **self.extra(view, tally), **self._copies()}
            for name, text in texts.items():
                (folder.fresh / name).write_text(text, encoding="utf-8")
            record = {
                "export": self.name,
                "options": self.options(),
                "view": view.name,
                "definition": view.spec.definition(),
                "fingerprint": view.fingerprint,
            }
            return folder.commit({**record, **tally.to_json()})

    def _run(self, view: View, folder: Folder | None, prefix: str) -> Tally:
        form = self._form()
        embed = self.images == "bytes"
        schema = None if self.shape.suffix(embed) == ".jsonl" else self.shape.schema(self.columns(view), embed)
        self.prepare(view, form)
        self._unlike.clear()
        tally = Tally(notes=self.lost(view, form))
        if form.prefill and not self.learns:
            tally.notes.append(
                f"format {form.name} opens the response with {form.prefill}, which a trainer does not do by itself; "
                "rewards read responses with it and without"
            )
        pictures = Pictures(view, self.shape, embed, prefix, folder)
        for split, name in split_names(view, self.shape.suffix(embed)).items():
            with ExitStack() as stack:
                rows = _Rows(folder, name, schema, stack)
                for batch in self.made(view, split, form, pictures):
                    for each in batch:
                        if isinstance(each, Refused):
                            tally.skip(each)
                    rows.write(batch)
                    tally.add(name, sum(not isinstance(each, Refused) for each in batch))
        tally.images, tally.bytes = pictures.count, pictures.size
        if not tally.rows:
            why = "; ".join(tally.left_out()) or "it has no rows"
            raise UsageError(f"nothing of view '{view.name}' can be exported: {why}")
        if self._unlike:
            said = ", ".join(f"{reason} {count:,}" for reason, count in self._unlike.most_common())
            tally.notes.append(
                f"{self._unlike.total():,} responses do not keep to {form.name}, which their prompts ask for ({said}): "
                "export with the format that they are written in, `perceptdata list formats` shows them"
            )
        if embed:
            tally.notes.append(
                f"{say_bytes(tally.bytes)} of image bytes stand inside the rows, each image as often as it is shown; "
                "trainers that hold rows in memory pay for them once a process: images=path writes each once"
            )
        return tally

    def _form(self) -> Format:
        options = dict(self.format)
        if "use" not in options:
            raise UsageError("a format is named with 'use': {use: think_boxed}; `perceptdata list formats` shows them")
        made: Format = registry.make("formats", str(options.pop("use")), options)
        return made

    def _copies(self) -> dict[str, str]:
        """The files of ours that go with it, the reward with this export's format."""
        texts = {name: (Path(beside.__file__).parent / name).read_text(encoding="utf-8") for name in self.copied}
        return {name: _FORMAT.sub(lambda line: f"{line[1]}{self.format!r}", text) for name, text in texts.items()}

    def _readme(self, view: View, tally: Tally) -> str:
        train = tally.train
        others = [name for name in tally.files if name != train] or [train]
        val = next((name for name in others if name.startswith(("val", "dev", "test"))), others[0])
        names = {"{train}": train, "{val}": val, "{name}": view.name, "{use}": str(self.format["use"])}
        launch = re.sub("|".join(map(re.escape, names)), lambda found: names[found[0]], self.launch)
        return (
            f"# {self.title}\n\nView `{view.name}`: {tally.rows:,} rows, {tally.images:,} images, "
            f"{say_bytes(tally.bytes)}.\n\n| file | rows |\n|---|---|\n"
            + "".join(f"| `{name}` | {rows:,} |\n" for name, rows in tally.files.items())
            + f"\n{launch.strip()}\n\n## What is not here\n\n"
            + "".join(f"- {note}\n" for note in tally.said() or ["nothing is left out"])
        )


class _Rows:
    """The files of one split: its rows, and `skipped.jsonl` for all splits; made with the first row that needs them."""

    def __init__(self, folder: Folder | None, name: str, schema: pa.Schema | None, stack: ExitStack) -> None:
        self.folder, self.name, self.schema, self.stack = folder, name, schema, stack
        self._rows: Writer | None = None
        self._skipped: Writer | None = None

    def write(self, batch: list[Made]) -> None:
        if self.folder is None:
            return
        refused = [each for each in batch if isinstance(each, Refused)]
        rows = [each for each in batch if not isinstance(each, Refused)]
        if refused:
            self._skipped = self._skipped or self.stack.enter_context(JsonLines(self.folder.fresh / SKIPPED))
            self._skipped.write(
                [{"id": one.id, "text_id": one.text_id, "code": one.code, "why": one.message} for one in refused]
            )
        if rows:
            if self._rows is None:
                path = self.folder.fresh / self.name
                made: Writer = JsonLines(path) if self.schema is None else ParquetRows(path, self.schema)
                self._rows = self.stack.enter_context(made)
            self._rows.write(rows)


def split_names(view: View, suffix: str = "") -> dict[str, str]:
    """Each split with the name of its file, without what a trainer could stumble over."""
    names = {split: re.sub(r"\W", "_", split) + suffix for split in view.splits}
    if len(set(names.values())) < len(names):
        raise UsageError(f"the splits {', '.join(names)} cannot be told apart as file names; name them by 'splits'")
    return names
