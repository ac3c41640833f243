"""`perceptdata agreement`: how far the annotators of the same texts say the same."""

from __future__ import annotations

from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perceptdata.cli.common import DEFAULT_WORKSPACE, AsJson, WorkspaceOption, console, print_json, print_next

if TYPE_CHECKING:
    from perceptdata.agreement import Agreement, DawidSkene, Disagreement, Estimate, Joined
    from perceptdata.agreement.gamma import Gamma
    from perceptdata.agreement.verdicts import Said


class By(StrEnum):
    """What texts are grouped by."""

    SOURCE = "source"


def command(
    layers: Annotated[
        list[str], typer.Argument(metavar="LAYER LAYER…", help="Steps that wrote spans, reviews or verdicts.")
    ],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    by: Annotated[By | None, typer.Option("--by", help="Also say it for every source.")] = None,
    bootstraps: Annotated[int, typer.Option("--bootstraps", min=0, help="Samples of texts for the intervals.")] = 200,
    tokenizer: Annotated[
        Path | None, typer.Option("--tokenizer", help="A folder with a tokenizer.json: count tokens too.")
    ] = None,
    gamma_of: Annotated[
        int,
        typer.Option(
            "--gamma",
            metavar="TEXTS",
            min=0,
            help="Also gamma, borders and labels in one, of so many texts drawn at random; slow, extra `gamma`.",
        ),
    ] = 0,
    show: Annotated[int, typer.Option("--show", min=0, help="Disagreements to show, heaviest first.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Compare annotators of the same texts: kappa, alpha, span F1, borders apart from labels, and where they differ.

    Of verdicts, kappa and alpha of judges and people who judged the same claims or captions.
    """
    from perceptdata.agreement import DawidSkene, compare, disagreements, disputed, read, refine
    from perceptdata.agreement.consensus import FEWEST
    from perceptdata.agreement.gamma import gamma
    from perceptdata.agreement.reading import labelled, source_of
    from perceptdata.agreement.tokens import tokenizer_in
    from perceptdata.agreement.verdicts import compare_verdicts, read_verdicts
    from perceptdata.workspace import Workspace

    ws = Workspace(workspace)
    judged = [(said, compare_verdicts(said, bootstraps)) for said in read_verdicts(ws, layers)]
    told = {said.what: said.to_json(found) for said, found in judged}
    with_labels = labelled(ws, layers)
    if judged and not with_labels:
        if as_json:
            print_json({"verdicts": told})
        for said, estimates in judged if not as_json else ():
            _print_verdicts(said, estimates)
        return
    joined = read(ws, with_labels if judged else layers)
    coded = joined.coded
    tokenize = tokenizer_in(tokenizer) if tokenizer else None
    pieces = refine(coded, tokenize)
    groups = [source_of(address) for address in coded.ids] if by else None
    found = compare(coded, bootstraps, groups=groups, tokenize=tokenize, pieces=pieces)
    gammas = gamma(coded, gamma_of, bootstraps, pieces=pieces) if gamma_of else {}
    enough = len(coded.annotators) >= FEWEST
    model = DawidSkene.fit(pieces.clauses().label, len(coded.scheme.labels)) if enough else None
    count, worst = len(disputed(pieces)), disagreements(coded, show, pieces)
    if as_json:
        print_json(
            {
                "annotators": list(coded.annotators),
                "scheme": coded.scheme.id,
                "left_out": joined.counts(),
                **found["all"].to_json(),
                "sources": {name: each.to_json() for name, each in found.items() if name != "all"},
                "gamma": {pair: each.to_json() for pair, each in gammas.items()} if gamma_of else None,
                "dawid_skene": model.to_json(coded.annotators, coded.scheme.labels) if model else None,
                "disputed": count,
                "disagreements": [each.to_json() for each in worst],
                "verdicts": told,
            }
        )
        return
    for said, estimates in judged:
        _print_verdicts(said, estimates)
    _print_counts(joined, found["all"], count)
    if not coded.texts:
        typer.echo("no text has been labelled by two of them, so there is nothing to compare")
        return
    _print_labels(found["all"], joined)
    _print_spans(found["all"], joined)
    _print_gammas(gammas)
    if len(found) > 1:
        _print_groups(found)
    if model:
        _print_annotators(model, joined)
    _print_disputed(worst)
    where = "" if workspace == DEFAULT_WORKSPACE else f" --workspace {workspace}"
    named = " ".join(f"--from {layer}" for layer in layers)
    consensus = [f"perceptdata consensus {named}{where}"] if model else []
    print_next(*consensus, f"perceptdata agreement {' '.join(layers)} --json{where}")


def _print_verdicts(said: Said, found: dict[tuple[str, ...], Estimate]) -> None:
    """A row for all together, and one for each pair."""
    from rich.table import Table

    typer.echo(f"verdicts on {said.what}: {said.shared:,} judged by two")
    table = Table("", "alpha", *said.words)
    table.add_row("all", *(_say(found["alpha", word]) for word in ("all", *said.words)))
    console().print(table)
    pairs = Table("", "kappa", "agreed")
    for path in found:
        if path[0] == "kappa" and isfinite(found["agreed", path[1]].value):
            pairs.add_row(path[1], _say(found[path]), _say(found["agreed", path[1]]))
    console().print(pairs)


def _print_counts(joined: Joined, found: Agreement, disputed: int) -> None:
    counts = f"{found.texts:,} texts, {found.clauses:,} clauses, {found.characters:,} characters"
    typer.echo(f"{', '.join(joined.coded.annotators)}: {counts}; {disputed:,} clauses in dispute")
    for name, reasons in joined.counts().items():
        typer.echo(f"  left out of {name}: {', '.join(f'{count:,} {reason}' for reason, count in reasons.items())}")


def _say(estimate: Estimate) -> str:
    if not isfinite(estimate.value):
        return "–"
    if not isfinite(estimate.low):
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} [dim]{estimate.low:.2f}–{estimate.high:.2f}[/]"


def _print_labels(found: Agreement, joined: Joined) -> None:
    """A table for each unit: a row for each coefficient (and pair), a column for each label.

    Of two annotators Fleiss' kappa is alpha but for a correction of size 1 / n, and is left to `--json`.
    """
    from rich.table import Table

    many = len(joined.coded.annotators) > 2
    units = dict.fromkeys(path[0] for path in found.estimates if path[1] == "alpha")
    for unit in units:
        table = Table("", "all", *found.labels, title=f"labels, by {unit}", title_justify="left")
        names = dict.fromkeys(path[1:-1] for path in found.estimates if path[0] == unit and path[1] != "f1")
        for name in names:
            if name[0] != "fleiss" or many:
                shown = " ".join(name) if many else name[0]
                table.add_row(shown, *(_say(found.estimates[unit, *name, label]) for label in ("all", *found.labels)))
        console().print(table)


def _print_spans(found: Agreement, joined: Joined) -> None:
    """F1 of runs, and how characters in dispute divide into borders and labels."""
    from rich.table import Table

    many = len(joined.coded.annotators) > 2
    table = Table("", "all", *found.labels, title="spans, F1", title_justify="left")
    for _, pair, kind in dict.fromkeys(path[:3] for path in found.estimates if path[0] == "spans"):
        cells = (_say(found.estimates["spans", pair, kind, label]) for label in ("all", *found.labels))
        table.add_row(f"{kind} {pair}" if many else kind, *cells)
    console().print(table)
    for pair in dict.fromkeys(path[1] for path in found.estimates if path[0] == "errors"):
        agreed, border, label, shift = (
            found.estimates["errors", pair, name, "all"].value for name in ("agreed", "border", "label", "border_shift")
        )
        apart = f" (by {shift:.0f} characters)" if isfinite(shift) else ""
        if isfinite(agreed):
            parts = f"{agreed:.1%} agreed, {border:.1%} another border{apart}, {label:.1%} another label"
            typer.echo(f"{pair}, characters that both label: {parts}")


def _print_gammas(gammas: dict[str, Gamma]) -> None:
    """A line for each pair."""
    from rich.markup import escape

    for pair, each in gammas.items():
        left_out = f"; {each.too_long:,} are too long" if each.too_long else ""
        line = f"{escape(pair)}, gamma: {_say(each.estimate)} (of {each.texts:,} texts{left_out})"
        console().print(line, highlight=False, soft_wrap=True)


def _print_groups(found: dict[str, Agreement]) -> None:
    """Alpha of every source; `--json` has the rest."""
    from rich.table import Table

    units = dict.fromkeys(path[0] for path in found["all"].estimates if path[1] == "alpha")
    table = Table("source", "texts", *(f"alpha, {unit}" for unit in units), title="by source", title_justify="left")
    for name, each in found.items():
        if name != "all":
            cells = (_say(each.estimates[unit, "alpha", "all"]) for unit in units)
            table.add_row(name, f"{each.texts:,}", *cells)
    console().print(table)


def _print_annotators(model: DawidSkene, joined: Joined) -> None:
    """How often each annotator says what the consensus says, by the label of the consensus."""
    from rich.table import Table

    labels = joined.coded.scheme.labels
    table = Table("annotator", *labels, title="right, by Dawid-Skene", title_justify="left")
    for name, confusion in zip(joined.coded.annotators, model.confusion, strict=True):
        table.add_row(name, *(f"{confusion[at, at]:.3f}" for at in range(len(labels))))
    console().print(table)


def _print_disputed(worst: list[Disagreement]) -> None:
    if worst:
        typer.echo("heaviest disagreements:")
    for each in worst:
        said = ", ".join(f"{name} {label}" for name, label in each.labels.items())
        typer.echo(f"  {each.weight:>5} {said}  ({each.text_id} {each.start}–{each.end})")
        typer.echo(f"        {' '.join(each.text.split())}")
