"""Reinforcement learning: advantages with missing scores, the second look at a rollout, and TRL's loss around both."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from models import tiny as factory
from models.training import build, losses, run
from torch import Tensor

from perceptdata.errors import PerceptDataError, UsageError
from perceptdata.rewards import Rollout, Scored
from perceptdata.trainer.core.rewards import advantages
from perceptdata.trainer.engine.blind import Seen, without_images
from perceptdata.trainer.engine.grpo import Reward
from perceptdata.trainer.engine.prompts import Opening
from perceptdata.trainer.presets.grpo import Grpo
from perceptdata.trainer.run import make_format
from perceptdata.vlm import blinding
from perceptdata.vlm.loading import LocalModel
from perceptdata.vlm.rendering import Request, render

Tiny = Callable[[str], Path]
SHORT: dict[str, Any] = {"batch": 4, "accumulate": 2, "group": 4, "max_new_tokens": 12, "band": None}


def letters(rollouts: Sequence[Rollout]) -> list[Scored]:
    """A reward that an untrained model gets something of: how many different characters it writes."""
    return [Scored(min(1.0, len(set(rollout.response)) / 40)) for rollout in rollouts]


@pytest.fixture
def lettered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The outcome is `letters`."""
    monkeypatch.setattr(Grpo, "_scores", lambda self, job: {"outcome": (letters, 1.0)})
    monkeypatch.setattr(Grpo, "_weights", lambda self: {"outcome": 1.0})


