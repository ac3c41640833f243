"""Segment-routed distillation: each sampled token learns from its own teacher, as whole logits say it must."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from models import tiny as factory
from models import training
from models.training import Dies, build, logs, run, weights
from torch import Tensor

from perceptdata.errors import PerceptDataError, UsageError
from perceptdata.trainer.core.divergences import divergence
from perceptdata.trainer.core.segments import Segment, clip
from perceptdata.trainer.engine import distillation
from perceptdata.trainer.engine.contract import check
from perceptdata.trainer.engine.teachers import asked
from perceptdata.trainer.rows import request_of
from perceptdata.vlm.loading import LocalModel
from perceptdata.vlm.rendering import Request, prepare

pytestmark = pytest.mark.filterwarnings("ignore:.*of the last rollouts")

Tiny = Callable[[str], Path]
Parts = dict[str, slice]

SHORT: dict[str, Any] = {"max_new_tokens": 12}
DESCRIBED = (" a red square é", "</description>", "<think>", "3 + 2 = 5", "</think>", " \\boxed{5}", "<|im_end|>")
SECOND = (" two squares, so", "</description>", "<think>", " 4", "</think>", "\\boxed{4}", "<|im_end|>")
LOST = (" nothing that parses", "<|im_end|>")
NAMES = ("description", "closing", "opening", "thought", "ending", "answer", "end")


def spoken(reader: LocalModel, *texts: str) -> tuple[list[int], Parts]:
    """Texts encoded one by one, and where each part lies: of three, or of one and the end."""
    ids: list[int] = []
    parts: Parts = {}
    for name, text in zip(NAMES if len(texts) > 2 else ("description", "end"), texts, strict=True):
        first = len(ids)
        ids += reader.tokenizer(text, add_special_tokens=False)["input_ids"]
        parts[name] = slice(first, len(ids))
    return ids, parts


def rollout(trainer: Any, said: dict[int, tuple[str, ...]]) -> dict[str, Any]:
    """A rollout batch of these rows, where the student has said this."""
    ids = [spoken(trainer.reader, *texts)[0] for texts in said.values()]
    trainer._generate_single_turn = lambda prompts, images, fields: ids
    trainer.model.train()
    return trainer._generate_and_score_completions([trainer.train_dataset[place] for place in said])


def shaken(trainer: Any, by: float = 0.03) -> Any:
    """The student is not its teacher any more: by so much that ViGOS's clip cuts some of the tokens and not others."""
    draw = torch.Generator().manual_seed(0)
    for value in trainer.model.parameters():
        if value.requires_grad:
            value.data += by * torch.randn(value.shape, generator=draw)
    return trainer


def gradients(trainer: Any, loss: Tensor) -> dict[str, Tensor]:
    trainer.model.zero_grad()
    loss.backward()
    named = trainer.model.named_parameters()
    return {name: value.grad.clone() for name, value in named if value.grad is not None}


def assert_same(ours: dict[str, Tensor], theirs: dict[str, Tensor], relative: float = 1e-4) -> None:
    assert ours.keys() == theirs.keys()
    assert any(value.abs().max() > 1e-4 for value in theirs.values())
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=relative, atol=relative * float(value.abs().max()), msg=name)


def log_probs(network: Any, reader: LocalModel, request: Request, ids: list[int]) -> Tensor:
    """Of one prompt alone, unpadded: what the network thinks before each of these tokens. [n, V], float64."""
    inputs = prepare(reader, request).inputs
    more = torch.tensor([ids])
    inputs["input_ids"] = torch.cat([inputs["input_ids"], more], dim=1)
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    if "mm_token_type_ids" in inputs:
        inputs["mm_token_type_ids"] = torch.cat([inputs["mm_token_type_ids"], torch.zeros_like(more)], dim=1)
    return network(**inputs).logits[0, -len(ids) - 1 : -1].double().log_softmax(dim=-1)


