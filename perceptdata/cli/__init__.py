"""The command line: one thin module a verb, over calls that Python has too.

Exit codes: 0 ok, 1 failed, 2 wrong usage, 130 interrupted. Nothing heavy is imported before a verb runs.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import typer
import typer.core

from perceptdata.cli import (
    agreement,
    blindfold,
    build,
    caption,
    certify,
    clone,
    compare,
    consensus,
    corrupt,
    curate,
    demo,
    dependency,
    diagnose,
    diagnose_more,
    doctor,
    export,
    generate,
    init,
    judge,
    listing,
    publish,
    report,
    review,
    rewards,
    run,
    score,
    show,
    sift,
    sql,
    status,
    tag,
    tagger,
    train,
    train_plan,
)
from perceptdata.cli import (
    eval as evaluating,
)
from perceptdata.errors import PerceptDataError


class Verbs(typer.core.TyperGroup):
    """The verbs, some of them of two words, with the endings that typer would make silent or an error."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """`train plan` before `train`."""
        two = " ".join(args[:2])
        return (two, self.commands[two], args[2:]) if two in self.commands else super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the verb."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("interrupted; what is finished is kept, run the same command again to go on", err=True)
            raise typer.Exit(130) from None
        except BrokenPipeError:
            # The reader (head, less) has seen enough; do not let the interpreter complain while closing stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None


app = typer.Typer(
    name="perceptdata",
    cls=Verbs,
    help="Staged perception and reasoning data for post-training vision-language models.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

START, RECIPES, STEPS, LOOK = "Start", "Recipes", "Steps", "Look"
app.command("demo", rich_help_panel=START)(demo.command)
app.command("init", rich_help_panel=START)(init.command)
app.command("doctor", rich_help_panel=START)(doctor.command)
app.command("list", rich_help_panel=START)(listing.command)
app.command("run", rich_help_panel=RECIPES)(run.command)
app.command("status", rich_help_panel=RECIPES)(status.command)
app.command("build", rich_help_panel=STEPS)(build.command)
app.command("generate", rich_help_panel=STEPS)(generate.command)
app.command("score", rich_help_panel=STEPS)(score.command)
app.command("sift", rich_help_panel=STEPS)(sift.command)
app.command("tag", rich_help_panel=STEPS)(tag.command)
app.command("dependency", rich_help_panel=STEPS)(dependency.command)
app.command("consensus", rich_help_panel=STEPS)(consensus.command)
app.command("corrupt", rich_help_panel=STEPS)(corrupt.command)
app.command("blindfold", rich_help_panel=STEPS)(blindfold.command)
app.command("caption", rich_help_panel=STEPS)(caption.command)
app.command("judge", rich_help_panel=STEPS)(judge.command)
app.add_typer(review.app, name="review", rich_help_panel=STEPS)
app.command("certify", rich_help_panel=STEPS)(certify.command)
app.add_typer(curate.app, name="curate", rich_help_panel=STEPS)
app.add_typer(tagger.app, name="tagger", rich_help_panel=STEPS)
app.add_typer(rewards.app, name="rewards", rich_help_panel=STEPS)
app.command("train", rich_help_panel=STEPS)(train.command)
app.command("train plan", rich_help_panel=STEPS)(train_plan.command)
app.command("publish", rich_help_panel=STEPS)(publish.command)
app.command("export", rich_help_panel=STEPS)(export.command)
app.command("clone", rich_help_panel=STEPS)(clone.command)
app.command("diagnose", rich_help_panel=LOOK)(diagnose.command)
for verb in (
    diagnose_more.sweep,
    diagnose_more.advise,
    diagnose_more.check,
    diagnose_more.blame,
):
    app.command(f"diagnose {verb.__name__}", rich_help_panel=LOOK)(verb)
app.command("report", rich_help_panel=LOOK)(report.command)
app.command("compare", rich_help_panel=LOOK)(compare.command)
app.command("eval", rich_help_panel=LOOK)(evaluating.command)
app.command("eval import", rich_help_panel=LOOK)(evaluating.import_command)
app.command("agreement", rich_help_panel=LOOK)(agreement.command)
app.command("show", rich_help_panel=LOOK)(show.command)
app.command("sql", rich_help_panel=LOOK)(sql.command)


def main() -> None:
    """Run the command line. Errors made on purpose are one sentence; anything else is a bug and keeps its traceback."""
    try:
        app()
    except PerceptDataError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
