"""What a name on the command line means, and how two of a kind are compared.

compared("results/base", "results/staged", Path("workspace"))        # folders of results
compared("runs/a", "runs/b", …)                                       # training runs
compared("base", "sft", Path("ws"))                                   # diagnoses, layers or views of a workspace
compared("ws1:diag", "ws2:diag", …)                                   # the same in two workspaces
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from perceptdata.comparison.diagnoses import (
    FOLDER,
    MANIFEST,
    Diagnosed,
    DiagnosisFindings,
    compare_diagnoses,
    is_diagnosis,
)
from perceptdata.comparison.findings import Findings, compare
from perceptdata.comparison.results import Results
from perceptdata.comparison.runs import RunFindings, compare_runs
from perceptdata.comparison.scored import Scored, steps_of
from perceptdata.comparison.stored import ABOUT, ITEMS, Stored
from perceptdata.comparison.texts import LayerFindings, compare_spans, compare_texts
from perceptdata.comparison.views import compare_views
from perceptdata.errors import UsageError
from perceptdata.trainer.run import RUN
from perceptdata.view import DEFAULT_VIEWS

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

Kind = Literal["diagnoses", "results", "runs", "spans", "captions", "responses", "views"]
LAYERS: tuple[Literal["captions", "responses", "spans"], ...] = ("captions", "responses", "spans")


@dataclass(frozen=True)
class Choices:
    """How two are compared: on common items only, how many are shown, where pictures lie, and which score counts."""

    intersection: bool = False
    shown: int = 12
    images: Path | None = None
    score: str | None = None
    seed: int = 0


@dataclass(frozen=True)
class Side:
    """One of two: what it can be compared as, the likeliest first, its name, and what it is read from."""

    kinds: tuple[Kind, ...]
    name: str
    ws: Any = None
    path: Path | None = None


AnyFindings = DiagnosisFindings | Findings | LayerFindings | RunFindings


def compared(a: str, b: str, workspace: Path, choices: Choices | None = None) -> AnyFindings:
    """Compare two of a kind. Raises UsageError for names that mean nothing, or two kinds."""
    how = choices or Choices()
    one, other = resolve(a, workspace), resolve(b, workspace)
    kind = common(one, other)
    if kind == "diagnoses":
        first_side, second_side = Diagnosed.open(_folder(one), a), Diagnosed.open(_folder(other), b)
        return compare_diagnoses(first_side, second_side, how.intersection, how.shown, how.seed)
    if kind == "runs":
        return compare_runs(_folder(one), _folder(other))
    if kind == "results":
        first, second = _results(one, how), _results(other, how)
        if first.name == second.name:
            first, second = replace(first, name=a), replace(second, name=b)
        return compare(first, second, how.intersection, how.shown, seed=how.seed)
    if kind == "views":
        return compare_views(one.ws.view(one.name), other.ws.view(other.name), how.shown, how.seed)
    if one.ws.path.resolve() != other.ws.path.resolve():
        raise UsageError(f"{a} and {b} are layers of two workspaces; layers speak of texts of one")
    if kind == "spans":
        return compare_spans(one.ws, one.name, other.name, how.shown)
    return compare_texts(one.ws, one.name, other.name, kind, how.shown, how.seed)


def common(one: Side, other: Side) -> Kind:
    """What both can be compared as. Raises UsageError where that is nothing."""
    for kind in one.kinds:
        if kind in other.kinds:
            return kind
    raise UsageError(f"{one.name} is of {one.kinds[0]}, {other.name} of {other.kinds[0]}; two of a kind are compared")


def _folder(side: Side) -> Path:
    if side.path is None:
        raise UsageError(f"{side.name} is no folder of a training run or diagnosis")
    return side.path


def resolve(name: str, workspace: Path) -> Side:
    """A folder of a diagnosis, of results or of a run, or `[WORKSPACE:]NAME` of a diagnosis, layer or view."""
    folder = Path(name)
    if folder.is_dir() and is_diagnosis(folder):
        return Side(("diagnoses",), name, path=folder)
    if folder.is_dir() and (folder / ABOUT).exists() and (folder / ITEMS).exists():
        return Side(("results",), name, path=folder)
    if folder.is_dir() and (folder / RUN).exists():
        return Side(("runs",), name, path=folder)
    if folder.is_dir() and (folder / MANIFEST).exists():
        raise UsageError(f"{name} is a workspace; say what of it is compared: {name}:NAME, a diagnosis, layer or view")
    place, colon, inner = name.rpartition(":")
    root = Path(place) if colon else workspace
    if not (root / MANIFEST).exists():
        raise UsageError(
            f"{name} is no folder of a diagnosis, of results or of a training run, and {root} is no workspace with a "
            "layer of that name; "
            "results of a harness are read first: perceptdata eval import FOLDER --to DIR"
        )
    from perceptdata.workspace import Workspace

    ws = Workspace(root)
    return _of_workspace(ws, inner if colon else name)


def _of_workspace(ws: Workspace, name: str) -> Side:
    wrote = ws.layers().get(name, [])
    folder = ws.path / FOLDER / name
    found: list[Kind] = ["diagnoses"] if is_diagnosis(folder) else []
    if steps_of(ws, name):
        found.append("results")
    # The spans of a caption step are its claims, not anybody's labels.
    found += [kind for kind in LAYERS if kind in wrote and not (kind == "spans" and "captions" in wrote)]
    if "reviews" in wrote and "spans" not in found:
        found.append("spans")
    if name in ws.manifest.views or name in DEFAULT_VIEWS:
        found.append("views")
    if found:
        return Side(tuple(found), name, ws, folder if found[0] == "diagnoses" else None)
    have = ", ".join([*ws.layers(), *ws.manifest.views]) or "nothing"
    raise UsageError(f"{ws.path} has no diagnosis, layer or view '{name}'; it has {have}")


def _results(side: Side, how: Choices) -> Results:
    if side.ws is None and side.path is not None:
        return Stored.open(side.path, images=how.images)
    return Scored.of(side.ws, side.name, how.score)
