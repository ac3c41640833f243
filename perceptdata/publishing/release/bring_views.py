"""The clone of a release of named views: every example of theirs once, and what the views show of layers.

A view's config has whole examples, so they come back as they were, with their images. Of layers it has the text that it
chose, that text's spans, the image's captions and the split. These become layers of the steps that made them, by the
producer `clone`, for who made them is not published. A row's place in its view becomes the scores step `<view>_order`,
and the view comes back as the examples with such a place, in that order. `left` says what else stays behind.

The shard of examples that an example first came with is its home. Layer rows go to the one shard of their step that
speaks of that home, as every step expects; where another file has more of them, the shard is written anew.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from perceptdata import __version__
from perceptdata.errors import UsageError, WorkspaceError
from perceptdata.example import Example, text_id
from perceptdata.layers import Caption, LayerKind, Producer, Response, Score, SpanRecord, Spans, text_sha256
from perceptdata.manifest import ShardEntry, ViewState
from perceptdata.publishing.release.bring import Bringing, Watch, Writers, source_rows, write_examples
from perceptdata.publishing.release.layers import IMAGE
from perceptdata.publishing.release.origin import Origin
from perceptdata.publishing.release.published import Published, StepSaid
from perceptdata.publishing.release.record import MANIFEST
from perceptdata.publishing.release.shard import Shard
from perceptdata.spans import PRO, SCHEMES
from perceptdata.view import DEFAULT_VIEWS, ViewSpec
from perceptdata.workspace import EXAMPLES, Workspace, layer_room

OWN = "response"
ORDER = "order"
KEYS: dict[LayerKind, tuple[str, str]] = {
    "responses": ("text_id", "text_id"),
    "spans": ("text_id", "text_id"),
    "captions": ("image", "image"),
    "scores": ("text_id", "example_id"),
}
"""By what the rows of a layer are known, so that two views bring each once: a column, or another where it is null."""


class BringViews(Bringing):
    """One run. `_homes` has the shard of each example so far, `_known` the keys of the layer rows by step and kind."""

    def __init__(self, ws: Workspace, origin: Origin, published: Published, watch: Watch) -> None:
        super().__init__(ws, origin, published, watch)
        self._specs = published.specs
        self._homes: dict[str, str] = {}
        self._known: dict[tuple[str, LayerKind], set[str]] = {}
        self._unclear: Counter[str] = Counter()
        self._order = {name: _free(f"{name}_{ORDER}", published.steps) for name in self._specs}
        self._lost()

    @property
    def steps(self) -> dict[str, StepSaid]:
        """Those that built examples, or wrote what a view shows; and one for the order of each view."""
        shown = {
            step
            for spec in self._specs.values()
            for step in (spec.text.from_, spec.spans, spec.captions, spec.splits)
            if isinstance(step, str)
        }
        found = {name: step for name, step in self.published.steps.items() if name in shown or step.rows.get(EXAMPLES)}
        for name, spec in self._specs.items():
            version = self.published.configs[name].get("fingerprint", self.published.digest)[:8]
            options = {"view": name, "definition": spec.definition()}
            found[self._order[name]] = StepSaid(do="clone", version=version, options=options, rows={})
        return found

    def write(self, table: pa.Table, file: Shard, writers: Writers) -> None:
        """The examples that are new, and the layer rows."""
        view, stem = file.path.partition("/")[0], file.path.removesuffix(".parquet").replace("/", "-")
        self._check(table, view)
        rows = table.select([name for name in table.column_names if name != "images"])
        for source, at in source_rows(rows).items():
            home, ids = f"{source}/{stem}", rows.column("id").take(at).to_pylist()
            first = [place for place, name in zip(at.to_pylist(), ids, strict=True) if self._settle(name, home)]
            if first:
                whole = table.take(pa.array(first))
                own = pc.fill_null(pc.ends_with(whole["text_id"], f"#{OWN}"), False)
                response = pc.if_else(own, whole["response"], pa.scalar(None, pa.string()))
                whole = whole.set_column(whole.column_names.index("response"), "response", response)
                write_examples(writers.of(source, stem, home), whole, file)
        for row in rows.select([name for name in _SHOWN if name in rows.column_names]).to_pylist():
            self._layers(row, view, stem, writers)

    def _check(self, table: pa.Table, view: str) -> None:
        missing = {*Example.model_fields, "image_info", "text_id", "order"}.difference(table.column_names)
        if missing:
            raise UsageError(f"view '{view}' of {self.origin.name} has no column {min(missing)}: it cannot be cloned")

    def _settle(self, example: str, home: str) -> bool:
        """Whether an example is seen for the first time; this is its home then."""
        if example in self._homes:
            return False
        self._homes[example] = home
        return True

    def _layers(self, row: dict[str, Any], view: str, stem: str, writers: Writers) -> None:
        """What a row shows of layers."""
        spec, home, text = self._specs[view], self._homes[row["id"]], row["text_id"]

        def add(step: str, kind: LayerKind, record: Response | Spans | Caption | Score) -> None:
            writers.anew(step, f"{home.replace('/', '-')}-{stem}", home).add(layer_room(kind), record)

        if text is not None and spec.text.from_ != OWN and self._new(spec.text.from_, "responses", text):
            add(spec.text.from_, "responses", self._response(row, spec.text.from_))
        if text is not None and row.get("spans") is not None and spec.spans and self._new(spec.spans, "spans", text):
            add(spec.spans, "spans", self._spans(row, spec.spans))
        images = [image["sha256"] for image in row["image_info"]]
        if spec.captions and row["captions"] and len(images) != 1:
            self._unclear[view] += 1
        elif spec.captions and row["captions"] and self._new(spec.captions, "captions", images[0]):
            for sample, caption in enumerate(row["captions"]):
                add(spec.captions, "captions", self._caption(images[0], spec.captions, sample, caption))
        step = self._order[view]
        side = spec.splits if isinstance(spec.splits, str) and spec.splits in self.published.steps else None
        if side is not None and self._new(side, "scores", row["id"]):
            add(side, "scores", self._side(row, side))
        if self._new(step, "scores", text or row["id"]):
            value, producer = row[ORDER], self._producer(step)
            add(step, "scores", Score(example_id=row["id"], text_id=text, name=ORDER, value=value, producer=producer))

    def _new(self, step: str, kind: LayerKind, key: str) -> bool:
        known = self._known.setdefault((step, kind), set())
        size = len(known)
        known.add(key)
        return len(known) > size

    def _producer(self, step: str) -> Producer:
        return Producer(name="clone", version=__version__, config=self.ws.manifest.steps[step].active)

    def _side(self, row: dict[str, Any], step: str) -> Score:
        """On which side of a split an example stands, as the split step writes it."""
        names = list(self.published.steps[step].options.get("into", ()))
        value = float(names.index(row["split"])) if row["split"] in names else None
        return Score(
            example_id=row["id"],
            name="side",
            value=value,
            unscored="clone.side" if value is None else None,
            meta={"split": row["split"]},
            producer=self._producer(step),
        )

    def _response(self, row: dict[str, Any], step: str) -> Response:
        return Response(
            example_id=row["id"],
            text_id=row["text_id"],
            sample=int(row["text_id"].rpartition("/")[2]),
            text=row["response"],
            text_sha256=text_sha256(row["response"]),
            producer=self._producer(step),
        )

    def _spans(self, row: dict[str, Any], step: str) -> Spans:
        labels = {span["label"] for span in row["spans"]}
        schemes = [scheme for scheme in SCHEMES.values() if labels <= set(scheme.labels)]
        return Spans(
            text_id=row["text_id"],
            text_sha256=text_sha256(row["response"]),
            scheme=(schemes or [PRO])[0].id,
            spans=tuple(SpanRecord(**span) for span in row["spans"]),
            producer=self._producer(step),
        )

    def _caption(self, image: str, step: str, sample: int, text: str) -> Caption:
        return Caption(
            image=image,
            text_id=text_id(f"{IMAGE}{image}", step, sample),
            sample=sample,
            text=text,
            text_sha256=text_sha256(text),
            producer=self._producer(step),
        )

    def _lost(self) -> None:
        """Forget what an interrupted clone brought where a file of it is lost: it may hold rows of several published
        files. Otherwise learn what is there.
        """
        steps = self.ws.manifest.steps
        found = [(name, *item) for name, state in steps.items() for item in state.current.shards.items()]
        if all(self.ws.file(file).exists() for _, _, entry in found for file in entry.files.values()):
            self.brought(found)
        else:
            steps.clear()

    def brought(self, shards: list[tuple[str, str, ShardEntry]]) -> None:
        """The homes of examples, and the keys of layer rows."""
        for step, shard, entry in shards:
            if EXAMPLES in entry.files:
                read = pq.read_table(self.ws.file(entry.files[EXAMPLES]), columns=["id"])
                self._homes.update(dict.fromkeys(read.column("id").to_pylist(), f"{step}/{shard}"))
            for kind, (key, instead) in KEYS.items():
                if (room := layer_room(kind)) in entry.files:
                    read = pq.read_table(self.ws.file(entry.files[room]), columns=list({key, instead}))
                    keys = pc.coalesce(read.column(key), read.column(instead)).to_pylist()
                    self._known.setdefault((step, kind), set()).update(keys)

    def finish(self) -> dict[str, int]:
        """Every view has the rows that the manifest counts; then they are defined."""
        for name, order in self._order.items():
            rows = self.ws.manifest.steps[order].current.rows(layer_room("scores"))
            if rows != (said := self.published.configs[name]["rows"]):
                raise WorkspaceError(
                    f"the clone has {rows:,} rows of view '{name}', and {said:,} were published: {MANIFEST} does not "
                    "fit its files; clone another revision"
                )
        counted: Counter[str] = Counter()
        for name, step in self.steps.items():
            shards = self.ws.manifest.steps[name].current.shards
            for shard in shards.values():
                counted.update({room: file.rows for room, file in shard.files.items() if room in _COUNTED})
            if shards:
                self.close(step, name)
            else:
                del self.ws.manifest.steps[name]  # a source of which no view has a row
        self._define()
        return {room.removeprefix("layers/"): rows for room, rows in counted.items()}

    def _define(self) -> None:
        """The views as the examples that have a place in them. One that is there by default shows its stage."""
        for name, spec in self._specs.items():
            if name in DEFAULT_VIEWS and spec == DEFAULT_VIEWS[name]:
                continue
            made = _definition(spec, self._order[name])
            self.ws.manifest.views[name] = ViewState(definition=made.definition())
        self.ws.save()

    def left(self) -> tuple[str, ...]:
        """Other layers, own responses, captions of several images, views that show more rows now."""
        found = []
        behind = [name for name, step in self.published.steps.items() if name not in self.steps and step.rows]
        if behind:
            found.append(f"steps {', '.join(behind)}: a view shows its texts, their spans and captions, and no more")
        steps = dict.fromkeys(spec.text.from_ for spec in self._specs.values() if spec.text.from_ != OWN)
        if steps:
            found.append(
                f"own responses of examples that no view shows with them, but with texts of {', '.join(steps)}"
            )
        if steps or any(spec.spans or spec.captions for spec in self._specs.values()):
            found.append("who made a text, a span or a caption, and what it cost")
        found += [
            f"captions of {rows:,} rows of '{name}': they show several images, and which is of which is not published"
            for name, rows in self._unclear.items()
        ]
        for name in self._specs:
            rows, said = len(self.ws.view(name)), self.published.configs[name]["rows"]
            if rows != said:
                found.append(f"view '{name}' as it was: it has {rows:,} rows here and {said:,} there, since {_WHY}")
        return tuple(found)


_SHOWN = ("id", "text_id", "response", "spans", "captions", "image_info", "split", "order")
_COUNTED = {EXAMPLES, *map(layer_room, KEYS)} - {layer_room("scores")}
_WHY = "another view of the release has more of the same"


_DECIDED = re.compile(r"(?:\b(?:id|capability|random|group|asc|desc)\b[\s+,]*)+", re.IGNORECASE)
"""An order that the examples alone decide."""


def _free(name: str, taken: dict[str, StepSaid]) -> str:
    """A name for a step that no published step has."""
    while name in taken:
        name += "_"
    return name


def _definition(spec: ViewSpec, order: str) -> ViewSpec:
    """A view's definition over what came back: what had to be asked of layers, the order now says."""
    changes: dict[str, Any] = {"where": f"{order}.n > 0", "mix": None, "size": None}
    if not _DECIDED.fullmatch(spec.order.strip()):
        changes["order"] = f"{order}.rate"
    if spec.text.from_ != OWN and spec.text.pick != "all":
        changes["text"] = spec.text.model_copy(update={"pick": "best", "by": order})
    return spec.model_copy(update=changes)
