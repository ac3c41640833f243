"""`perceptdata tagger`: train a tagger on labelled texts, and score taggers against labelled texts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from perceptdata.cli.common import DEFAULT_WORKSPACE, AsJson, WorkspaceOption, console, print_json, print_next
from perceptdata.cli.generate import KeyEnv, Model, Urls, given_endpoint

if TYPE_CHECKING:
    from perceptdata.labelled import LabelledText, Measured

app = typer.Typer(no_args_is_help=True, help="Train taggers on labelled texts, and score them.")

# What is scored unless `--use` says otherwise: each tagger that needs no options, alone and behind `structure`.
CHAINS = ("structure", "cues", "linear", "structure,cues", "structure,linear")
COLUMNS = {
    "macro_f1": "F1",
    "perception": "P",
    "reasoning": "R",
    "other": "O",
    "perception_precision": "prec",
    "perception_share_error": "share",
    "perception_share_bias": "bias",
    "texts": "texts",
    "left_out": "out",
}
POOLED = "all sources, pooled"
LEGEND = (
    "F1: mean over perception (P), reasoning (R), other (O); prec: how much of what is said to be perception is; "
    "share, bias: error of perception's share, mean per text and over all; out: texts it was trained on, left out"
)


@app.command("train")
def train(
    labelled: Annotated[
        list[str], typer.Argument(metavar="FROM...", help="Labelled files (JSON lines), or layers of the workspace.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The file to write the model to.")],
    name: Annotated[str, typer.Option("--tagger", help="Which tagger to train.")] = "linear",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Train a tagger on labelled texts, and say how right it is on sources that it has not seen.

    The scores come from models that leave one source out; the model that is written learned from all. Texts are split
    by source, never by row: rows of a source look alike, and a split by row measures memory.
    """
    from perceptdata.errors import UsageError
    from perceptdata.labelled import TrainableTagger, leave_one_source_out, sources
    from perceptdata.registry import load

    kind: Any = load("taggers", name)
    if not issubclass(kind, TrainableTagger):
        raise UsageError(f"tagger '{name}' does not learn; 'linear' does")
    if not out.parent.is_dir():
        raise UsageError(f"{out.parent} is no folder; make it, or name another --out")
    texts = _read(labelled, workspace)
    kind.train(texts, out)
    scores: dict[str, dict[str, Any]] = {}
    if len(sources(texts)) > 1:
        by_source, pooled = leave_one_source_out(kind, texts)
        scores = {source: one.to_row() for source, one in by_source.items()} | {POOLED: pooled.to_row()}
    if as_json:
        print_json({"tagger": name, "file": str(out), "texts": len(texts), "left_out": scores})
        return
    if scores:
        _print("left out", scores, [column for column in COLUMNS if column != "left_out"])
    else:
        typer.echo("one source only: nothing can be left out, so there is no score")
    typer.echo(f"{out}: {name}, trained on {len(texts):,} texts of {len(sources(texts))} sources")
    print_next(f"perceptdata tagger eval OTHER.jsonl --use {name}={out}")


@app.command("eval")
def evaluate(
    labelled: Annotated[Path, typer.Argument(metavar="FILE", help="Labelled texts, JSON lines.")],
    use: Annotated[
        list[str] | None,
        typer.Option(
            "--use",
            metavar="TAGGER",
            help="A tagger, a chain (structure,linear), or a trained one with its file (linear=mine.npz); repeat.",
        ),
    ] = None,
    url: Urls = None,
    model: Model = None,
    key_env: KeyEnv = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Score taggers on a labelled file: in non-space characters, from the raw text, pooled over sources.

    A trained tagger is not scored on what it learned from; how many texts that leaves out is the last column. A tagger
    that asks a model asks that of --url and --model; its answers are kept in the workspace's replies.
    """
    from perceptdata.labelled import pass_agreement, read_labelled
    from perceptdata.llm import REPLIES

    texts = read_labelled(labelled)
    endpoint = given_endpoint(url, model, key_env)
    found = {spelled: _scored(spelled, texts, endpoint, workspace / REPLIES) for spelled in use or CHAINS}
    if as_json:
        print_json({"taggers": [{"tagger": spelled, **row} for spelled, row in found.items()]})
        return
    _print("tagger", found, list(COLUMNS))
    passes = pass_agreement(texts)
    if passes is not None:
        by_label = ", ".join(f"{label} {f1:.3f}" for label, f1 in passes.f1.items())
        typer.echo(
            f"the two passes agree on {passes.agreed:.1%} of the characters, kappa {passes.kappa:.3f} (F1 {by_label})"
        )
    if any(row["left_out"] for row in found.values()):
        typer.echo(
            "texts that a tagger learned from are left out of its row, so rows over different texts do not compare; "
            "`perceptdata tagger train` gives scores on sources left out"
        )


def _scored(spelled: str, texts: list[LabelledText], endpoint: dict[str, Any] | None, replies: Path) -> dict[str, Any]:
    """The numbers of one chain, on the texts that none of its taggers learned from."""
    from perceptdata.labelled import TrainableTagger, measure
    from perceptdata.layers import text_sha256
    from perceptdata.registry import load, make
    from perceptdata.tagging import AskingTagger

    chain = []
    for part in spelled.split(","):
        name, _, file = part.strip().partition("=")
        asks = endpoint is not None and issubclass(load("taggers", name), AskingTagger)
        chain.append(make("taggers", name, {"endpoint": endpoint} if asks else {"model": file} if file else {}))
    learned = frozenset().union(*(one.learned_from() for one in chain if isinstance(one, TrainableTagger)))
    fresh = [one for one in texts if text_sha256(one.text) not in learned]
    measured: Measured = measure(fresh, chain, replies)
    return {**measured.to_row(), "left_out": len(texts) - len(fresh)}


def _read(labelled: list[str], workspace: Path) -> list[LabelledText]:
    """All texts of the files and layers. A text that two of them hold is a UsageError."""
    from perceptdata.errors import UsageError
    from perceptdata.labelled import from_layer, read_labelled
    from perceptdata.layers import text_sha256
    from perceptdata.workspace import Workspace

    found: dict[str, LabelledText] = {}
    for source in labelled:
        path = Path(source)
        if not path.exists() and (path.suffix or path.name != source):
            raise UsageError(f"{source} does not exist; name a file of labelled texts, or a layer of the workspace")
        for one in read_labelled(path) if path.exists() else from_layer(Workspace(workspace), source):
            if found.setdefault(text_sha256(one.text), one) is not one:
                raise UsageError(f"{source}: text '{one.id}' is labelled twice; leave one of the two out")
    return list(found.values())


def _print(first: str, rows: dict[str, dict[str, Any]], columns: list[str]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column(first, overflow="fold")
    for column in columns:
        table.add_column(COLUMNS[column], justify="right", no_wrap=True, min_width=5)
    for name, row in rows.items():
        table.add_row(name, *(_said(row[column]) for column in columns))
    console().print(table)
    typer.echo(LEGEND)


def _said(number: float | int | None) -> str:
    if number is None:
        return "-"
    return f"{number:.3f}".replace("0.", ".", 1) if isinstance(number, float) else str(number)
