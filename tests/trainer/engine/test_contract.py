"""The hooks that the engine overrides are still there; a change is told in one sentence."""

import importlib
import pkgutil
from types import ModuleType

import pytest

from perceptdata.errors import PluginError, UsageError
from perceptdata.trainer import engine
from perceptdata.trainer.engine import sft
from perceptdata.trainer.engine.contract import Hook, check, complaint_of

MODULES = [
    importlib.import_module(f"{engine.__name__}.{module.name}") for module in pkgutil.iter_modules(engine.__path__)
]
WITH_HOOKS = [module for module in MODULES if hasattr(module, "HOOKS")]


@pytest.mark.parametrize("module", WITH_HOOKS, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_hook_of_every_engine_is_there(module: ModuleType) -> None:
    assert len(module.HOOKS) > 0
    check(module.HOOKS)


def test_every_trainer_names_its_hooks() -> None:
    trainers = {
        kind.__module__
        for module in MODULES
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, engine.Engine) and kind is not engine.Engine
    }
    assert sft.__name__ in trainers
    assert trainers <= {module.__name__ for module in WITH_HOOKS}


@pytest.mark.parametrize(
    ("hook", "complaint"),
    [
        (Hook("trl:SFTTrainer._was_never_there"), "trl:SFTTrainer._was_never_there is gone"),
        (Hook("trl.no_such_module:thing"), "trl.no_such_module:thing is gone"),
        (Hook("json:dumps", ("object",)), "dumps takes (obj, skipkeys"),
        (Hook("operator:add", ("a",)), "add takes (a, b), not (a)"),
    ],
)
def test_a_changed_hook_is_named(hook: Hook, complaint: str) -> None:
    assert complaint_of(hook) is not None
    with pytest.raises(PluginError) as caught:
        check([Hook("operator:add", ("a", "b")), hook])
    assert complaint in str(caught.value)
    assert ">=1.16" in str(caught.value)


def test_further_parameters_with_defaults_do_no_harm() -> None:
    check([Hook("json:dumps", ("obj",)), Hook("json:dumps")])


def test_another_trl_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    engine.require()
    monkeypatch.setattr(engine, "version", lambda name: "1.17.0")
    with pytest.raises(UsageError, match=r"needs trl<1\.17,>=1\.16, and 1\.17\.0 is installed: pip install"):
        engine.require()

    def missing(name: str) -> str:
        raise engine.PackageNotFoundError(name)

    monkeypatch.setattr(engine, "version", missing)
    with pytest.raises(UsageError, match=r"training needs trl.*pip install 'perceptdata\[train\]'"):
        engine.require()
