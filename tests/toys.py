"""Small deterministic plugins for tests, and the sources they read.

`toy_cards` reads a folder of JSON lines, one shard a file; a line's keys are those of a `Draft`. Workers and the
command line import this module by name: `sys.path` and `PYTHONPATH` hold this folder, and `install` writes the entry
points that let a process find it.
"""

import io
import json
import os
import random
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image, ImageDraw

from perceptdata import llm
from perceptdata.draft import BadRow, Draft, DraftResponse, FileIn, ZipMember
from perceptdata.errors import Rejected
from perceptdata.example import AllowedUse, Answer, Turn
from perceptdata.plugins import (
    Builder,
    Captioned,
    Captioner,
    CaptionItem,
    ImageItem,
    Judge,
    Judged,
    Opinion,
    Part,
    Tagger,
    TextItem,
)
from perceptdata.spans import PRO, Span, SpanSet
from perceptdata.tagging import Answers, Ask, AskingTagger, Told

HERE = Path(__file__).parent
ENTRY_POINTS = """
[perceptdata.builders]
toy_cards = toys:Cards
[perceptdata.taggers]
toy_words = toys:Words
toy_asks = toys:Asks
[perceptdata.captioners]
toy_sizes = toys:Sizes
[perceptdata.judges]
toy_lengths = toys:Lengths
"""


def install(site: Path) -> None:
    """Write the package's metadata into `site`, a folder on the path: entry points are read from there."""
    info = site / "perceptdata_toys-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: perceptdata-toys\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)


def environment(site: Path) -> dict[str, str]:
    """The environment of a process that sees the toys: no terminal, nothing of the caller's own workspace."""
    paths = [str(site), str(HERE), os.environ.get("PYTHONPATH", "")]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PERCEPTDATA_")}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "COLUMNS": "200", "NO_COLOR": "1"}


class Cards(Builder):
    """A folder of `*.jsonl`. `note` enters the rows; `pause` is slept before each, so that a kill lands in between."""

    name: ClassVar[str] = "toy_cards"
    corpus: ClassVar[str] = "Toys"
    licence: ClassVar[str] = "CC0-1.0"
    allowed_use: ClassVar[AllowedUse] = "train"

    note: str = ""
    pause: float = 0.0
    images: Path | None = None

    def parts(self, source: Path | None) -> Sequence[Part]:
        super().parts(source)
        return [Part(path) for path in sorted((source or Path()).glob("*.jsonl"))]

    def read(self, part: Part) -> Iterator[Draft | BadRow]:
        assert part.path is not None
        with part.path.open("rb") as lines:
            for number, line in enumerate(lines):
                time.sleep(self.pause)
                try:
                    row = json.loads(line)
                except ValueError as error:
                    yield BadRow(f"{part.path.stem}/{number}", "row.unreadable", f"line {number}: {error}")
                    continue
                misbehave(row.pop("act", None), part.path)
                yield self._draft(part.path.parent, row)

    def _draft(self, folder: Path, row: dict[str, Any]) -> Draft:
        named = [_reference(self.images or folder, name) for name in row.pop("images", [])]
        row["answer"] = Answer.model_validate(row.get("answer") or {"text": "1", "kind": "number"})
        row["responses"] = [DraftResponse(**given) for given in row.get("responses", [])]
        row["history"] = [Turn.model_validate(turn) for turn in row.get("history", [])]
        row["meta"] = {**row.get("meta", {}), **({"note": self.note} if self.note else {})}
        return Draft(**{"stage": "textual_reasoning", "question": "What is 1?", **row, "images": named})


def _reference(root: Path, name: str) -> FileIn | ZipMember:
    archive, inside, member = name.partition("!")
    return ZipMember(root / archive, member) if inside else FileIn(root, name)


def misbehave(act: str | None, path: Path) -> None:
    """What a row can make its reader do: end the process, be killed, fail, or (`once-…`) do so the first time only."""
    if act is None:
        return
    if act.startswith("once-"):
        mark = path.with_suffix(".done")
        if mark.exists():
            return
        mark.touch()
        act = act.removeprefix("once-")
    if act == "exit":
        os._exit(7)
    if act == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise ValueError(f"the toy broke on {path.name}")


class Words(Tagger):
    """A clause that holds one of `see` perceives, any other reasons; it is so `sure` of all."""

    name: ClassVar[str] = "toy_words"
    see: tuple[str, ...] = ("see", "picture")
    sure: float = 1.0

    def tag(self, texts: Sequence[TextItem]) -> list[SpanSet]:
        return [SpanSet.of(self._spans(item), self.scheme, self.name) for item in texts]

    def _spans(self, item: TextItem) -> list[Span]:
        clauses = zip(item.start.tolist(), item.end.tolist(), item.label.tolist(), strict=True)
        return [
            Span(start, end, self._label(item.text[start:end]), self.sure) for start, end, label in clauses if label < 0
        ]

    def _label(self, clause: str) -> str:
        return "perception" if any(word in clause for word in self.see) else "reasoning"


class Sizes(Captioner):
    """Captions an image by how many examples show it, and one of nobody's by a reason; `n` times the same."""

    name: ClassVar[str] = "toy_sizes"
    n: int = 1

    def caption(self, images: Sequence[ImageItem]) -> list[list[Captioned | Rejected]]:
        return [
            [Captioned(f"It is shown {len(item.examples)} times.", meta={"bytes": len(item.data)})] * self.n
            if item.data[:4] == b"\x89PNG"
            else [Rejected("toy_sizes.no_png", "it is no PNG")]
            for item in images
        ]


