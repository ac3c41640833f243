"""Preference pairs: of one example, a response that perceives rightly against one that does not.

    perceptdata export pairs --view all --set responses=cot --set trainer=trl --set task=dpo --to out

Right and wrong are told by a scores step (`scores`, its score `score`), or by the family that drew the scene, exactly.
The best and the worst go together first; of equal ones the earlier samples. Every pair says `why`. `kto` has the same
responses one by one, with a label.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from perceptdata.errors import UsageError
from perceptdata.example import Example
from perceptdata.formats import Format
from perceptdata.layers import CORRECT
from perceptdata.plugins import Rollout
from perceptdata.publishing.exports import llama_factory, ms_swift
from perceptdata.publishing.exports.conversations import (
    BLOCKS,
    LLAMA_FACTORY,
    MESSAGES,
    MS_SWIFT,
    SHAREGPT,
    TRL,
    blocks,
    messages,
    sharegpt,
    trl_prompt,
)
from perceptdata.publishing.exports.pictures import Pictures, Shape
from perceptdata.publishing.exports.rows import Refused, Row, read
from perceptdata.publishing.exports.tally import Tally
from perceptdata.publishing.exports.trainer import Made, TrainerExport
from perceptdata.rewards import perception
from perceptdata.view import CHUNK, TextChoice, View

Trainer = Literal["trl", "ms_swift", "llama_factory"]
SHAPES: dict[Trainer, Shape] = {"trl": TRL, "ms_swift": MS_SWIFT, "llama_factory": LLAMA_FACTORY}
MARKERS: dict[Trainer, tuple[str, ...]] = {
    "trl": (),
    "ms_swift": ms_swift.MARKERS,
    "llama_factory": llama_factory.MARKERS,
}
TURN = pa.struct([("from", pa.string()), ("value", pa.string())])
WHY: list[tuple[str, pa.DataType]] = [("id", pa.string()), ("why", pa.string())]
DPO: dict[Trainer, list[tuple[str, pa.DataType]]] = {
    "trl": [("prompt", BLOCKS), ("chosen", BLOCKS), ("rejected", BLOCKS)],
    "ms_swift": [("messages", MESSAGES), ("rejected_response", pa.string())],
    "llama_factory": [("conversations", SHAREGPT), ("system", pa.string()), ("chosen", TURN), ("rejected", TURN)],
}
KTO: dict[Trainer, list[tuple[str, pa.DataType]]] = {
    "trl": [("prompt", BLOCKS), ("completion", BLOCKS), ("label", pa.bool_())],
    "ms_swift": [("messages", MESSAGES), ("label", pa.bool_())],
    "llama_factory": [("conversations", SHAREGPT), ("system", pa.string()), ("label", pa.bool_())],
}
LAUNCH = {
    ("trl", "dpo"): "DPOTrainer(model=..., args=DPOConfig(max_length=None), train_dataset=rows)",
    ("trl", "kto"): "KTOTrainer(model=..., args=KTOConfig(max_length=None), train_dataset=rows)",
    ("ms_swift", "dpo"): "ROOT_IMAGE_DIR=$PWD swift rlhf --rlhf_type dpo --model MODEL --dataset {train}",
    ("ms_swift", "kto"): "ROOT_IMAGE_DIR=$PWD swift rlhf --rlhf_type kto --model MODEL --dataset {train}",
    ("llama_factory", "dpo"): "llamafactory-cli train train_dpo.yaml      # stage: dpo, in this folder",
    ("llama_factory", "kto"): "llamafactory-cli train train_kto.yaml      # stage: kto, in this folder",
}
ROWS = """from datasets import load_dataset
    rows = load_dataset("parquet", data_files="{train}", split="train")
    """


class Said(NamedTuple):
    """A response with its score, and where that is from."""

    row: Row
    value: float
    source: str


class Pairs(TrainerExport):
    """Pairs for DPO, or labelled responses for KTO, in the words of `trainer`.

    `responses` is the step whose samples are compared; without it the view's own texts, of which an example then has
    several. A score of `right` or more is right, of `wrong` or less wrong; what lies between is neither.
    """

    name: ClassVar[str] = "pairs"
    title: ClassVar[str] = "Preference pairs: right against wrong perception"

    trainer: Trainer = "trl"
    task: Literal["dpo", "kto"] = "dpo"
    responses: str | None = None
    scores: str | None = None
    score: str = CORRECT
    right: float = 1.0
    wrong: float = 0.0
    per_example: Annotated[int, Field(ge=1)] = 1

    @property
    def shape(self) -> Shape:
        """That of the trainer."""
        return SHAPES[self.trainer]

    @property
    def learns(self) -> bool:
        """From the responses."""
        return True

    @property
    def launch(self) -> str:
        """How to train on it."""
        before = ROWS if self.trainer == "trl" else ""
        return f"## Train\n\n    {before}{LAUNCH[self.trainer, self.task]}\n"

    def columns(self, view: View) -> list[tuple[str, pa.DataType]]:
        """See `TrainerExport.columns`."""
        return [*(DPO if self.task == "dpo" else KTO)[self.trainer], *WHY]

    def row(self, row: Row) -> dict[str, Any]:
        """What both responses answer."""
        if self.trainer == "trl":
            return {"prompt": trl_prompt(row), "id": row.id}
        if self.trainer == "ms_swift":
            return {"messages": messages(row), "id": row.id}
        return {"conversations": sharegpt(row), "system": row.system, "id": row.id}

    def prepare(self, view: View, form: Format) -> None:
        """Refuse options that no pair could come of."""
        if self.wrong >= self.right:
            raise UsageError(
                f"a score of {self.right} or more is right and of {self.wrong} or less wrong: none is both"
            )

    def extra(self, view: View, tally: Tally) -> dict[str, str]:
        """`dataset_info.json`, for LLaMA-Factory."""
        if self.trainer != "llama_factory":
            return {}
        if self.task == "kto":
            return llama_factory.described(view, tally, "kto", {"kto_tag": "label"})
        columns = {"chosen": "chosen", "rejected": "rejected"}
        return llama_factory.described(view, tally, "dpo", columns, ranking=True)

    def made(self, view: View, split: str, form: Format, pictures: Pictures) -> Iterator[list[Made]]:
        """The examples of a split in the view's order, each with its responses together."""
        sampled = self._sampled(view)
        values = self._scores(sampled)
        for at in _batches(sampled, split):
            rows = list(read(sampled.gather(at, images=False), form, MARKERS[self.trainer]))
            found = values.take(pa.array(at)).to_pylist() if values is not None else self._checked(rows, form)
            yield from pictures.portions(
                made for group in _grouped(rows, found) for made in self._pairs(group, pictures)
            )

    def _sampled(self, view: View) -> View:
        """The view with all samples of each example."""
        if self.responses is None:
            if view.spec.text.pick != "all" or view.spec.text.from_ == "response":
                raise UsageError(
                    f"view '{view.name}' has one response an example, and pairs compare several; name the step that "
                    "sampled them: --set responses=cot"
                )
            return view
        text = TextChoice.model_validate({"from": self.responses})
        return View(
            view.ws, f"{view.name}_{self.responses}", view.spec.model_copy(update={"text": text, "spans": None})
        )

    def _scores(self, view: View) -> pa.ChunkedArray | None:
        """The score of each row of the view; None where the families tell."""
        if self.scores is None:
            return None
        table = view.ws.layer(self.scores, "scores").to_table(columns=["text_id", "name", "value"])
        table = table.filter(pc.and_(pc.equal(table["name"], self.score), pc.is_valid(table["text_id"])))
        if not len(table):
            raise UsageError(f"step '{self.scores}' wrote no score '{self.score}' of texts; name another with score")
        place = pc.index_in(view.rows.column("text_id"), value_set=table["text_id"].combine_chunks())
        return table["value"].take(place)

    def _checked(self, rows: list[Row | Refused], form: Format) -> list[float | None]:
        """What the family that drew the scene says of each response; None where none did."""
        fits = [row for row in rows if isinstance(row, Row) and row.response]
        rollouts = [Rollout(_example(row), row.response or "") for row in fits]
        found = {id(row): scored.value for row, scored in zip(fits, perception(rollouts, form), strict=True)}
        return [found.get(id(row)) for row in rows]

    def _pairs(self, group: list[tuple[Row | Refused, float | None]], pictures: Pictures) -> Iterator[Made]:
        rows = [(row, value) for row, value in group if isinstance(row, Row)]
        yield from (row for row, _ in group if isinstance(row, Refused))
        if not rows:
            return
        first = rows[0][0]
        source = f"score {self.scores}.{self.score}" if self.scores else "the scene"
        said = [Said(row, value, source) for row, value in rows if value is not None and row.response]
        if not said:
            told = (
                "step '" + self.scores + "' scored none of its responses"
                if self.scores
                else "no family knows its scene"
            )
            yield Refused(first.id, None, "export.no_score", f"{first.id}: {told}")
            return
        right = sorted((one for one in said if one.value >= self.right), key=lambda one: -one.value)
        wrong = sorted((one for one in said if one.value <= self.wrong), key=lambda one: one.value)
        if not (right and wrong):
            counts = f"{len(right)} right and {len(wrong)} wrong of {len(said)}"
            yield Refused(first.id, None, "export.no_pair", f"{first.id}: {counts}")
            return
        for chosen, rejected in list(zip(right, wrong, strict=False))[: self.per_example]:
            why = (
                f"perception {chosen.value:g} ({chosen.row.text_id}) against {rejected.value:g} "
                f"({rejected.row.text_id}), by {source}"
            )
            for made in self._written(chosen.row, str(chosen.row.response), str(rejected.row.response), why):
                yield {**made, self.shape.key: pictures.of(first.images)}

    def _written(self, row: Row, chosen: str, rejected: str, why: str) -> Iterator[dict[str, Any]]:
        base = {**self.row(row), "why": why}
        if self.task == "dpo":
            if self.trainer == "trl":
                yield {**base, "chosen": [blocks("assistant", chosen)], "rejected": [blocks("assistant", rejected)]}
            elif self.trainer == "ms_swift":
                said = {"role": "assistant", "content": chosen}
                yield {**base, "messages": [*base["messages"], said], "rejected_response": rejected}
            else:
                yield {**base, "chosen": _gpt(chosen), "rejected": _gpt(rejected)}
            return
        for text, label in ((chosen, True), (rejected, False)):
            if self.trainer == "trl":
                yield {**base, "completion": [blocks("assistant", text)], "label": label}
            elif self.trainer == "ms_swift":
                said = {"role": "assistant", "content": text}
                yield {**base, "messages": [*base["messages"], said], "label": label}
            else:
                yield {**base, "conversations": [*base["conversations"], _gpt(text)], "label": label}


