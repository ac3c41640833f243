"""The private hooks of TRL and transformers that the engine builds on, each with the parameters it must have.

    HOOKS = (Hook("trl.trainer.sft_trainer:SFTTrainer.log", ("self", "logs", "start_time")), …)
    check(HOOKS)                    # or a PluginError that names what changed, and the versions that fit

What is underscored upstream may change without notice, and an override of a method that nobody calls any more fails
silently. So every engine module lists the hooks that it overrides or calls, and checks them when it makes a trainer.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable
from functools import reduce
from importlib.metadata import version
from typing import Any, NamedTuple

from perceptdata.errors import PluginError
from perceptdata.trainer.engine import SUPPORTED


class Hook(NamedTuple):
    """A function by its place, `module:Class.method`, and the parameters that we give it or take, in their order.

    More parameters may follow, unless they would have to be given. None for `parameters` asks only that it is there.
    """

    place: str
    parameters: tuple[str, ...] | None = None


ENGINE = (
    Hook("transformers:Trainer._load_from_checkpoint", ("self", "resume_from_checkpoint", "model")),
    Hook("trl.trainer.base_trainer:_BaseTrainer._send_telemetry", ("self",)),
)
"""What `Engine` overrides, for all of them."""


def check(hooks: Iterable[Hook]) -> None:
    """Raises PluginError where a hook, of these or of every engine, is gone or has another signature."""
    broken = [complaint for hook in (*ENGINE, *hooks) if (complaint := complaint_of(hook))]
    if broken:
        raise PluginError(
            f"trl {version('trl')} with transformers {version('transformers')} is not what the engine was written for "
            f"(trl{SUPPORTED}): {'; '.join(broken)}"
        )


def complaint_of(hook: Hook) -> str | None:
    """What is wrong with a hook; None for nothing."""
    module, _, path = hook.place.partition(":")
    try:
        found: Any = reduce(getattr, path.split("."), importlib.import_module(module))
    except (ImportError, AttributeError):
        return f"{hook.place} is gone"
    if hook.parameters is None:
        return None
    parameters = list(inspect.signature(found).parameters.values())
    names = tuple(parameter.name for parameter in parameters)
    ours, rest = names[: len(hook.parameters)], parameters[len(hook.parameters) :]
    needed = [
        parameter.name
        for parameter in rest
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if ours != hook.parameters or needed:
        return f"{path} takes ({', '.join(names)}), not ({', '.join(hook.parameters)})"
    return None