class Lengths(Judge):
    """Supports short claims, contradicts long ones, and has nothing to say of those that ask."""

    name: ClassVar[str] = "toy_lengths"
    limit: int = 20

    def judge(self, captions: Sequence[CaptionItem]) -> list[Judged]:
        return [
            Judged(tuple(self._opinion(item.claim(place)) for place in range(len(item.claims)))) for item in captions
        ]

    def _opinion(self, claim: str) -> Opinion:
        if claim.endswith("?"):
            return Opinion(None, unjudged="toy_lengths.question")
        return Opinion("supported" if len(claim) <= self.limit else "contradicted", evidence=claim)


def picture(number: int, size: tuple[int, int] = (24, 16)) -> bytes:
    """A PNG that differs for every number."""
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).rectangle((2, 2, 2 + number % 19, 12), fill=(number * 7 % 256, number // 5 % 256, 90))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def write_lines(path: Path, rows: Sequence[Mapping[str, Any] | str]) -> None:
    """JSON lines; a text stands as it is."""
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def card(number: int, **changes: Any) -> dict[str, Any]:
    """A textual row."""
    return {
        "key": str(number),
        "question": f"What is {number} + 0?",
        "answer": {"text": str(number), "kind": "number"},
        "response": f"I see {number} and 0. So the sum is {number}.",
        **changes,
    }


def write_cards(folder: Path, shards: int = 4, rows: int = 12, seed: int = 0) -> int:
    """A source with all three stages, shared images, brought responses with scores, duplicate ids within a file and
    across files, and rows of every kind of trouble. How many rows it has.
    """
    draw = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(6):
        (folder / f"{number}.png").write_bytes(picture(number))
    (folder / "cut.png").write_bytes(picture(7)[:-20])
    total = 0
    for shard in range(shards):
        lines: list[dict[str, Any] | str] = []
        for place in range(rows):
            number = shard * rows + place
            row = card(number, split="test" if number % 5 == 0 else "train", group=f"g{number}")
            image = draw.randrange(6)
            if place % 3 == 1:
                row |= {
                    "stage": "visual_reasoning",
                    "question": f"<image>What is {number}?",
                    "images": [f"{image}.png"],
                }
            elif place % 3 == 2:
                facts = f"a box of {number}"
                row |= {"stage": "perception", "question": "<image>State it.", "images": [f"{image}.png"]}
                row |= {"facts": facts, "facts_quality": "oracle", "answer": {"text": facts}, "response": None}
            if place % 4 == 0:
                tries = [{"text": f"Try {n}: I see {number}.", "score": float(n == shard % 3)} for n in range(3)]
                row |= {"responses": tries, "scores": {"difficulty": number / 100}}
            lines.append(row)
        split = lines[0]["split"] if isinstance(lines[0], dict) else ""
        lines.append(card(shard * rows, split=split, question="The same id again"))  # within the file
        lines.append(card(0, split="test", question="The first file's id"))  # across files
        lines.append(card(1000 + shard, stage="visual_reasoning", question="<image>Cut.", images=["cut.png"]))
        lines.append("{not json")
        write_lines(folder / f"{shard:02d}.jsonl", lines)
        total += len(lines)
    return total


class Asks(AskingTagger):
    """Asks which open clauses perceive: `{"number": …}` in, numbers with labels out; asks once for the rest."""

    name: ClassVar[str] = "toy_asks"
    splits: ClassVar[bool] = True

    def asks(self, texts: Sequence[TextItem], answers: Answers) -> Iterator[Ask]:
        """One question a text, and one more about what its answer left out."""
        for item in texts:
            open_clauses = [at for at, label in enumerate(item.label.tolist()) if label < 0]
            if not open_clauses:
                continue
            first = self._question(item, open_clauses)
            yield Ask(first, urgency=1.0 - float(item.score[open_clauses].mean()))
            known = self._read(answers(first))
            left = [at for at in open_clauses if known is not None and at not in known]
            if left:
                yield Ask(self._question(item, left))

    def told(self, texts: Sequence[TextItem], answers: Answers) -> list[Told]:
        """The labels that came; `half` cuts a clause in two."""
        return [self._told(item, answers) for item in texts]

    def _told(self, item: TextItem, answers: Answers) -> Told:
        labels: dict[int, str] = {}
        problem = None
        for ask in self.asks([item], answers):
            reply = answers(ask.request)
            read = self._read(reply)
            if reply is not None and read is None:
                problem = Rejected("tag.unreadable", "the reply is not a JSON object")
            labels |= read or {}
        spans = []
        for at, label in sorted(labels.items()):
            start, end = int(item.start[at]), int(item.end[at])
            if label == "half":
                middle = (start + end) // 2
                spans += [Span(start, middle, "perception"), Span(middle, end, "reasoning")]
            else:
                spans.append(Span(start, end, label))
        return Told(SpanSet.of(spans, PRO, self.name), problem)

    def _question(self, item: TextItem, clauses: list[int]) -> llm.Request:
        asked = {at: item.text[item.start[at] : item.end[at]] for at in clauses}
        return llm.Request((llm.Message("user", json.dumps(asked)),))

    def _read(self, reply: llm.Reply | None) -> dict[int, str] | None:
        try:
            return {int(at): label for at, label in json.loads(reply.text).items()} if reply and reply.ok else None
        except (ValueError, AttributeError):
            return None
