"""The hooks that the engine overrides are still there; a change is told in one sentence."""

import pytest

from perceptdata.errors import PluginError, UsageError
from perceptdata.trainer import engine
from perceptdata.trainer.engine import sft
from perceptdata.trainer.engine.contract import Hook, check, complaint_of


def test_every_hook_of_every_engine_is_there() -> None:
    check(sft.HOOKS)


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
