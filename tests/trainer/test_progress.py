"""The line on a terminal."""

import io

from perceptdata.trainer.progress import Progress, told


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


def test_what_is_told_of_a_step() -> None:
    supervised = {"grad_norm": 1.0, "lambda": 0.42, "loss": 0.7134, "loss_reasoning": 0.8, "loss_perception": 0.25}
    assert told({**supervised, "tokens_per_second": 5123.4}) == (
        "loss 0.713  perception 0.25  reasoning 0.8  λ 0.42  5,123 tokens/s"
    )
    rewards = {"rewards/outcome/mean": 0.5, "rewards/outcome/std": 0.1, "rewards/seen/mean": None, "loss": 0.0}
    assert told({**rewards, "pgpo/weight_max": 12.0}) == "loss 0  outcome 0.5  max weight 12"
    assert told({"loss/description": 0.02, "rollouts/invalid": 0.25}) == "description 0.02  invalid 0.25"


def test_a_terminal_shows_how_far_and_is_left_clean(monkeypatch: object) -> None:
    stream = Terminal()
    bar = Progress(stream)
    bar.begin(2, 8)
    bar.show(3, {"loss": 0.5, "odd [markup]": 1})
    bar.end()
    shown = stream.getvalue()
    assert "3/8" in shown
    assert "loss 0.5" in shown
    assert shown.rstrip().endswith("\x1b[2K") or "\x1b[1A" in shown  # the line is taken away
