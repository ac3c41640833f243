"""Blame: a panel of judges says of wrong answers what went wrong first, and people audit a sample of its words.

    blame(ws, "diag", "diag_image", form, judges=[endpoint], audited="blamed")
    plan_audit(ws, ReviewPlan(name="blamed", screen="errors", layers=("diag_image",), …), form)     # a review

Every judge is asked about every wrong answer, through the cache of replies: nothing is paid for twice, and what was cut
off goes on. Which of them are calibrated how is `diagnosis.attribution`'s. An audit is a review like any other: pushed,
pulled and adjudicated by `steps.reviews`; what stands of it in the end is what counts here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from perceptdata import llm
from perceptdata.diagnosis.answered import read
from perceptdata.diagnosis.attribution import Attribution, Labelled, exact
from perceptdata.diagnosis.audit import audited
from perceptdata.diagnosis.judging import Word, majority, pieces, request, word_of
from perceptdata.diagnosis.measures import FEWEST
from perceptdata.diagnosis.unfolding import corrected
from perceptdata.errors import UsageError
from perceptdata.example import Example, text_id
from perceptdata.formats import Format
from perceptdata.layers import text_sha256
from perceptdata.review.plan import ReviewPlan, load_plan
from perceptdata.review.planning import Planned, make_plan
from perceptdata.workspace import layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace


class Wrong(NamedTuple):
    """A wrong answer: its address, its example, its text, and its kind where the scene tells."""

    address: str
    example: Example
    text: str
    truth: str | None


WORDS = pa.schema(
    [
        *((name, pa.string()) for name in ("text_id", "example_id", "said", "scene", "people")),
        ("words", pa.list_(pa.struct([("judge", pa.string()), ("kind", pa.string()), ("piece", pa.string())]))),
    ]
)
"""A row a wrong answer: what the panel says, what its scene tells, what people say, and each judge's word with the
piece of the response that it names.
"""


class Blamed(NamedTuple):
    """The shares, the words that they are made of (`WORDS`), why some answers have none yet (None where all have), and
    what asking took.
    """

    attribution: Attribution
    words: pa.Table
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
    audited: str | None = None,
    budget: llm.Budget | None = None,
    retry_failed: bool = False,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> Blamed:
    """Ask the panel, and tell the shares; without judges, what people say. Raises UsageError for another review."""
    wrong = wrong_answers(ws, layer, form)
    people = read_audit(ws, audited, layer, wrong) if audited else {}
    words: dict[str, list[Word | None]] = {each.address: [] for each in wrong}
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
        Labelled(
            address=each.address,
            group=each.example.group,
            said=majority([None if word is None else word.kind for word in words[each.address]]),
            truth=each.truth,
        )
        for each in wrong
    ]
    names = [judge.model for judge in judges]
    told = [
        {
            "text_id": each.address,
            "example_id": each.example.id,
            "said": label.said,
            "scene": each.truth,
            "people": people.get(each.address),
            "words": [
                {"judge": name, "kind": word.kind, "piece": _piece(each.text, word)}
                for name, word in zip(names, words[each.address], strict=True)
                if word is not None
            ],
        }
        for each, label in zip(wrong, labelled, strict=True)
    ]
    return Blamed(attribute(labelled, people), pa.Table.from_pylist(told, WORDS), stopped, spent)


def _piece(response: str, word: Word) -> str | None:
    """The piece that a judge names; None where it names none that is there."""
    there = pieces(response)
    return there[word.first_wrong - 1] if 0 < word.first_wrong <= len(there) else None


def _counting(watch: Callable[[int, int], None], before: int, total: int) -> Callable[[int, llm.Ledger], None]:
    return lambda done, ledger: watch(before + done, total)


def attribute(labelled: Sequence[Labelled], people: Mapping[str, str]) -> Attribution:
    """The shares of the answers whose scenes are not known; of all, where every scene is.

    With `FEWEST` people's labels, or where no scene is known, people's word counts, and the judge's helps; else the
    judge's, corrected by exact scenes.
    """
    unknown = [each for each in labelled if each.truth is None]
    target = unknown or list(labelled)
    known = [each for each in labelled if each.truth is not None]
    told = [each.model_copy(update={"truth": people.get(each.address)}) for each in target]
    read_by_people = sum(each.truth is not None for each in told)
    if read_by_people >= FEWEST or (people and not (known and any(each.said is not None for each in labelled))):
        return audited(told)
    return corrected(target, known)


def estimate_blame(
    ws: Workspace, name: str, layer: str, form: Format, judges: Sequence[llm.Endpoint]
) -> list[dict[str, Any]]:
    """What each judge would be asked, before anything is sent."""
    from dataclasses import asdict

    wrong = wrong_answers(ws, layer, form)
    requests = [request(each.example, each.text) for each in wrong]
    with llm.known_replies(ws.path / llm.REPLIES, f"{name}_blame") as replies:
        return [asdict(llm.estimate(requests, judge, replies, images=ws.images)) for judge in judges]


def plan_audit(ws: Workspace, plan: ReviewPlan, form: Format) -> Planned:
    """Plan the review of a diagnosis: wrong answers of the plan's layer, drawn by chance, for people to read blind.

    Of those whose truth no scene tells, where there are any, and about one picture: screens show no more. Raises
    UsageError where no answer is wrong.
    """
    wrong = [each for each in wrong_answers(ws, plan.layers[0], form) if len(each.example.images) == 1]
    unknown = [each for each in wrong if each.truth is None]
    if not wrong:
        raise UsageError(f"no answer of {plan.layers[0]} about one picture is wrong; there is nothing to read")
    return make_plan(ws, plan, {each.address for each in unknown or wrong})


def read_audit(ws: Workspace, name: str, layer: str, wrong: Sequence[Wrong]) -> dict[str, str]:
    """The kinds that stand in a review, by address; open disputes are left out, and texts that are others by now.

    Raises UsageError for a review of something else, and where nothing of it counts.
    """
    plan = load_plan(ws, name)
    if plan.screen != "errors" or plan.layers != (layer,):
        raise UsageError(f"review '{name}' asks other things than what went wrong in '{layer}'; name its own review")
    final = f"{name}_final"
    if not ws.shards(layer_room("reviews"), final):
        raise UsageError(
            f"nobody has answered review '{name}' yet; take answers in with: perceptdata review pull {name}"
        )
    known = {(each.address, text_sha256(each.text)) for each in wrong}
    rows = ws.layer(final, "reviews").to_table(columns=["text_id", "text_sha256", "verdict"]).to_pylist()
    found = {row["text_id"]: row["verdict"] for row in rows if (row["text_id"], row["text_sha256"]) in known}
    if not found:
        raise UsageError(f"review '{name}' is of other answers than those of '{layer}' today; plan another one")
    return found