def expected(
    trainer: Any,
    frozen: LocalModel,
    said: dict[int, tuple[str, ...]],
    routes: list[tuple[int, Segment, list[slice], int]],
) -> Tensor:
    """Σ λ·mean over (row, segment, its tokens, the first token that its teacher reads), from whole logits."""
    values: dict[Segment, list[Tensor]] = {}
    for place, segment, served, first in routes:
        row = trainer.train_dataset[place]["row"]
        ids, _ = spoken(trainer.reader, *said[place])
        student = log_probs(trainer.model, trainer.reader, request_of(row, trainer.setup.form), ids)
        last = served[-1].stop
        with torch.no_grad():
            request = asked(segment, row, trainer.setup.form, trainer.setup.knows)
            assert request is not None
            teacher = log_probs(frozen.network, trainer.reader, request, ids[first:last])
        entry = segment.clip if segment.clip_mode == "pointwise" else None
        for part in served:
            shifted = teacher[part.start - first : part.stop - first]
            apart = divergence(student[part], shifted, segment.divergence, segment.beta, entry)
            values.setdefault(segment, []).append(clip(apart, segment.clip, segment.clip_mode))
    terms = [segment.weight * torch.cat(found).mean() for segment, found in values.items()]
    return torch.stack(terms).sum()


BATCH = {1: SECOND, 0: SECOND, 2: LOST, 5: DESCRIBED}  # one image, none, two, two; the third does not parse


def learned(trainer: Any, out: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
    loss = trainer.compute_loss(trainer.model, out)
    return loss.detach(), gradients(trainer, loss)


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("qwen2_5_vl", {}),
        ("qwen2_5_vl", {"reading": "released", "reasoning_prefix": "think_only", "clip_mode": "scale"}),
        ("qwen3_vl", {"lora": {"r": 4, "dropout": 0.0}, "reasoning_prefix": "think_only", "clip": None}),
        ("internvl", {"clip_mode": "pointwise", "clip": 0.001, "weights": (0.5, 1.0, 3.0)}),
    ],
)
def test_the_loss_is_that_of_whole_logits(
    tiny: Tiny, cards: Path, tmp_path: Path, family: str, options: dict[str, Any]
) -> None:
    """Teachers of a batch are padded and packed beside each other; here each is asked alone. Gradients too."""
    trainer = shaken(build(tiny(family), cards, tmp_path, "vigos", **SHORT, **options))
    out = rollout(trainer, BATCH)
    loss, ours = learned(trainer, out)
    perception, reasoning, reference = trainer.setup.plan
    short, released = options.get("reasoning_prefix") == "think_only", options.get("reading") == "released"
    routes = []
    for place in (1, 0, 5):
        _, at = spoken(trainer.reader, *BATCH[place])
        if place:
            routes.append((place, perception, [at["description"]], 0))
        whole = slice(at["thought"].start, at["answer"].stop)
        served = [whole] if released else [at["thought"], at["answer"]]
        routes.append((place, reasoning, served, whole.start if short else 0))
    routes.append((2, reference, [slice(0, spoken(trainer.reader, *LOST)[1]["end"].stop)], 0))
    wanted = expected(trainer, LocalModel.load(tiny(family)), BATCH, routes)
    assert float(loss) == pytest.approx(float(wanted.detach()), rel=1e-4)
    assert_same(ours, gradients(trainer, wanted), 2e-3)


