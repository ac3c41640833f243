"""Blame: a panel of judges says of wrong answers what went wrong first, and people audit a sample of its words.

    blame(ws, "diag", "diag_image", form, judges=[endpoint], audited=Path("audit.jsonl"))
    draw_audit(ws, "diag_image", form, 50, Path("audit"))     # audit.jsonl to fill in, with the pictures beside

Every judge is asked about every wrong answer, through the cache of replies: nothing is paid for twice, and what was cut
off goes on. Which of them are calibrated how is `diagnosis.attribution`'s.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow.compute as pc

from perceptdata import llm
from perceptdata.diagnosis.answered import read
from perceptdata.diagnosis.attribution import KINDS, Attribution, Labelled, corrected, exact
from perceptdata.diagnosis.judging import majority, request, word_of
from perceptdata.diagnosis.measures import FEWEST
from perceptdata.errors import UsageError
from perceptdata.example import Example, text_id
from perceptdata.formats import Format
from perceptdata.manifest import disk_error, write_atomically

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

AUDIT = "audit.jsonl"


class Wrong(NamedTuple):
    """A wrong answer: its address, its example, its text, and its kind where the scene tells."""

    address: str
    example: Example
    text: str
    truth: str | None


class Blamed(NamedTuple):
    """The shares, why some answers have no word yet (None where all have), and what asking took."""

    attribution: Attribution
    stopped: str | None
    spent: dict[str, Any]


def wrong_answers(ws: Workspace, layer: str, form: Format) -> list[Wrong]:
    """Those of a layer that are wrong or could not be read, in order of address."""
    table = read(ws, {"image": layer}, form)
    rows = {text_id(row["id"], layer, row["sample"]): row for row in table.to_pylist()}
    blamed = {address: row for address, row in rows.items() if row["state"] in ("wrong", "unparsed")}
    columns = ["text_id", "example_id", "text"]
    chosen = pc.field("text_id").isin(list(blamed))
    said = ws.layer(layer, "responses").to_table(columns=columns, filter=chosen).to_pylist()
    owners = pc.field("id").isin(sorted({row["example_id"] for row in said}))
    held = ws.examples().to_table(filter=owners).to_pylist()
    examples = {row["id"]: Example.from_row(row) for row in held}
    found = [
        Wrong(row["text_id"], examples[row["example_id"]], row["text"], exact(blamed[row["text_id"]])) for row in said
    ]
    return sorted(found, key=lambda each: each.address)


def blame(
    ws: Workspace,
    name: str,
    layer: str,
    form: Format,
    judges: Sequence[llm.Endpoint],
    *,
    audited: Path | None = None,
    budget: llm.Budget | None = None,
    retry_failed: bool = False,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> Blamed:
    """Ask the panel, and tell the shares. Raises UsageError for an audit of other answers or kinds."""
    wrong = wrong_answers(ws, layer, form)
    people = read_audit(audited, {each.address for each in wrong}) if audited else {}
    words: dict[str, list[str | None]] = {each.address: [] for each in wrong}
    stopped: str | None = None
    with llm.ReplyCache(ws.path / llm.REPLIES, step=f"{name}_blame") as replies:
        for number, judge in enumerate(judges):
            before = number * len(wrong)
            run = llm.run_requests(
                (request(each.example, each.text) for each in wrong),
                judge,
                replies,
                images=ws.images,
                budget=budget,
                retry_failed=retry_failed,
                watch=_counting(watch, before, len(judges) * len(wrong)),
            )
            stopped = stopped or run.stopped
            for each in wrong:
                words[each.address].append(word_of(replies.get(request(each.example, each.text).key(judge))))
        spent = replies.ledger.to_json()
    labelled = [
        Labelled(address=each.address, group=each.example.group, said=majority(words[each.address]), truth=each.truth)
        for each in wrong
    ]
    return Blamed(attribute(labelled, people), stopped, spent)


def _counting(watch: Callable[[int, int], None], before: int, total: int) -> Callable[[int, llm.Ledger], None]:
    return lambda done, ledger: watch(before + done, total)


def attribute(labelled: Sequence[Labelled], people: Mapping[str, str]) -> Attribution:
    """The shares of the answers whose scenes are not known; of all, where every scene is.

    With `FEWEST` people's labels the judge is corrected by them, in all five kinds; else by exact scenes, in three.
    """
    unknown = [each for each in labelled if each.truth is None]
    target = unknown or list(labelled)
    read_by_people = [
        each.model_copy(update={"truth": people[each.address]}) for each in labelled if each.address in people
    ]
    if len(read_by_people) >= FEWEST:
        return corrected(target, read_by_people, "audited")
    return corrected(target, [each for each in labelled if each.truth is not None], "exact")


def estimate_blame(
    ws: Workspace, name: str, layer: str, form: Format, judges: Sequence[llm.Endpoint]
) -> list[dict[str, Any]]:
    """What each judge would be asked, before anything is sent."""
    from dataclasses import asdict

    wrong = wrong_answers(ws, layer, form)
    requests = [request(each.example, each.text) for each in wrong]
    with llm.known_replies(ws.path / llm.REPLIES, f"{name}_blame") as replies:
        return [asdict(llm.estimate(requests, judge, replies, images=ws.images)) for judge in judges]


def draw_audit(ws: Workspace, layer: str, form: Format, size: int, folder: Path) -> int:
    """Leave `size` wrong answers for people: a JSON line each with `kind: null` to fill in, and their pictures.

    Drawn by the hash of their addresses, of those whose truth is not known where there are any; the judge's words are
    not shown. How many there are. Raises UsageError for a file that is there already: somebody may be filling it in.
    """
    wrong = wrong_answers(ws, layer, form)
    unknown = [each for each in wrong if each.truth is None]
    drawn = sorted(unknown or wrong, key=lambda each: hashlib.sha256(each.address.encode()).hexdigest())[:size]
    if (folder / AUDIT).exists():
        raise UsageError(f"{folder / AUDIT} is there already; fill it in, or name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, folder) from error
    lines = [json.dumps(_line(ws, each, folder), ensure_ascii=False) + "\n" for each in drawn]
    write_atomically(folder / AUDIT, "".join(lines).encode())
    return len(lines)


def read_audit(path: Path, known: set[str]) -> dict[str, str]:
    """The kinds that people gave, by address; lines that are not filled in are left out."""
    if not path.exists():
        raise UsageError(f"{path} is not there; make it with: perceptdata diagnose blame --audit 50")
    found: dict[str, str] = {}
    for number, line in enumerate(_lines(path), 1):
        if line.get("kind") is None:
            continue
        if line["kind"] not in KINDS:
            raise UsageError(f"{path}, line {number}: '{line['kind']}' is no kind; write one of {', '.join(KINDS)}")
        if line.get("address") not in known:
            raise UsageError(f"{path}, line {number}: {line.get('address')} is no wrong answer of this diagnosis")
        found[str(line["address"])] = str(line["kind"])
    return found


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise UsageError(f"{path}, line {number}: no JSON object; change nothing but the kinds")
        yield found


def _line(ws: Workspace, wrong: Wrong, folder: Path) -> dict[str, Any]:
    files = []
    for image in wrong.example.images:
        ending = ws.images.row(image.sha256)["media_type"].partition("/")[2]
        file = folder / f"{image.sha256[:16]}.{ending}"
        write_atomically(file, bytes(memoryview(ws.images[image.sha256])))
        files.append(file.name)
    return {
        "kind": None,
        "kinds": list(KINDS),
        "address": wrong.address,
        "pictures": files,
        "question": wrong.example.question,
        "answer": wrong.example.answer.text,
        "response": wrong.text,
    }
