"""A tagged view for `spacy train`: texts with their labelled clauses, a config that runs as it is, and what is lost.

    to/train.spacy  dev.spacy  config.cfg  README.md  export.json

A split named dev, validation, valid, val or test (the first there is) is `dev.spacy`; every other keeps its name. What
a pipeline learns and proposes is a clause, so a span of several clauses is written as those, and a clause of two labels
bears the one of most of its characters. README.md and export.json count what that and spaCy's tokens cost: spans
without a place, and the candidate recall that no training can go beyond.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from perceptdata.errors import UsageError
from perceptdata.labelled import LabelledText
from perceptdata.manifest import disk_error, write_atomically
from perceptdata.plugins import Exporter
from perceptdata.spans import PRO
from perceptdata.tagging import spans_from_arrow
from perceptdata.view import View

if TYPE_CHECKING:
    from spacy.language import Language

BATCH, OFTEN = 8, 200
# As `perceptdata tagger train --tagger spacy` does it; spaCy's defaults suit large networks.
TRAINING = {
    "max_epochs": 10,
    "patience": 0,
    "batcher": {"@batchers": "spacy.batch_by_sequence.v1", "size": BATCH},
    "optimizer": {"@optimizers": "Adam.v1", "learn_rate": 0.005},
    "before_to_disk": {"@callbacks": "perceptdata.remember.v1", "path": "${paths.train}"},
}
DEV = ("dev", "validation", "valid", "val", "test")
RECORD = "export.json"
README = """\
# Training data for spaCy

View `{view}`: {rows:,} texts with labelled clauses; {skipped:,} rows without a text or spans left out.

    pip install 'perceptdata[spacy]'
    python -m spacy train config.cfg --paths.train train.spacy --paths.dev dev.spacy --output trained
    perceptdata tagger eval LABELLED.jsonl --use spacy=trained/model-best

In Python: `spacy.load("trained/model-best")(text).spans["perceptdata"]`. In a recipe, to tag a workspace:
`use: [structure, {{spacy: {{model: trained/model-best}}}}]`.

{table}

- labelled, unaligned: spans of the layer, and those whose border falls inside a token; their clauses are labelled still
- clauses, unaligned: what the suggester cuts, and what of it has no place in the document: never learned, never found
- by span, by character: the share of labelled spans, of their characters, that are a candidate to the letter
- reachable: the share of labelled characters that is right if every clause gets its best label; no training goes beyond
"""
COLUMNS = {
    "texts": "texts",
    "spans": "labelled",
    "misaligned": "unaligned",
    "clauses": "clauses",
    "clauses_misaligned": "unaligned",
    "by_span": "by span",
    "by_character": "by character",
    "reachable": "reachable",
}


def import_spacy() -> Any:
    """The library. UsageError, with the command that installs it, where it is missing."""
    try:
        import spacy
    except ImportError as error:
        raise UsageError(f"this needs spaCy ({error.name} is missing): pip install 'perceptdata[spacy]'") from error
    return spacy


class Spacy(Exporter):
    """DocBins by split, with a config for `spacy train`. The view has to carry spans."""

    name: ClassVar[str] = "spacy"

    def export(self, view: View, to: Path) -> list[Path]:
        """Write the view under `to`. An earlier export is replaced; a folder with other things in it is refused."""
        import_spacy()
        names = _file_names(view)
        if to.exists() and any(to.iterdir()) and not (to / RECORD).is_file():
            raise UsageError(f"{to} holds files that no export wrote; name another folder with --to")
        nlp = _pipeline()
        record: dict[str, Any] = {"view": view.name, "fingerprint": view.fingerprint, "splits": {}}
        try:
            to.mkdir(parents=True, exist_ok=True)
            # First the record, which says that the folder is ours: a crash in between must not make it look foreign.
            write_atomically(to / RECORD, json.dumps(record).encode())
            for stale in to.glob("*.spacy"):
                stale.unlink()
            for split, name in names.items():
                record["splits"][name] = _write(nlp, view, split, to / f"{name}.spacy")
            # Once an epoch, so that the best pipeline is never one from before the first.
            epoch = math.ceil(record["splits"]["train"]["texts"] / BATCH)
            nlp.config["training"]["eval_frequency"] = min(max(epoch, 1), OFTEN)
            nlp.config.to_disk(to / "config.cfg")
            write_atomically(to / "README.md", _readme(record).encode())
            write_atomically(to / RECORD, json.dumps(record, indent=1).encode())
        except OSError as error:
            raise disk_error(error, to) from error
        return [*(to / f"{name}.spacy" for name in names.values()), to / "config.cfg", to / "README.md"]


def _file_names(view: View) -> dict[str, str]:
    """Split to file name. UsageError where nothing can be learned or nothing be tested."""
    if view.spec.spans is None:
        raise UsageError(f"view '{view.name}' carries no spans; give it a layer in the recipe: spans: tags")
    dev = next((name for name in DEV if name in view.splits), None)
    if "train" not in view.splits or dev is None:
        raise UsageError(
            f"view '{view.name}' has the splits {', '.join(view.splits) or 'none'}; spaCy needs train, and one of "
            f"{', '.join(DEV)}: declare splits: {{train: 0.9, dev: 0.1}}"
        )
    return {split: "dev" if split == dev else split.replace("/", "_") for split in view.splits}


def _pipeline() -> Language:
    """What is trained; spaCy finds our parts by their entry points."""
    nlp = import_spacy().blank("en", config={"nlp": {"tokenizer": {"@tokenizers": "perceptdata.ClauseTokenizer.v1"}}})
    nlp.add_pipe("perceptdata_clauses")
    nlp.config["paths"].update(train="train.spacy", dev="dev.spacy")
    nlp.config["training"].update(TRAINING)
    return nlp


def _write(nlp: Language, view: View, split: str, path: Path) -> dict[str, float]:
    """One DocBin; what it holds in numbers, and how many rows have no text or no spans."""
    from spacy.tokens import DocBin

    from perceptdata.publishing.exports.docs import Recall, labelled_docs, recall

    kept, counted, rows = DocBin(attrs=["ORTH", "SPACY"]), Recall(), 0
    for table in view.batches(images=False, split=split):
        rows += table.num_rows
        texts = list(_labelled(table))
        for doc in labelled_docs(nlp, texts):
            kept.add(doc)
        counted += recall(nlp, texts)
    kept.to_disk(path)
    return {"texts": len(kept), "skipped": rows - len(kept), **counted.to_row()}


def _labelled(table: pa.Table) -> Iterator[LabelledText]:
    table = table.filter(pc.and_(pc.is_valid(table["response"]), pc.greater(pc.list_value_length(table["spans"]), 0)))
    columns = (table[name].to_pylist() for name in ("text_id", "response"))
    for address, text, spans in zip(*columns, spans_from_arrow(table["spans"], PRO), strict=True):
        yield LabelledText(address, text, spans.check(len(text)))


def _readme(record: dict[str, Any]) -> str:
    head = ["split", *COLUMNS.values()]
    rows = [[name, *(str(numbers[key]) for key in COLUMNS)] for name, numbers in record["splits"].items()]
    lines = [head, ["---"] * len(head), *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    texts, skipped = (sum(numbers[key] for numbers in record["splits"].values()) for key in ("texts", "skipped"))
    return README.format(view=record["view"], rows=texts, skipped=skipped, table=table)