def test_each_token_has_exactly_the_teacher_that_it_should(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    trainer = build(tiny("qwen2_5_vl"), cards, tmp_path, "vigos", **SHORT)
    out = rollout(trainer, BATCH)
    for row, (place, texts) in enumerate(BATCH.items()):
        ids, at = spoken(trainer.reader, *texts)
        wanted = [0] * len(ids)
        if texts is LOST:
            wanted = [3] * len(ids)  # all of them, the end too
        else:
            for name, number in (("description", 1 if place else 0), ("thought", 2), ("answer", 2)):
                wanted[at[name]] = [number] * len(wanted[at[name]])
        assert out["route"][row, : len(ids)].tolist() == wanted
        assert not out["route"][row, len(ids) :].any()
        assert len(out["taught"][row]) == sum(number > 0 for number in wanted)
    assert out["counts"].tolist() == [[int((out["route"] == number).sum()) for number in (1, 2, 3)]] * 4
    metrics = trainer._metrics["train"]
    assert metrics["rollouts/invalid"] == [0.25]
    assert metrics["rollouts/accuracy"] == [0.25]  # only 5 is right
    assert metrics["tokens/reference"] == [len(spoken(trainer.reader, *LOST)[0])]


def test_teachers_hear_of_the_row_only_what_is_theirs(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    """The states of the perception teacher follow the image and nothing else; those of the others follow the answer."""
    trainer = build(tiny("qwen3_vl"), cards, tmp_path, "vigos", **SHORT)
    said = {1: DESCRIBED}
    inputs = [trainer.train_dataset[1]]
    states = rollout(trainer, said)["taught"][0]
    described = int((rollout(trainer, said)["route"] == 1).sum())

    def changed(row: dict[str, Any]) -> tuple[bool, bool]:
        out = trainer._generate_and_score_completions([{**inputs[0], **row}])["taught"][0]
        return not torch.equal(out[:described], states[:described]), not torch.equal(
            out[described:], states[described:]
        )

    row = inputs[0]["row"]
    assert changed({}) == (False, False)
    assert changed({"row": {**row, "answer": {**row["answer"], "text": "77"}}}) == (False, True)
    assert changed({"row": {**row, "question": "<image>How many?"}}) == (False, True)
    other = trainer.train_dataset[4]
    assert changed({"row": {**row, "images": other["row"]["images"]}, "prompt": other["prompt"]}) == (True, True)


@pytest.mark.parametrize("lora", [None, {"r": 4, "dropout": 0.5}])
def test_the_teacher_is_the_model_before_training(
    tiny: Tiny, cards: Path, tmp_path: Path, lora: dict[str, Any] | None
) -> None:
    trainer = build(tiny("qwen2_5_vl"), cards, tmp_path, "vigos", lora=lora, **SHORT)
    before = rollout(trainer, BATCH)
    shaken(trainer)
    after = rollout(trainer, BATCH)
    assert trainer.model.training
    for old, new in zip(before["taught"], after["taught"], strict=True):
        assert torch.equal(old, new)
    assert not any(states.requires_grad for states in after["taught"])
    _, grads = learned(trainer, after)
    assert all(("lora" in name) == (lora is not None) for name in grads)
    if lora is None:
        assert all(value.grad is None for value in trainer.teacher_model.parameters())
        assert next(trainer.teacher_model.parameters()).data_ptr() != next(trainer.model.parameters()).data_ptr()


def test_one_batch_and_four_micro_batches_are_one_gradient(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    """Of unlike length, one of them without an image; tokens are counted over the whole window."""
    found = []
    for batch, accumulate in ((4, 1), (1, 4)):
        folder = tmp_path / str(accumulate)
        trainer = shaken(build(tiny("qwen2_5_vl"), cards, folder, "vigos", batch=batch, accumulate=accumulate, **SHORT))
        rollout(trainer, BATCH)
        trainer._buffered_inputs, trainer._step = None, 0
        trainer.model.zero_grad()
        total = 0.0
        for _ in range(accumulate):
            inputs = trainer._prepare_inputs([trainer.train_dataset[place] for place in BATCH])
            loss = trainer.compute_loss(trainer.model, inputs)
            loss.backward()
            total += float(loss.detach())
            trainer._step += 1
        named = trainer.model.named_parameters()
        found.append((total, {name: value.grad.clone() for name, value in named if value.grad is not None}))
    for total, grads in found[1:]:
        assert total == pytest.approx(found[0][0], rel=1e-5)
        assert_same(grads, found[0][1])


def test_bfloat16_is_used_where_it_is_asked_for(
    tiny: Tiny, cards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Autocast stands around a network's forward, which neither the loss nor the teachers go through."""
    plain = shaken(build(tiny("qwen2_5_vl"), cards, tmp_path, "vigos", **SHORT))
    common = training.common_arguments
    monkeypatch.setattr(training, "common_arguments", lambda *given: {**common(*given), "bf16": True})
    coarse = shaken(build(tiny("qwen2_5_vl"), cards, tmp_path, "vigos", **SHORT))
    out = rollout(coarse, BATCH)
    assert {states.dtype for states in out["taught"]} == {torch.bfloat16}
    (loss, ours), (wanted, theirs) = learned(coarse, out), learned(plain, rollout(plain, BATCH))
    assert float(loss) != float(wanted)
    assert float(loss) == pytest.approx(float(wanted), rel=0.02)
    one, other = (torch.cat([grads[name].flatten() for name in theirs]) for grads in (ours, theirs))
    assert torch.cosine_similarity(one, other, dim=0) > 0.98


def test_passes_for_other_ranks_change_nothing(
    tiny: Tiny, cards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rank with fewer rollouts to teach makes as many passes as the one with most, of a prompt of no row."""
    trainer = build(tiny("qwen3_vl"), cards, tmp_path, "vigos", lora={"r": 4}, **SHORT)
    alone = rollout(trainer, BATCH)["taught"]
    monkeypatch.setattr(trainer._lectures, "_most", lambda passes: passes + 2)
    for mine, again in zip(alone, rollout(trainer, BATCH)["taught"], strict=True):
        assert torch.equal(mine, again)


def test_a_plan_of_one_s_own(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    """A window in which nothing is served has a loss of 0, and gradients of 0."""
    segments = [
        {"segment": "reasoning", "teacher": "answer", "rollouts": "valid", "divergence": "jsd", "beta": 0.3},
        {"segment": "completion", "teacher": "reference", "rollouts": "invalid", "weight": 2, "clip": 9.0},
    ]
    more: dict[str, Any] = {"format": {"use": "describe_think_boxed"}, "segments": segments, "knows": "response"}
    trainer = shaken(build(tiny("qwen2_5_vl"), cards, tmp_path, "opsd", **more, **SHORT))
    first, second = trainer.setup.plan
    assert (first.name, second.name, second.clip_mode) == (
        "reasoning_answer_valid",
        "completion_reference_invalid",
        "clamp",
    )
    loss, ours = learned(trainer, rollout(trainer, BATCH))
    routes = [(2, second, [slice(0, len(spoken(trainer.reader, *LOST)[0]))], 0)]
    for place in (1, 0, 5):
        _, at = spoken(trainer.reader, *BATCH[place])
        routes.append((place, first, [at["thought"], at["answer"]], 0))
    wanted = expected(trainer, LocalModel.load(tiny("qwen2_5_vl")), BATCH, routes)
    assert float(loss) == pytest.approx(float(wanted.detach()), rel=1e-4)
    assert_same(ours, gradients(trainer, wanted), 2e-3)

    trainer.setup = replace(trainer.setup, plan=(replace(first, teacher="image"),))
    loss, ours = learned(trainer, rollout(trainer, {0: SECOND, 3: LOST}))
    assert float(loss) == 0
    assert all(not value.any() for value in ours.values())


def test_a_few_steps_on_one_batch_bring_the_student_closer(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    trainer = shaken(build(tiny("internvl"), cards, tmp_path, "vigos", clip=None, **SHORT))
    out = rollout(trainer, BATCH)
    optimiser = torch.optim.Adam((value for value in trainer.model.parameters() if value.requires_grad), lr=3e-3)
    losses = []
    for _ in range(6):
        loss, _ = learned(trainer, out)
        optimiser.step()
        losses.append(float(loss))
    assert losses[-1] < 0.5 * losses[0]


class Wants(torch.nn.Module):
    """A head that wants nothing but these tokens."""

    def __init__(self, head: Any, ids: tuple[int, ...]) -> None:
        super().__init__()
        self.head, self.ids = head, list(ids)

    def forward(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.head(hidden)
        logits[..., self.ids] += 1e4
        return logits


@pytest.mark.parametrize("family", factory.TRAINED)
def test_image_tokens_are_never_sampled(tiny: Tiny, cards: Path, tmp_path: Path, family: str) -> None:
    trainer = build(tiny(family), cards, tmp_path, "vigos", **SHORT)
    network, media = trainer.model, trainer.reader.media_ids
    assert media
    head = network.lm_head
    network.lm_head = Wants(head, media)
    ids, pictures, fields = trainer._tokenize_prompts([trainer.train_dataset[place]["prompt"] for place in (0, 1, 2)])
    said = trainer._generate_single_turn(ids, pictures, fields)
    assert not set(media) & {token for row in said for token in row}
    network.lm_head = head
    trainer._generate_single_turn = lambda prompts, images, fields: [[5, media[0]]]
    with pytest.raises(PerceptDataError, match="a rollout holds an image token"):
        trainer._generate_and_score_completions([trainer.train_dataset[1]])


@pytest.mark.parametrize(
    ("method", "more"), [("vigos", {"teacher_ema": 0.8}), ("opsd", {"lora": {"r": 4, "dropout": 0.3}, "order": "view"})]
)
def test_a_run_that_dies_goes_on_to_the_last_bit(
    tiny: Tiny, cards: Path, tmp_path: Path, method: str, more: dict[str, Any]
) -> None:
    """A teacher that follows is in the checkpoint; what is sampled follows the random numbers in it."""
    options: dict[str, Any] = {"method": method, "save_every": 1, "batch": 2, **more, "max_new_tokens": 6}
    whole = run(tiny("qwen2_5_vl"), cards, tmp_path / "whole", **options)
    with pytest.raises(SystemExit):
        run(tiny("qwen2_5_vl"), cards, tmp_path / "cut", Dies(2), **options)
    cut = run(tiny("qwen2_5_vl"), cards, tmp_path / "cut", **options)
    assert cut.resumed == 1
    for name in ("loss", "grad_norm", "completions/mean_length", "entropy"):
        assert [entry[name] for entry in logs(cut)] == [entry[name] for entry in logs(whole)], name
    ours, theirs = weights(cut), weights(whole)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_teacher_may_follow_slowly(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    trainer = build(tiny("qwen2_5_vl"), cards, tmp_path, "opsd", teacher_ema=0.75, **SHORT)
    teacher, student = (dict(network.named_parameters()) for network in (trainer.teacher_model, trainer.model))
    before = {name: value.clone() for name, value in teacher.items()}
    shaken(trainer)
    trainer.callback_handler.on_step_end(trainer.args, trainer.state, trainer.control)
    for name, value in teacher.items():
        torch.testing.assert_close(value, 0.75 * before[name] + 0.25 * student[name])


def test_too_many_invalid_rollouts_are_told_of_once(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    trainer = build(tiny("qwen2_5_vl"), cards, tmp_path, "vigos", **SHORT)
    with pytest.warns(UserWarning, match="25% of the last rollouts do not keep to the format"):
        rollout(trainer, BATCH)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rollout(trainer, BATCH)
    trainer._recent.clear()
    rollout(trainer, {1: DESCRIBED})
    assert not trainer._warned


def test_what_cannot_be_distilled_is_refused(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="segment perception needs a format with a description and thoughts, and think_boxed has"
    ):
        build(tiny("qwen2_5_vl"), cards, tmp_path, "vigos", format={"use": "think_boxed"}, **SHORT)
    trainer = build(tiny("qwen2_5_vl"), cards, tmp_path, "vigos", **SHORT)
    given = {"setup": trainer.setup, "reader": trainer.reader, "model": trainer.model, "args": trainer.args}
    with pytest.raises(UsageError, match="a model that is trained whole needs a teacher_model"):
        distillation.SegmentDistillation(
            **given, train_dataset=trainer.train_dataset, processing_class=trainer.processing_class
        )
    with pytest.raises(UsageError, match="a plan needs one segment"):
        distillation.SegmentDistillation(**{**given, "setup": replace(trainer.setup, plan=())})
    trainer.reader.tokenizer.padding_side = "right"
    with pytest.raises(UsageError, match="pads on the right; prompts are padded on the left"):
        distillation.SegmentDistillation(**given)


def test_the_hooks_are_there() -> None:
    check(distillation.HOOKS)