def _gpt(text: str) -> dict[str, str]:
    return {"from": "gpt", "value": text}


def _example(row: Row) -> Example:
    known = {name: row.values[name] for name in Example.model_fields if name in row.values and name != "images"}
    return Example.from_row({**known, "images": row.values["image_info"]})


def _batches(view: View, split: str) -> Iterator[np.ndarray]:
    """Rows of a split, all of an example in one batch, in the order in which the view first shows each."""
    at = np.flatnonzero(np.asarray(view.rows.column("split").to_pylist(), object) == split)
    codes = (
        view.rows.column("example_id")
        .take(pa.array(at))
        .combine_chunks()
        .dictionary_encode()
        .indices.to_numpy(zero_copy_only=False)
    )
    order = np.argsort(codes, kind="stable")  # codes count up in order of first appearance
    at, codes = at[order], codes[order]
    begins = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]]) if len(at) else np.arange(0)
    start = 0
    while start < len(at):
        last = int(np.searchsorted(begins, start + CHUNK, side="right")) - 1
        stop = len(at) if start + CHUNK >= len(at) else int(begins[last])
        if stop <= start:  # one example with more samples than a batch has rows
            behind = int(np.searchsorted(begins, start, side="right"))
            stop = int(begins[behind]) if behind < len(begins) else len(at)
        yield at[start:stop]
        start = stop


def _grouped(
    rows: list[Row | Refused], values: list[float | None]
) -> Iterator[list[tuple[Row | Refused, float | None]]]:
    """Rows of one example together."""
    group: list[tuple[Row | Refused, float | None]] = []
    for row, value in zip(rows, values, strict=True):
        if group and group[0][0].id != row.id:
            yield group
            group = []
        group.append((row, value))
    if group:
        yield group
