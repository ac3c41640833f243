"""The rows a reader browses: a repeatable draw in which every source and stage shows, and twins stay together.

    sample = draw(subject, 200)
    sample.rows[0]["texts"][0]["spans"]["tags"]        # [[start, end, label, score, tagger], …]

Items (groups) are drawn by a hash of their name, level by level: first one for every source and stage, then a second,
and so on, so that rare kinds are seen as well as common ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from perceptdata.example import STAGES, TEXTS, text_id
from perceptdata.report.subject import Subject
from perceptdata.report.thumbnail import thumbnail
from perceptdata.spans import SCHEMES

SEED = "report"
TWINS = 3
"""Rows of one stage that are shown of an item; a scene may have hundreds of questions."""
TRACES = 4
"""Generated texts that are shown of a row."""
LONGEST = 8_000
"""Characters that are shown of a text."""

_DRAW = f"""
    with twins as (
        select id, "group", corpus, stage, md5('{SEED} ' || "group") as draw,
            row_number() over (partition by "group", stage order by id) as nth
        from _rows
        qualify nth <= {TWINS}
    ),
    levels as (select *, dense_rank() over (partition by corpus, stage order by draw, "group") as level from twins),
    items as (select "group", min(level) as level, min(draw) as draw, count(*) as n from levels group by "group"),
    counted as (select *, sum(n) over (order by level, draw, "group") as total from items)
    select id from levels join counted using ("group")
    where counted.level = 1 or counted.total <= $size
    order by counted.level, counted.draw, "group", list_position({list(STAGES)}, stage), id
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """Plain values, ready for the page. Rows name images by their place in `images`, spans' labels and taggers by
    theirs in `layers`; offsets count UTF-16 units, as the browser's strings do.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)
    layers: dict[str, dict[str, Any]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """What the page's script reads."""
        return {"rows": self.rows, "images": self.images, "layers": self.layers}


def draw(subject: Subject, size: int) -> Sample:
    """About `size` rows: whole items, and at least one for every source and stage."""
    sample = Sample()
    drawn = [row["id"] for row in subject.ask(_DRAW, size=size)]
    if not drawn:
        return sample
    records = {
        row["id"]: row for row in subject.ask("select * from _rows where id in (select unnest($ids))", ids=drawn)
    }
    traces = _generated(subject, drawn)
    spans = _spans(subject, drawn, sample)
    places: dict[str, int] = {}
    for each in drawn:
        record = records[each]
        row = _row(record)
        row["images"] = [places.setdefault(image["sha256"], len(places)) for image in record["images"]]
        texts = [(name, text_id(each, name), record[name]) for name in TEXTS if record[name] and name != "question"]
        row["texts"] = [
            _text(name, text, spans.get(address, {})) for name, address, text in texts + traces.get(each, [])
        ]
        row["question"] = _text("question", record["question"], spans.get(text_id(each, "question"), {}))
        sample.rows.append(row)
    sample.images.extend(_image(subject, sha256) for sha256 in places)
    return sample


def _row(record: dict[str, Any]) -> dict[str, Any]:
    answer, source = record["answer"], record["source"]
    return {
        "id": record["id"],
        "stage": record["stage"],
        "group": record["group"],
        "corpus": record["corpus"],
        "split": record["split"],
        "kind": answer["kind"],
        "answer": answer["text"],
        "index": answer["index"],
        "accepts": answer["accepts"],
        "unit": answer["unit"],
        "checker": answer["checker"] and answer["checker"]["name"],
        "choices": record["choices"],
        "history": record["history"],
        "quality": record["facts_quality"],
        "source": f"{source['builder']} {source['version']}, {source['split']}, key {source['key']}",
        "licence": f"{source['licence']}, to {source['allowed_use']}",
        "meta": record["meta"] if record["meta"] != "{}" else "",
    }


def _text(name: str, text: str, spans: dict[str, list[list[Any]]]) -> dict[str, Any]:
    shown = text[:LONGEST]
    cut = len(text) - len(shown)
    places = _utf16(shown)
    kept = {
        layer: [
            [places[start], places[min(end, len(shown))], *said] for start, end, *said in found if start < len(shown)
        ]
        for layer, found in spans.items()
    }
    return {"name": name, "text": shown, "cut": cut, "spans": kept}


def _utf16(text: str) -> Sequence[int]:
    """Where each code point begins, in UTF-16 units, and where the last ends."""
    if text.isascii():
        return range(len(text) + 1)
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    return [0, *np.cumsum(1 + (points > 0xFFFF)).tolist()]


def _generated(subject: Subject, drawn: list[str]) -> dict[str, list[tuple[str, str, str]]]:
    """The first generated texts of each row, as (name, address, text)."""
    rows = subject.ask(
        f"select id, name, text_id, text from _texts where name not in {TEXTS} and id in (select unnest($ids)) "
        f"qualify row_number() over (partition by id order by text_id) <= {TRACES} order by text_id",
        ids=drawn,
    )
    found: dict[str, list[tuple[str, str, str]]] = {}
    for row in rows:
        found.setdefault(row["id"], []).append((row["text_id"].rpartition("#")[2], row["text_id"], row["text"]))
    return found


def _spans(subject: Subject, drawn: list[str], sample: Sample) -> dict[str, dict[str, list[list[Any]]]]:
    """Spans by address and layer, in code points; notes the layers' labels and taggers in the sample."""
    found: dict[str, dict[str, list[list[Any]]]] = {}
    for step, table in subject.spans_tables().items():
        rows = subject.ask(
            f"select text_id, scheme, spans from {table} semi join (select * from _texts "
            "where id in (select unnest($ids))) as t using (text_id, text_sha256) order by text_id",
            ids=drawn,
        )
        if not rows:
            continue
        scheme = rows[0]["scheme"]
        labels = list(SCHEMES[scheme].labels) if scheme in SCHEMES else []
        taggers: list[str] = []
        for row in rows:
            spans = found.setdefault(row["text_id"], {})[step] = []
            for span in row["spans"]:
                codes = [_place(labels, span["label"]), round(span["score"], 3), _place(taggers, span["tagger"])]
                spans.append([span["start"], span["end"], *codes])
        sample.layers[step] = {"scheme": scheme, "labels": labels, "taggers": taggers}
    return found


def _place(names: list[str], name: str) -> int:
    if name not in names:
        names.append(name)
    return names.index(name)


def _image(subject: Subject, sha256: str) -> dict[str, Any]:
    shown = thumbnail(memoryview(subject.ws.images[sha256]))
    about = subject.ws.images.row(sha256)
    return {"src": shown, "width": about["width"], "height": about["height"], "sha256": sha256}
