"""`perceptdata_spans`: reads what a layer says of a text into `doc.spans`, and learns nothing.

    nlp.add_pipe("perceptdata_spans", config={"source": "ws", "layer": "tags"})    # a workspace and its step
    nlp.add_pipe("perceptdata_spans", config={"source": "tags.parquet"})           # a file, or a folder of them

A file is a table with `text_sha256`, `scheme` and `spans`, as a spans layer has them: parquet, or Arrow (`.arrow`,
`.feather`). A text is known by the hash of its UTF-8 bytes, so it must be the very text that was tagged. Of several
rows of one text the last stands, as it does for reviews.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import pyarrow as pa
from spacy.language import Language
from spacy.tokens import Doc

from perceptdata.errors import UsageError
from perceptdata.layers import text_sha256
from perceptdata.publishing.exports.docs import KEY, MISALIGNED, set_spans
from perceptdata.spans import Scheme
from perceptdata.tagging import spans_from_arrow

COLUMNS = ["text_sha256", "scheme", "spans"]
UNKNOWN = "perceptdata_unknown"
"""`Doc.user_data[UNKNOWN]` is True where no row speaks of the text."""
_ARROW = {".arrow", ".feather", ".ipc"}


@Language.factory("perceptdata_spans", assigns=["doc.spans"], default_config={"layer": "", "spans_key": KEY})
def span_reader(nlp: Language, name: str, source: str, layer: str, spans_key: str) -> SpanReader:
    """The component, as spaCy makes it."""
    return SpanReader(Path(source), layer, spans_key)


class SpanReader:
    """Spans by the hash of their text; read when the first document comes."""

    def __init__(self, source: Path, layer: str = "", spans_key: str = KEY) -> None:
        self.source, self.layer, self.spans_key = source, layer, spans_key

    def __call__(self, doc: Doc) -> Doc:
        """The document with the text's spans, labels and scores; `user_data` counts those that fit no tokens."""
        row = self._rows.get(text_sha256(doc.text))
        doc.user_data[UNKNOWN] = row is None
        if row is None:
            doc.spans[self.spans_key] = []
            doc.user_data[MISALIGNED] = 0
            return doc
        spans = self._table.column("spans").slice(row, 1)
        labels = pa.compute.unique(spans.combine_chunks().flatten().field("label")).to_pylist()
        scheme = Scheme(self._table.column("scheme")[row].as_py(), tuple(labels))
        (found,) = spans_from_arrow(spans, scheme)
        set_spans(doc, found, self.spans_key)
        return doc

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {sha256: row for row, sha256 in enumerate(self._table.column("text_sha256").to_pylist())}

    @cached_property
    def _table(self) -> pa.Table:
        """Every row of the layer. UsageError where there is none, or no such columns."""
        import pyarrow.dataset as ds

        from perceptdata.workspace import Workspace

        if self.layer:
            ws = Workspace(self.source)
            kinds = [kind for kind in ws.layers().get(self.layer, []) if kind in ("spans", "reviews")]
            if not kinds:
                raise UsageError(f"{self.source} has no spans or reviews layer '{self.layer}'")
            return ws.layer(self.layer, kinds[0]).to_table(columns=COLUMNS)
        if not self.source.exists():
            raise UsageError(f"{self.source} does not exist; 'source' is a workspace, or a file of spans")
        if (self.source / "manifest.json").exists():
            raise UsageError(f"{self.source} is a workspace; name the spans layer to read by 'layer'")
        kind = "ipc" if self.source.suffix in _ARROW else "parquet"
        try:
            return ds.dataset(self.source, format=kind).to_table(columns=COLUMNS)
        except (pa.ArrowInvalid, pa.ArrowKeyError, OSError) as error:
            raise UsageError(
                f"{self.source} cannot be read as a {kind} table of {', '.join(COLUMNS)}: {error}"
            ) from error
