"""Parameter names of the three families, as their Hugging Face classes give them."""

import pytest
from models import tiny

from perceptdata.errors import UsageError
from perceptdata.trainer.core.parts import PARTS, Part, last_block, part_of, trains

NAMES: list[tuple[str, Part]] = [
    # Qwen2.5-VL
    ("model.visual.patch_embed.proj.weight", "vision"),
    ("model.visual.blocks.31.attn.qkv.bias", "vision"),
    ("model.visual.merger.ln_q.weight", "projector"),
    ("model.visual.merger.mlp.0.weight", "projector"),
    ("model.language_model.embed_tokens.weight", "language"),
    ("model.language_model.layers.27.mlp.down_proj.weight", "language"),
    ("lm_head.weight", "head"),
    # Qwen3-VL
    ("model.visual.pos_embed.weight", "vision"),
    ("model.visual.merger.linear_fc1.bias", "projector"),
    ("model.visual.deepstack_merger_list.2.linear_fc2.weight", "projector"),
    ("model.language_model.layers.0.self_attn.q_norm.weight", "language"),
    # InternVL3 and 3.5
    ("model.vision_tower.embeddings.cls_token", "vision"),
    ("model.vision_tower.encoder.layer.0.lambda_1", "vision"),
    ("model.vision_tower.encoder.layer.0.attention.projection_layer.weight", "vision"),
    ("model.multi_modal_projector.linear_1.weight", "projector"),
    ("model.language_model.norm.weight", "language"),
    # wrapped
    ("module.model.visual.merger.mlp.2.bias", "projector"),
    ("base_model.model.model.language_model.layers.3.self_attn.q_proj.lora_A.default.weight", "language"),
    ("base_model.model.lm_head.modules_to_save.default.weight", "head"),
    ("_orig_mod.model.visual._fsdp_wrapped_module.merger.mlp.0.weight", "projector"),
    ("model.visual.blocks.3._checkpoint_wrapped_module.attn.proj.weight", "vision"),
]


@pytest.mark.parametrize(("name", "part"), NAMES)
def test_the_part_of_a_name(name: str, part: Part) -> None:
    assert part_of(name) == part


def test_what_trains() -> None:
    names = [name for name, _ in NAMES]
    chosen = trains(names, ("language", "projector"))
    assert list(chosen) == names
    assert [name for name in names if chosen[name]] == [n for n, part in NAMES if part in ("language", "projector")]
    assert all(trains(names, PARTS).values())


def test_what_cannot_be_chosen() -> None:
    with pytest.raises(UsageError, match=r"transformer\.h\.0\.weight"):
        part_of("transformer.h.0.weight")
    with pytest.raises(UsageError, match="'tower'"):
        trains(["lm_head.weight"], ["tower"])
    # a tied head has no name of its own
    with pytest.raises(UsageError, match="nothing would train"):
        trains(["model.language_model.embed_tokens.weight"], ["head"])
    with pytest.raises(UsageError, match="no part"):
        trains(["lm_head.weight"], [])


def test_the_last_block_is_the_decoders() -> None:
    names = [
        "model.visual.blocks.31.attn.qkv.bias",
        "model.language_model.layers.9.mlp.up_proj.weight",
        "model.language_model.layers.10.mlp.up_proj.weight",
        "_orig_mod.model.language_model.layers.10.self_attn.q_proj.weight",
        "model.language_model.norm.weight",
        "lm_head.weight",
    ]
    assert last_block(names) == names[2:4]
    assert last_block(names[:1]) == []


@pytest.mark.parametrize("kind", tiny.TRAINED)
def test_every_parameter_of_the_real_classes_has_its_part(kind: str) -> None:
    model = tiny.MODELS[kind](tiny.tokenizer())
    parts = {part_of(name) for name, _ in model.named_parameters()}
    assert parts | {"head"} == set(PARTS)
    assert ("head" in parts) == (not model.config.tie_word_embeddings)
    blocks = model.config.text_config.num_hidden_layers
    assert all(f"layers.{blocks - 1}." in name for name in last_block(name for name, _ in model.named_parameters()))
