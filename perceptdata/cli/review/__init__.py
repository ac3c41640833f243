"""`perceptdata review`: people in the loop. What they read is planned first, goes out, comes back, and is decided."""

from __future__ import annotations

import typer

from perceptdata.cli.review import adjudicate, audit, calibrate, doctor, exchange, forecast, init, plan, status

app = typer.Typer(help="Let people read: plan, push, pull, adjudicate; and audit captions.", no_args_is_help=True)
app.command("init")(init.command)
app.command("plan")(plan.command)
app.command("audit")(audit.command)
app.command("push")(exchange.push_command)
app.command("pull")(exchange.pull_command)
app.command("status")(status.command)
app.command("adjudicate")(adjudicate.command)
app.command("doctor")(doctor.command)
app.command("forecast")(forecast.command)
app.command("calibrate")(calibrate.command)

__all__ = ["app"]
