"""Planning: from layers and a plan to every task of every reader, the same every time.

    count = make_plan(ws, plan)               # writes reviews/<name>/tasks.parquet and plan.json
    revise(ws, plan)                          # texts or pre-annotations changed: new revisions beside the old tasks

What was planned is never planned otherwise: people may be reading it. The same plan changes nothing; only the options
of the place, such as people's addresses, may be others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING

from perceptdata.errors import UsageError
from perceptdata.review.candidates import Candidates, caption_candidates, span_candidates
from perceptdata.review.checks import Known, known_answers, pick_checks
from perceptdata.review.filling import Filler, Pick, images_of
from perceptdata.review.plan import (
    Check,
    PlannedTask,
    ReviewPlan,
    load_plan,
    review_folder,
    save_plan,
    tasks_of,
    write_tasks,
)
from perceptdata.review.selecting import Chosen, deal, luck, mixed, select

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Planned:
    """What was planned: how many texts could be read, how many are, and the readings of each person."""

    candidates: int
    texts: int
    tasks: int
    people: dict[str, int]
    strata: dict[str, int]
    checks: int
    blind: int


def make_plan(ws: Workspace, plan: ReviewPlan, among: Collection[str] | None = None) -> Planned:
    """Choose, deal out, and keep; `among` are the addresses that may be chosen, where not all may. Raises UsageError
    where the name is taken by another plan or step.
    """
    refuse_taken(ws, plan)
    pool = (
        span_candidates(ws, plan.layers, plan.select, plan.by)
        if plan.layers
        else caption_candidates(ws, str(plan.captions), plan.judges, plan.select, plan.by)
    )
    if among is not None:
        pool = pool.among(among)
    known = known_answers(ws, plan)
    place = {address: at for at, address in enumerate(pool.text_id)}
    possible = {
        address for address, each in known.items() if address in place and pool.sha256[place[address]] == each.sha256
    }
    qualify, traps = pick_checks(plan, known, possible) if known else ([], [])
    chosen = select(pool, plan.select, _wide(plan, pool), plan.seed, without={*qualify, *traps})
    if plan.screen == "combined":
        chosen = _one_a_picture(ws, plan, pool, chosen, {*qualify, *traps})
    if not len(chosen):
        raise UsageError(_nothing(plan))
    picks = _picks(plan, pool, place, chosen, qualify, traps, known)
    path = review_folder(ws, plan.name) / "tasks.parquet"
    if not (review_folder(ws, plan.name) / "plan.json").exists():
        write_tasks(path, Filler(ws, plan).tasks(picks))
    save_plan(ws, plan)
    return summary(ws, plan, len(pool))


def summary(ws: Workspace, plan: ReviewPlan, candidates: int) -> Planned:
    """What the kept tasks are."""
    table = tasks_of(ws, plan).table(["key", "reader", "check", "blind", "stratum"])
    rows = table.to_pylist()
    people = {person: sum(row["reader"] == person for row in rows) for person in plan.people}
    strata: dict[str, int] = {}
    for stratum in {row["key"]: row["stratum"] for row in rows if row["check"] is None}.values():
        strata[stratum or "all"] = strata.get(stratum or "all", 0) + 1
    return Planned(
        candidates=candidates,
        texts=sum(strata.values()),
        tasks=len(rows),
        people=people,
        strata=dict(sorted(strata.items())),
        checks=len({row["key"] for row in rows if row["check"] is not None}),
        blind=len({row["key"] for row in rows if row["blind"]}),
    )


def revise(ws: Workspace, plan: ReviewPlan) -> dict[str, int]:
    """Bring the tasks up to today's layers: a text that changed gives a new task beside the old one, whose answers
    stay what they are; a pre-annotation that changed replaces the old one in tasks of the same text.
    """
    old = [PlannedTask.from_row(row) for row in tasks_of(ws, plan).rows()]
    have = {(task.key, task.reader, task.content) for task in old}
    picks = [_again(task) for task in {(each.key, each.reader): each for each in old}.values()]
    today = {(task.key, task.reader): task for task in Filler(ws, plan).tasks(picks)}
    found, revised, guesses = [], 0, 0
    for task in old:
        now = today.get((task.key, task.reader))
        if now is not None and now.content == task.content and now.guesses != task.guesses:
            guesses += 1
            found.append(task.model_copy(update={"guesses": now.guesses, "guessed_by": now.guessed_by}))
        else:
            found.append(task)
    for task in today.values():
        if (task.key, task.reader, task.content) not in have:
            revised += 1
            found.append(task)
    if revised or guesses:
        write_tasks(review_folder(ws, plan.name) / "tasks.parquet", found)
    return {"revised": revised, "guesses": guesses, "gone": len(picks) - len(today)}


def refuse_taken(ws: Workspace, plan: ReviewPlan) -> None:
    """Raises UsageError where the name or one that it implies belongs to something else."""
    for name in (plan.name, f"{plan.name}_final", *(plan.producer_of(person) for person in plan.people)):
        state = ws.manifest.steps.get(name)
        if state is not None and state.current.do != "review":
            raise UsageError(f"'{name}' is a {state.current.do} step in {ws.path}; give the review another name")
    if not (review_folder(ws, plan.name) / "plan.json").exists():
        return
    if load_plan(ws, plan.name).model_copy(update={"options": plan.options}) != plan:
        raise UsageError(
            f"review '{plan.name}' was planned already, otherwise; people may be reading it: give this one another name"
        )


def _wide(plan: ReviewPlan, pool: Candidates) -> int:
    """All candidates where later choices may leave some out."""
    return len(pool) if plan.screen == "combined" else plan.budget


def _one_a_picture(ws: Workspace, plan: ReviewPlan, pool: Candidates, chosen: Chosen, checks: set[str]) -> Chosen:
    """The first text of each captioned picture, up to the budget: a caption is read once."""
    owners = [pool.text_id[at].rpartition("#")[0] for at in chosen.place.tolist()]
    pictures = images_of(ws, {*owners, *(address.rpartition("#")[0] for address in checks)})
    captioned = set(Filler(ws, plan).captions_by_picture(set(pictures.values())))
    seen = {pictures.get(address.rpartition("#")[0]) for address in checks}
    kept: list[int] = []
    for at, owner in enumerate(owners):
        picture = pictures.get(owner)
        if picture in captioned and picture not in seen and len(kept) < plan.budget:
            seen.add(picture)
            kept.append(at)
    return Chosen(chosen.place[kept], chosen.probability[kept])


def _picks(
    plan: ReviewPlan,
    pool: Candidates,
    place: dict[str, int],
    chosen: Chosen,
    qualify: Sequence[str],
    traps: Sequence[str],
    known: dict[str, Known],
) -> list[Pick]:
    """Each queue in the order in which it is to be read: qualification, then the chosen texts with traps among them."""
    names = [pool.text_id[at] for at in chosen.place.tolist()]
    chance = dict(zip(names, chosen.probability.tolist(), strict=True))
    hidden = sorted(names, key=lambda name: luck(plan.seed, "blind", name))[: round(plan.blind * len(names))]
    blind = {*hidden, *qualify, *(traps if plan.blind == 1 else ())}
    dealt = deal(names, len(plan.people), plan.overlap, plan.shared, plan.seed)
    picks = []
    for person, reader in enumerate(plan.people):
        own = [name for name, who in zip(names, dealt, strict=True) if person in who]
        queue = [*qualify, *mixed(own, traps, plan.seed, reader)]
        for at, name in enumerate(queue):
            check: Check | None = "qualification" if name in qualify else "trap" if name in traps else None
            row = place[name]
            probability = chance.get(name, float("nan"))
            picks.append(
                Pick(
                    address=name,
                    about=pool.about[row],
                    reader=reader,
                    place=at,
                    blind=name in blind,
                    check=check,
                    known=known.get(name) if check else None,
                    stratum=pool.stratum[row],
                    probability=None if isnan(probability) or check else probability,
                    score=None if check or plan.select in ("audit", "random") else float(pool.score[row]),
                )
            )
    return picks


def _again(task: PlannedTask) -> Pick:
    """What a task was made from."""
    known = Known("", task.gold, task.gold_verdict) if task.check else None
    return Pick(
        address=task.key,
        about=task.about,
        reader=task.reader,
        place=task.place,
        blind=task.blind,
        check=task.check,
        known=known,
        stratum=task.stratum or "",
        probability=task.probability,
        score=task.score,
    )


def _nothing(plan: ReviewPlan) -> str:
    if plan.select == "disagreement":
        return f"{' and '.join(plan.layers or plan.judges)} differ on no text: select at random or by uncertainty"
    if plan.screen == "combined":
        return f"no text that '{plan.layers[0]}' speaks of shows a picture that '{plan.captions}' captions"
    return (
        f"there is no text to read: '{(plan.layers or (plan.captions,))[0]}' is empty, or all of it is among the checks"
    )
