"""Which rollouts are kept, and what is written of them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from models.tiny import Load

from perceptdata.rewards import Rollout, Scored
from perceptdata.trainer.lines import read_lines
from perceptdata.trainer.presets import make
from perceptdata.trainer.rows import example_of
from perceptdata.trainer.run import make_format
from perceptdata.trainer.samples import KEPT, SAMPLES, Rolled, Samples

Make = Callable[..., Samples]
SAID = "<description>a red square 😀</description><think>so 1</think> \\boxed{1}"


@pytest.fixture
def kept(load: Load, tmp_path: Path) -> Make:
    """Samples of a run in this folder."""
    form = make_format(make("grpo", {"format": {"use": "describe_think_boxed"}}))
    return lambda every=10, seed=0: Samples(tmp_path, form, load("qwen3_vl"), every, seed)


@pytest.fixture
def rolled(rows: Any, load: Load) -> Callable[..., Rolled]:
    """A batch of six rollouts of one row."""
    tokenizer = load("qwen3_vl").tokenizer

    def batch(step: int, said: str = SAID, opened: str = "<description>", weights: bool = False) -> Rolled:
        ids = [*tokenizer(said.removeprefix(opened))["input_ids"], tokenizer.eos_token_id]
        rollouts = [Rollout(example_of(rows[1]), said)] * 6
        scored: dict[str, Sequence[Scored]] = {
            "outcome": [Scored(1.0)] * 6,
            "perception": [Scored(None, "no_scene")] * 6,
        }
        weighed = [[float(at) for at in range(len(ids))]] * 6 if weights else None
        return Rolled(step, rollouts, scored, [ids] * 6, [0.5, -0.5] * 3, weighed)

    return batch


def steps(folder: Path) -> list[int]:
    return [line["step"] for line in read_lines(folder / SAMPLES)]


def test_a_line_says_what_was_made_of_a_rollout(kept: Make, rolled: Callable[..., Rolled], tmp_path: Path) -> None:
    assert kept()(rolled(1)) == {}
    lines = read_lines(tmp_path / SAMPLES)
    assert len(lines) == KEPT
    line = lines[0]
    assert (line["step"], line["row"], line["answer"]) == (1, "cards/train/01", "1")
    assert [SAID[start:end] for start, end, _ in line["spans"]] == ["a red square 😀", "so 1", "\\boxed{1}"]
    assert [label for _, _, label in line["spans"]] == ["description", "think", "answer"]
    assert line["rewards"]["outcome"]["value"] == 1.0
    assert (line["rewards"]["perception"]["value"], line["rewards"]["perception"]["reason"]) == (None, "no_scene")
    assert line["advantage"] in (0.5, -0.5)
    assert (line["invalid"], line["weights"]) == (None, None)


def test_each_token_s_weight_has_its_characters(
    kept: Make, rolled: Callable[..., Rolled], load: Load, tmp_path: Path
) -> None:
    kept()(rolled(1, weights=True))
    line = read_lines(tmp_path / SAMPLES)[0]
    assert line["weights"][0][0] == len("<description>")
    assert line["weights"][-1][1] == len(SAID)
    covered = sorted({at for start, end, _ in line["weights"] for at in range(start, end)})
    assert covered == list(range(len("<description>"), len(SAID)))
    tokenizer = load("qwen3_vl").tokenizer
    ids = tokenizer(SAID.removeprefix("<description>"))["input_ids"]
    for start, end, weight in line["weights"]:
        piece = tokenizer.decode([ids[int(weight)]])
        assert "\N{REPLACEMENT CHARACTER}" in piece or piece == SAID[start:end]
    assert line["tokens"] == len(ids) + 1


def test_weights_that_would_stand_on_other_characters_are_left_out(
    kept: Make, rolled: Callable[..., Rolled], tmp_path: Path
) -> None:
    batch = rolled(1, weights=True)
    other = [Rollout(each.example, "<description>something else") for each in batch.rollouts]
    kept()(Rolled(1, other, batch.rewards, batch.ids, batch.advantages, batch.weights))
    assert read_lines(tmp_path / SAMPLES)[0]["weights"] is None


def test_seed_and_step_choose(kept: Make, rolled: Callable[..., Rolled]) -> None:
    def places(seed: int, step: int) -> list[int]:
        return kept(seed=seed)._chosen(rolled(step))

    assert places(0, 1) == places(0, 1)
    assert len({tuple(places(seed, step)) for seed in range(4) for step in range(4)}) > 1


def test_every_so_many_steps_and_no_step_twice(kept: Make, rolled: Callable[..., Rolled], tmp_path: Path) -> None:
    first = kept(every=3)
    for step in range(1, 9):
        first(rolled(step))
    assert steps(tmp_path) == [1] * KEPT + [4] * KEPT + [7] * KEPT
    again = kept(every=3)  # from a checkpoint of step 5
    for step in range(6, 9):
        again(rolled(step))
    assert steps(tmp_path) == [1] * KEPT + [4] * KEPT + [7] * KEPT