def rollouts(trainer: Any, places: Sequence[int], group: int = 4) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What the trainer makes of these rows, `group` times each."""
    inputs = [trainer.train_dataset[place] for place in places for _ in range(group)]
    trainer.model.train()
    torch.manual_seed(0)
    return inputs, trainer._generate_and_score_completions(inputs)


def mass(values: Tensor, out: dict[str, Any]) -> Tensor:
    return (values * out["completion_mask"]).sum(1)


# The pieces


def test_dropping_image_tokens_moves_prompts_and_leaves_completions() -> None:
    ids = torch.tensor([[0, 7, 9, 9, 8, 1, 2, 0], [5, 9, 6, 4, 3, 1, 0, 0]])  # 9: image; 5 columns of prompt
    mask = torch.tensor([[0, 1, 1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1, 0, 0]])
    positions = torch.arange(8).expand(3, 2, 8)
    seen = Seen(ids, mask, positions, prompt=5)
    blind = without_images(seen, ids == 9, drop=True)
    assert blind.prompt == 4
    assert blind.ids.tolist() == [[9, 9, 7, 8, 1, 2, 0], [5, 6, 4, 3, 1, 0, 0]]
    assert blind.mask.tolist() == [[0, 0, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, 0, 0]]
    assert blind.positions[2].tolist() == [[2, 3, 1, 4, 5, 6, 7], [0, 2, 3, 4, 5, 6, 7]]
    masked = without_images(seen, ids == 9, drop=False)
    assert (masked.ids is ids, masked.mask[0].tolist()) == (True, [0, 1, 0, 0, 1, 1, 1, 0])


def test_a_reward_sees_the_whole_answer_and_keeps_none(rows: Any) -> None:
    given: list[str] = []

    def score(rollouts: Sequence[Rollout]) -> list[Scored]:
        given.extend(f"{rollout.example.id}: {rollout.response}" for rollout in rollouts)
        return [Scored(1.0), Scored(None, "no_scene")]

    logged: dict[str, float] = {}
    said = [[{"role": "assistant", "content": "a red"}], [{"content": [{"type": "text", "text": "a blue"}]}]]
    reward = Reward("seen", score, "<description>")
    found = reward(completions=said, row=[rows[0], rows[1]], log_metric=logged.__setitem__, prompts=[], images=[])
    assert found == [1.0, None]
    assert given == [f"{rows[0]['id']}: <description>a red", f"{rows[1]['id']}: <description>a blue"]
    assert (reward.__name__, logged) == ("seen", {"unscored/seen": 0.5})


@pytest.mark.parametrize("family", ["qwen3_vl", "qwen3"])
def test_the_opening_is_what_our_own_rendering_opens(tiny: Tiny, family: str) -> None:
    reader = LocalModel.load(tiny(family))
    for name in ("think_boxed", "describe_think_boxed"):
        form = make_format(Grpo(format={"use": name}))
        opening = Opening.of(reader, form)
        content: Any = [{"type": "text", "text": "?"}] if reader.sees_images else "?"
        asked = [{"role": "user", "content": content}]
        text = opening.processor(reader).apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
        whole, opened = render(reader, Request(key="a", question="?", prefill=form.prefill))
        assert (text, opening.text) == (whole, opened)
        assert opened == form.prefill
    before = reader.processor or reader.tokenizer
    assert "<description>" not in str(before.chat_template)  # what is saved with the model is unchanged


# The engine


def test_missing_scores_are_left_out_and_not_zero(tiny: Tiny, cards: Path, tmp_path: Path, monkeypatch: Any) -> None:
    scores = [1.0, 0.5, None, 0.0, None, None, None, None]
    monkeypatch.setattr(Grpo, "_weights", lambda self: {"outcome": 1.0})
    monkeypatch.setattr(
        Grpo, "_scores", lambda self, job: {"outcome": (lambda rollouts: [Scored(each) for each in scores], 1.0)}
    )
    trainer = build(tiny("qwen2_5_vl"), cards, tmp_path, "grpo", **SHORT)
    _, out = rollouts(trainer, [0, 1])
    # Group 1: 1, .5 and 0 are compared with each other (mean .5, standard deviation .5); group 2 has no scores.
    assert out["advantages"].tolist() == pytest.approx([1.0, 0.0, 0.0, -1.0, 0, 0, 0, 0], abs=1e-4)


def test_groups_that_teach_nothing_are_left_out(tiny: Tiny, cards: Path, tmp_path: Path, monkeypatch: Any) -> None:
    scores = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0]
    monkeypatch.setattr(Grpo, "_weights", lambda self: {"outcome": 1.0})
    monkeypatch.setattr(
        Grpo, "_scores", lambda self, job: {"outcome": (lambda rollouts: [Scored(each) for each in scores], 1.0)}
    )
    trainer = build(tiny("qwen2_5_vl"), cards, tmp_path, "grpo", **{**SHORT, "band": [0.01, 0.99]})
    _, out = rollouts(trainer, [0, 1])
    lengths = out["completion_mask"].sum(1)
    assert lengths[:4].min() > 0
    assert lengths[4:].tolist() == [0, 0, 0, 0]
    assert out["num_items_in_batch"] == lengths.sum()


def scripted(groups: Sequence[Sequence[float]]) -> Any:
    """Outcomes group by group, call by call."""
    left = [Scored(value) for group in groups for value in group]

    def score(rollouts: Sequence[Rollout]) -> list[Scored]:
        found, left[:] = left[: len(rollouts)], left[len(rollouts) :]
        return found

    return lambda self, job: {"outcome": (score, 1.0)}


@pytest.mark.parametrize("family", factory.TRAINED)
@pytest.mark.parametrize("method", ["grpo", "pgpo"])
def test_other_prompts_take_the_place_of_groups_that_teach_nothing(
    tiny: Tiny, cards: Path, tmp_path: Path, monkeypatch: Any, family: str, method: str
) -> None:
    monkeypatch.setattr(Grpo, "_weights", lambda self: {"outcome": 1.0})
    flat, mixed = [1.0] * 4, [1.0, 0.0, 0.0, 0.0]
    # Two groups a batch: the first call teaches one, the second none, the third both.
    monkeypatch.setattr(Grpo, "_scores", scripted([flat, mixed, flat, flat, mixed[::-1], mixed]))
    options = {**SHORT, "band": [0.01, 0.99], "refill": 3, "batch": 2, "accumulate": 4, "temperature": 0.9}
    trainer = build(tiny(family), cards, tmp_path, method, **options)
    _, out = rollouts(trainer, [1, 2])
    assert trainer._metrics["train"]["groups/refills"] == [2.0]
    lengths = out["completion_mask"].sum(1)
    assert (len(lengths), bool((lengths > 0).all())) == (8, True)
    assert out["num_items_in_batch"] == lengths.sum()
    signs = (out["advantages"] if method == "grpo" else out["advantages"].sum(1)).sign().tolist()
    assert signs == [1, -1, -1, -1, -1, -1, -1, 1]
    trainer.current_gradient_accumulation_steps = 4
    assert torch.isfinite(trainer._compute_loss(trainer.model, out))


def test_refilling_gives_up_and_says_how_often_it_tried(
    tiny: Tiny, cards: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(Grpo, "_weights", lambda self: {"outcome": 1.0})
    monkeypatch.setattr(Grpo, "_scores", scripted([[1.0] * 4, [1.0, 0.0, 0.0, 0.0], *[[1.0] * 4] * 4]))
    options = {**SHORT, "band": [0.01, 0.99], "refill": 2, "batch": 2, "accumulate": 4}
    trainer = build(tiny("qwen2_5_vl"), cards, tmp_path, "grpo", **options)
    _, out = rollouts(trainer, [0, 2])
    assert trainer._metrics["train"]["groups/refills"] == [2.0]
    assert (out["completion_mask"].sum(1) > 0).tolist() == [True] * 4 + [False] * 4


@pytest.mark.parametrize("family", factory.TRAINED)
@pytest.mark.usefixtures("lettered")
def test_pgpo_keeps_each_response_s_advantage(tiny: Tiny, cards: Path, tmp_path: Path, family: str) -> None:
    trainer = build(tiny(family), cards, tmp_path, "pgpo", **SHORT)
    inputs, out = rollouts(trainer, [0, 1, 2])  # none, one and two images
    flat = advantages(trainer._parts, (1.0,), 4).values
    shaped = out["advantages"]
    assert shaped.shape == out["completion_ids"].shape
    torch.testing.assert_close(mass(shaped, out), flat * out["completion_mask"].sum(1), rtol=1e-4, atol=1e-4)
    visual = torch.tensor([bool(each["row"]["images"]) for each in inputs])
    spread = torch.where(out["completion_mask"].bool(), shaped - flat[:, None], 0).abs().amax(1)
    assert (spread[~visual] == 0).all()
    assert (spread[visual & (flat.abs() > 0)] > 0).all()


def test_both_passes_are_those_of_the_whole_model(tiny: Tiny, cards: Path, tmp_path: Path, lettered: None) -> None:
    """Log-probabilities from whole logits, with pixels; without them, with image tokens masked and positions kept."""
    trainer = build(tiny("qwen3_vl"), cards, tmp_path, "pgpo", **SHORT)
    inputs, out = rollouts(trainer, [1, 2])
    looked = trainer.sight.look(out, [each["prompt"] for each in inputs])
    ids = torch.cat([out["prompt_ids"], out["completion_ids"]], 1)
    mask = torch.cat([out["prompt_mask"], out["completion_mask"]], 1)
    keep, network = out["completion_ids"].shape[1], trainer.reader.network
    live = out["completion_mask"].bool()

    def logp(**given: Any) -> Tensor:
        with torch.no_grad():
            logits = network(input_ids=ids, use_cache=False, **given).logits[:, -keep - 1 : -1]
        return logits.log_softmax(-1).gather(-1, out["completion_ids"][..., None])[..., 0]

    seen = logp(
        attention_mask=mask, **{key: out[key] for key in ("pixel_values", "image_grid_thw", "mm_token_type_ids")}
    )
    torch.testing.assert_close(looked.seen[live], seen[live], rtol=1e-4, atol=1e-5)
    positions, _ = network.model.get_rope_index(
        ids, out["mm_token_type_ids"], image_grid_thw=out["image_grid_thw"], attention_mask=mask
    )
    hidden = blinding.visual(trainer.reader, ids)
    blind = logp(attention_mask=mask * ~hidden, position_ids=positions)
    torch.testing.assert_close(looked.blind[live], blind[live], rtol=1e-4, atol=1e-5)
    ratio = blind - seen
    torch.testing.assert_close(looked.score[live], (ratio.exp() - 1 - ratio)[live], rtol=1e-2, atol=1e-6)


def test_rows_without_an_image_are_scored_apart_and_put_back(
    tiny: Tiny, cards: Path, tmp_path: Path, lettered: None
) -> None:
    trainer = build(tiny("qwen3_vl"), cards, tmp_path, "grpo", **SHORT)
    _, out = rollouts(trainer, [1, 0, 2])
    ids = torch.cat([out["prompt_ids"], out["completion_ids"]], 1)
    mask = torch.cat([out["prompt_mask"], out["completion_mask"]], 1)
    given = {key: out[key] for key in ("pixel_values", "image_grid_thw", "mm_token_type_ids", "num_images")}
    assert given["num_images"] == [1] * 4 + [0] * 4 + [2] * 4
    with torch.no_grad():
        keep = out["completion_ids"].shape[1]
        whole, cut = (
            trainer._get_per_token_logps_and_entropies(
                trainer.model, ids, mask, keep, batch_size=size, compute_entropy=True, **given
            )
            for size in (12, 2)
        )
    live = out["completion_mask"].bool()
    for one, other in zip(whole[:2], cut[:2], strict=True):
        torch.testing.assert_close(one[live], other[live], rtol=1e-4, atol=1e-5)


def test_masking_and_dropping_are_one(
    tiny: Tiny, cards: Path, tmp_path: Path, lettered: None, monkeypatch: Any
) -> None:
    trainer = build(tiny("qwen2_5_vl"), cards, tmp_path, "pgpo", **SHORT)
    inputs, out = rollouts(trainer, [0, 1, 2])
    prompts = [each["prompt"] for each in inputs]
    dropped = trainer.sight.look(out, prompts)
    monkeypatch.setattr(blinding, "may_drop", lambda reader: False)
    masked = trainer.sight.look(out, prompts)
    torch.testing.assert_close(dropped.blind, masked.blind, rtol=1e-4, atol=1e-5)
    assert not dropped.score[:4].any()  # the row without an image


@pytest.mark.parametrize("blind", ["none", "blank", "patches", "noise"])
def test_other_ways_to_hide_an_image(tiny: Tiny, cards: Path, tmp_path: Path, lettered: None, blind: str) -> None:
    trainer = build(tiny("qwen3_vl"), cards, tmp_path, "pgpo", **SHORT, blind=blind)
    inputs, out = rollouts(trainer, [0, 1, 2])
    looked = trainer.sight.look(out, [each["prompt"] for each in inputs])
    live = out["completion_mask"].bool() & looked.visual[:, None]
    assert torch.isfinite(looked.blind).all()
    assert (looked.score[live] > 0).float().mean() > 0.5
    assert looked.visual.tolist() == [False] * 4 + [True] * 8


def test_the_divergence_over_the_vocabulary(tiny: Tiny, cards: Path, tmp_path: Path, lettered: None) -> None:
    trainer = build(tiny("qwen2_5_vl"), cards, tmp_path, "pgpo", **SHORT, estimator="full_kl", temperature=0.7)
    inputs, out = rollouts(trainer, [1])
    score = trainer.sight.look(out, [each["prompt"] for each in inputs]).score
    ids = torch.cat([out["prompt_ids"], out["completion_ids"]], 1)
    mask = torch.cat([out["prompt_mask"], out["completion_mask"]], 1)
    keep, network = out["completion_ids"].shape[1], trainer.reader.network
    positions, _ = network.model.get_rope_index(
        ids, out["mm_token_type_ids"], image_grid_thw=out["image_grid_thw"], attention_mask=mask
    )
    pixels = {key: out[key] for key in ("pixel_values", "image_grid_thw", "mm_token_type_ids")}
    hidden = blinding.visual(trainer.reader, ids)
    with torch.no_grad():
        seen = network(input_ids=ids, attention_mask=mask, **pixels).logits[:, -keep - 1 : -1] / 0.7
        blind = network(input_ids=ids, attention_mask=mask * ~hidden, position_ids=positions).logits
    log_p, log_q = seen.log_softmax(-1), (blind[:, -keep - 1 : -1] / 0.7).log_softmax(-1)
    naive = (log_p.exp() * (log_p - log_q)).sum(-1) * out["completion_mask"]
    torch.testing.assert_close(score, naive, rtol=1e-2, atol=1e-6)


@pytest.mark.usefixtures("lettered")
def test_the_same_advantage_for_every_token_is_the_same_loss(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    trainer = build(tiny("qwen2_5_vl"), cards, tmp_path, "grpo", **SHORT)
    trainer.current_gradient_accumulation_steps = 2
    _, out = rollouts(trainer, [1, 2])
    one = trainer._compute_loss(trainer.model, out)
    spread = {**out, "advantages": out["advantages"][:, None].expand(out["completion_ids"].shape)}
    many = trainer._compute_loss(trainer.model, spread)
    torch.testing.assert_close(one, many, rtol=1e-6, atol=1e-8)


@pytest.mark.usefixtures("lettered")
def test_papo_adds_its_bonus_and_vppo_its_penalty(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    for method, options in (("papo", {"gamma": 0.5, "eta": 0.0}), ("vppo", {"eta": 0.25})):
        trainer = build(tiny("qwen2_5_vl"), cards, tmp_path, method, **SHORT, **options)
        trainer.current_gradient_accumulation_steps = 2
        _, out = rollouts(trainer, [0, 1])
        loss = trainer._compute_loss(trainer.model, out)
        logp = trainer._current.detach()
        shaping = trainer.shaping
        object.__setattr__(shaping, "gamma", 0.0)
        object.__setattr__(shaping, "eta", 0.0)
        plain = trainer._compute_loss(trainer.model, out)
        mask = out["completion_mask"].float()
        if method == "papo":
            ratio = out["blind_logps"] - logp
            seen = mask * out["seen_rows"][:, None]
            expected = -0.5 * ((ratio.exp() - 1 - ratio) * seen).sum() / mask.sum()
        else:
            expected = -0.25 * (logp * mask).sum() / mask.sum()
        torch.testing.assert_close((loss - plain).detach(), expected, rtol=1e-3, atol=1e-6)


def test_an_image_token_cannot_be_sampled(tiny: Tiny, cards: Path, tmp_path: Path, lettered: None) -> None:
    trainer = build(tiny("qwen3_vl"), cards, tmp_path, "grpo", **SHORT)
    assert set(trainer.reader.media_ids) <= set(trainer.generation_config.suppress_tokens)
    _, out = rollouts(trainer, [1])
    assert not torch.isin(out["completion_ids"], torch.tensor(trainer.reader.media_ids)).any()
    from perceptdata.trainer.engine import grpo

    trainer.generation_config.suppress_tokens = []
    with pytest.raises(UsageError, match=r"image tokens of .* could be sampled into an answer"):
        grpo._check_sampling(trainer, trainer.reader)


def test_an_image_token_that_was_sampled_stops_with_a_sentence(
    tiny: Tiny, cards: Path, tmp_path: Path, lettered: None, monkeypatch: Any
) -> None:
    trainer = build(tiny("qwen3_vl"), cards, tmp_path, "grpo", **SHORT)
    sampled = [[5, trainer.reader.media_ids[0]]] * 4
    monkeypatch.setattr(type(trainer), "_generate_single_turn", lambda self, *args, **given: (sampled, None))
    with pytest.raises(PerceptDataError, match="sampled an image token, which is barred"):
        rollouts(trainer, [1])


@pytest.mark.parametrize("family", factory.TRAINED)
@pytest.mark.usefixtures("lettered")
def test_every_family_learns_from_its_own_rollouts(tiny: Tiny, cards: Path, tmp_path: Path, family: str) -> None:
    done = run(tiny(family), cards, tmp_path / "out", method="grpo", **SHORT)
    assert (done.steps, len(losses(done))) == (2, 2)
    assert all(math.isfinite(loss) for loss in losses(done))
    before = LocalModel.load(tiny(family)).network.state_dict()
    after = LocalModel.load(done.model).network.state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)


@pytest.mark.usefixtures("lettered")
def test_without_any_image_pgpo_is_grpo(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    trainer = build(tiny("qwen3_vl"), textual(cards, tmp_path), tmp_path, "pgpo", **SHORT)
    _, out = rollouts(trainer, [0, 1])
    flat = advantages(trainer._parts, (1.0,), 4).values
    torch.testing.assert_close(out["advantages"], flat[:, None] * out["completion_mask"])


def textual(cards: Path, folder: Path) -> Path:
    """The rows of a view without images."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    view = folder / "textual"
    (view / "data").mkdir(parents=True)
    (view / "export.json").write_text(json.dumps({"fingerprint": "textual"}))
    for path in sorted((cards / "data").glob("*.parquet")):
        table = pq.read_table(path)
        pq.write_table(table.filter(pc.equal(pc.list_value_length(table["images"]), 0)), view / "data" / path.name)
    return view


