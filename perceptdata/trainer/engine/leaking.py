"""PALR of a distillation run: every so many steps the teachers are asked again, misinformed and before other pictures.

    leaking = Leaking(trainer, every=10, wrong=3)
    out |= leaking.ask(rows, pictures, route, ids, rollouts, taught)      # with a rollout batch
    leaking.add(said, inputs)                                             # with the loss of a micro-batch
    leaking.rates()                                                       # palr/all, palr/description, palr/<segment>

What a teacher is asked is rendered anew for each wrong answer; pictures are those of another row of this rank's rollout
batch (`counterfactuals`). Left out are rollouts that do not parse, rows without pictures, and rows for which there is
no other picture or no wrong answer; `rollouts/palr` is the share that stays. Nothing here draws a random number or
touches the loss: a run with it ends in the weights of a run without, to the last bit. What the student says is taken
from the loss, dropout included.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from perceptdata.trainer.core.leakage import averaged, contributions, rate
from perceptdata.trainer.core.segments import Rollouts
from perceptdata.trainer.engine.counterfactuals import misinformed, moved, other_pictures, taken, wrong_answers
from perceptdata.trainer.engine.teachers import asked, reserved
from perceptdata.trainer.rows import Row

if TYPE_CHECKING:
    from perceptdata.trainer.engine.distillation import SegmentDistillation

BLIND = "image"
"""The teacher who is never told the answer."""


class Leaking:
    """Of one trainer: at every `every`-th step from the first on, against at most `wrong` wrong answers."""

    def __init__(self, trainer: SegmentDistillation, every: int, wrong: int) -> None:
        self.trainer, self.every, self.wrong = trainer, every, wrong
        setup = trainer.setup
        self.parts = ("description", "reasoning") if {"description", "think"} <= set(setup.form.blocks) else ()
        plan = [segment.name for segment in setup.plan if segment.rollouts != "invalid"]
        self.groups = tuple(dict.fromkeys(("all", *self.parts, *plan)))
        self._sums: Tensor | None = None
        self._rolled: Tensor | None = None
        self._warned = False

    @property
    def due(self) -> bool:
        """Is it the turn of the step that comes next? The same on every rank."""
        return bool(self.trainer.model.training) and self.trainer.state.global_step % self.every == 0

    def ask(
        self,
        rows: Sequence[Row],
        pictures: Sequence[list[Any]],
        route: Tensor,
        ids: Tensor,
        rollouts: Rollouts,
        states: Sequence[Tensor],
    ) -> dict[str, list[Tensor]]:
        """Of each row's n served tokens: `said`, [n, 3] log probabilities of their teacher as it is, misinformed, and
        before another picture; `leaks`, [n, 1 + groups] bool: is their teacher told the answer, and which groups.

        Every rank makes as many passes, be they over no row.
        """
        places, wrong = other_pictures(rows), self._misled(rows)
        counted = [
            parsed and place is not None and bool(own or not informed)
            for parsed, place, own, informed in zip(
                rollouts.parsed.tolist(), places, wrong, self._informed(route), strict=True
            )
        ]
        if not any(places):
            self._warn()

        def said(shown: Sequence[Row | None], seen: Sequence[list[Any]], told: bool) -> list[Tensor]:
            states = self._states(shown, seen, told, route, ids, rollouts.completion)
            return self.trainer.likelihoods(states, route, ids)

        own = self.trainer.likelihoods(states, route, ids)
        misled: list[list[Tensor]] = [[] for _ in rows]
        for turn in range(self.wrong):
            shown = [each[turn] if ok and turn < len(each) else None for each, ok in zip(wrong, counted, strict=True)]
            for at, each in enumerate(said(shown, pictures, told=True)):
                if shown[at] is not None:
                    misled[at].append(each)
        elsewhere = said(
            [
                moved(row, rows, place) if place and ok else None
                for row, place, ok in zip(rows, places, counted, strict=True)
            ],
            [taken(pictures, place or ()) for place in places],
            told=False,
        )
        average = [averaged(torch.stack(each)) if each else own[at] for at, each in enumerate(misled)]
        count = torch.tensor([sum(counted), len(counted)], dtype=torch.float64)
        self._rolled = count if self._rolled is None else self._rolled + count
        self._sums = torch.zeros(len(self.groups), 3, dtype=torch.float64) if self._sums is None else self._sums
        return {
            "said": [torch.stack(each, dim=1) for each in zip(own, average, elsewhere, strict=True)],
            "leaks": self._leaks(route, rollouts, counted),
        }

    def _misled(self, rows: Sequence[Row]) -> list[list[Row]]:
        """Each row with wrong answers, in its response too where a teacher is told that."""
        setup, special = self.trainer.setup, reserved(self.trainer.reader)
        found = [
            [each for each in own if not any(token in each["answer"]["text"] for token in special)]
            for own in wrong_answers(rows, self.trainer.ladder, self.wrong)
        ]
        if setup.knows != "response" and all(segment.teacher != "demonstration" for segment in setup.plan):
            return found
        told = [[misinformed(each, row, setup.form) for each in own] for row, own in zip(rows, found, strict=True)]
        return [[each for each in own if each is not None] for own in told]

    def _informed(self, route: Tensor) -> list[bool]:
        """Does a teacher who is told the answer serve a token of the row?"""
        tells = [False, *(segment.teacher != BLIND for segment in self.trainer.setup.plan)]
        return torch.tensor(tells, device=route.device)[route].any(dim=1).tolist()

    def _states(
        self,
        shown: Sequence[Row | None],
        pictures: Sequence[list[Any]],
        told: bool,
        route: Tensor,
        ids: Tensor,
        completion: Tensor,
    ) -> list[Tensor]:
        """As `SegmentDistillation.taught`, of these rows; with `told`, of those alone who are told the answer."""
        setup = self.trainer.setup
        requests = [
            [
                None
                if row is None or (told and segment.teacher == BLIND)
                else asked(segment, row, setup.form, setup.knows)
                for row in shown
            ]
            for segment in setup.plan
        ]
        return self.trainer.taught(requests, pictures, route, ids, completion)

    def _leaks(self, route: Tensor, rollouts: Rollouts, counted: Sequence[bool]) -> list[Tensor]:
        plan = self.trainer.setup.plan
        whole = torch.zeros_like(route, dtype=torch.bool)
        masks = dict.fromkeys(self.groups, whole)
        masks |= {name: getattr(rollouts, name) for name in self.parts}
        told = whole
        for number, segment in enumerate(plan, start=1):
            if segment.rollouts != "invalid":
                masks[segment.name] = route == number
                masks["all"] = masks["all"] | masks[segment.name]
                told = told | (masks[segment.name] if segment.teacher != BLIND else whole)
        ok = masks["all"] & torch.tensor(counted, device=route.device)[:, None]
        table = torch.stack([told, *(masks[name] & ok for name in self.groups)], dim=-1)
        return [each[own > 0] for each, own in zip(table, route, strict=True)]

    def add(self, student: Tensor, inputs: dict[str, Any]) -> None:
        """A micro-batch: the student's log probabilities of its served tokens, [N]."""
        if "said" not in inputs:
            return
        own, wrong, elsewhere = torch.cat(inputs["said"]).to(student.device).unbind(dim=1)
        told, *groups = torch.cat(inputs["leaks"]).unbind(dim=1)
        parts = contributions(student, own, wrong, elsewhere, told).double()
        counted = torch.cat([parts, torch.ones_like(parts[:, :1])], dim=1)
        assert self._sums is not None  # made when the teachers were asked
        self._sums = self._sums.to(parts.device) + torch.stack([counted[mask].sum(dim=0) for mask in groups])

    def rates(self) -> dict[str, float]:
        """Of all ranks since the last call, and the share of rollouts that they are of. Empty where none was asked."""
        if self._sums is None or self._rolled is None:
            return {}
        accelerator = self.trainer.accelerator
        sums, rolled = (accelerator.reduce(each.to(accelerator.device), "sum") for each in (self._sums, self._rolled))
        self._sums = self._rolled = None
        found = {f"palr/{name}": float(rate(each[:2])) for name, each in zip(self.groups, sums, strict=True) if each[2]}
        return {**found, "rollouts/palr": float(rolled[0] / rolled[1])}

    def _warn(self) -> None:
        if not self._warned:
            warnings.warn(
                "palr_every: no row of this rollout batch has another row's picture to be compared with, so nothing is "
                "logged of it; a rollout batch is batch x accumulate rows a device, raise either",
                stacklevel=2,
            )
        self._warned = True