@pytest.mark.parametrize("method", ["pgpo", "papo", "vppo", "seeing_to_thinking"])
@pytest.mark.usefixtures("lettered")
def test_every_preset_runs(tiny: Tiny, cards: Path, tmp_path: Path, method: str) -> None:
    options = {**SHORT, "lora": {"r": 4}} if method == "pgpo" else SHORT
    done = run(tiny("qwen2_5_vl"), cards, tmp_path / "out", method=method, **options)
    assert all(math.isfinite(loss) for loss in losses(done))


def test_a_run_that_was_killed_ends_as_an_unbroken_one(
    tiny: Tiny, graphs: Path, tmp_path: Path, lettered: None
) -> None:
    from models.training import Dies, weights

    options = {**SHORT, "steps": 3, "save_every": 1, "format": {"use": "describe_think_boxed"}}
    whole = run(tiny("qwen2_5_vl"), graphs, tmp_path / "whole", method="pgpo", **options)
    with pytest.raises(SystemExit, match="killed"):
        run(tiny("qwen2_5_vl"), graphs, tmp_path / "broken", Dies(2), method="pgpo", **options)
    again = run(tiny("qwen2_5_vl"), graphs, tmp_path / "broken", method="pgpo", **options)
    assert again.resumed == 1
    one, two = weights(whole), weights(again)
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_perception_is_rewarded_where_the_scene_is_known(tiny: Tiny, graphs: Path, tmp_path: Path) -> None:
    options = {**SHORT, "alpha": 0.5, "format": {"use": "describe_think_boxed"}}
    trainer = build(tiny("qwen2_5_vl"), graphs, tmp_path, "grpo", **options)
    assert trainer.reward_func_names == ["outcome", "format", "perception"]
    assert trainer.mixing.weights == pytest.approx((0.45, 0.1, 0.45))
    inputs, _ = rollouts(trainer, [0, 1])
    assert torch.isfinite(trainer._parts).all()
    said = [[{"content": f"{each['row']['facts']}</description><think>x</think> \\boxed{{y}}"}] for each in inputs]
    seen = trainer.reward_funcs[2](completions=said, row=[each["row"] for each in inputs])
    asked = [each["row"]["answer"]["checker"]["name"] for each in inputs]
    assert [value for value, name in zip(seen, asked, strict=True) if name == "family"] == [1.0] * asked.count("family")
