"""The transformer, its masks, the denoiser, the weights and the key tables (README section 3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn

from ...model.config import NetworkConfig
from ..convert import key_table
from ..network.attention import BLOCKED, AttentionPlan, plan_attention, window_mask
from ..network.blocks import RotaryBlock, TextBlock
from ..network.denoiser import Denoiser, TextContext
from ..network.genmo import GenmoNetwork
from ..network.heads import PRED_CAM_MEAN, PRED_CAM_STD
from ..network.layers import rotary_angles, rotary_table, rotate, sinusoid
from ..network.text_attention import plan_text
from ..representation.camera import CAM_ANGVEL_MEAN, CAM_ANGVEL_STD
from .framework import EXACT, Case, CaseData, kept_stride
from .networks import config_from_sizes, load_small

OUTPUTS = ("pred_x", "pred_cam", "static_conf_logits", "pred_context")
_CLOSE = {"atol": 0.0, "rtol": 1e-6}


def _check_keys(data: CaseData, layout: dict[str, list[int]], config: NetworkConfig, label: str) -> None:
    """Every key and shape of a layout is in our table and the other way round."""
    with torch.device("meta"):
        table = key_table(GenmoNetwork(config))
    ours = {key: list(shape) for key, shape in table.items()}
    differing = sorted(key for key in ours.keys() | layout.keys() if ours.get(key) != layout.get(key))
    if differing:
        raise ValueError(f"{label}: {len(differing)} keys differ, the first is {differing[0]}")
    data.check_value(label, len(ours), len(layout), EXACT)


def _layout(config: NetworkConfig) -> Case:
    name = "full_size_layout" + ("" if config.text else "_regression") + ".json"

    def run(data: CaseData) -> None:
        _check_keys(data, data.folder.json(name), config, "keys and shapes")

    return Case(name, (), (), run)


def _sizes(stem: str) -> Case:
    """The JSON file of a small network: its key table, and the constants it states against ours."""
    name = stem + "_{word}.json"

    def run(data: CaseData) -> None:
        sizes = data.folder.json(name)
        config = config_from_sizes(sizes)
        tables = {key for key in key_table_names(config) if key.endswith(".pe")}
        shapes = dict(sizes["key_shapes"])
        shapes |= {key: [5000, 1, config.latent_dim] for key in tables if key not in shapes}
        _check_keys(data, shapes, config, "keys and shapes")
        if "pred_cam_mean" in sizes:
            data.check_value("pred_cam_mean", PRED_CAM_MEAN, sizes["pred_cam_mean"], _CLOSE)
            data.check_value("pred_cam_std", PRED_CAM_STD, sizes["pred_cam_std"], _CLOSE)
            data.check_value("cam_angvel_mean", CAM_ANGVEL_MEAN, sizes["cam_angvel_mean"], _CLOSE)
            data.check_value("cam_angvel_std", CAM_ANGVEL_STD, sizes["cam_angvel_std"], _CLOSE)

    return Case(name, (), (), run)


def key_table_names(config: NetworkConfig) -> list[str]:
    """Official names of a network's keys."""
    with torch.device("meta"):
        return list(key_table(GenmoNetwork(config)))


def _weights(stem: str) -> Case:
    """The weights of a small network: each key is read, each parameter of ours filled."""
    name = stem + "_{word}.safetensors"

    def run(data: CaseData) -> None:
        for key in data.arrays:
            data[key]
        network = load_small(data.folder, stem)
        data.check_value("parameters filled", len(network.state_dict()), len(data.arrays), EXACT)

    return Case(name, ("*",), (), run)


def _plan(data: CaseData, tokens: int, head_dim: int, mask: str = "") -> AttentionPlan:
    """Plan for the block cases: no mask, the padding of the file, or its 2-D mask."""
    plan = plan_attention(torch.tensor([tokens], device=data.folder.device), tokens, tokens, head_dim)
    if not mask:
        return plan
    blocked = data.tensor("attn_pad")[:, None, None] if mask == "pad" else data.tensor("attn_mask2d")[None, None]
    return AttentionPlan(plan.rotation, (replace(plan.blocks[0], mask=blocked * BLOCKED),))


def _primitives(data: CaseData, denoiser: Denoiser) -> None:
    rope_in = data.tensor("rope_in")
    tokens, head_dim = rope_in.shape[-2:]
    turned = rotate(rope_in.transpose(1, 2), rotary_table(tokens, head_dim).to(rope_in.device)).transpose(1, 2)
    data.check("rope_out", turned)
    angles = rotary_angles(data.arrays["rope_freqs"].shape[0], head_dim)
    data.check("rope_freqs", angles.repeat_interleave(2, dim=-1))
    data.check("pe_rows", sinusoid(data.tensor("pe_row_ids"), denoiser.config.latent_dim))
    data.check("time_emb", denoiser.embed_timestep(data.tensor("time_t")))


def _transformer_blocks(data: CaseData) -> None:
    denoiser = load_small(data.folder).denoiser
    _primitives(data, denoiser)
    block, text_block = denoiser.blocks[0], denoiser.text_encoder_layers["0"]
    assert isinstance(block, RotaryBlock) and isinstance(text_block, TextBlock)
    x = data.tensor("attn_x")
    tokens, head_dim = x.shape[1], data.arrays["rope_in"].shape[-1]
    for mask in ("", "pad", "mask"):
        plan = _plan(data, tokens, head_dim, mask)
        data.check(f"attn_out_{mask or 'nomask'}", block.attn(x, plan))
        data.check(f"block_out_{mask or 'nomask'}", block(x, plan))
    x = data.tensor("textblock_x")
    everywhere = plan_text(x.new_ones(len(x), 1, x.shape[1]), x.shape[1], null_remainder=False)
    keys_values = text_block.cross_attn.keys_values(data.tensor("textblock_context"))
    data.check("textblock_out", text_block(x, keys_values, everywhere))
    x, contexts = data.tensor("multi_x"), data.tensor("multi_context")
    windows = TextContext.windows(
        contexts[None], data.tensor("multi_window_start")[None], data.tensor("multi_window_end")[None], x.shape[1]
    )
    plan_windows = plan_text(windows.weights, x.shape[1], null_remainder=False)
    keys_values = text_block.cross_attn.keys_values(contexts[plan_windows.used])
    data.check("multi_block_out", text_block(x, keys_values, plan_windows))
    data.check("multi_ca_out", text_block.cross_attn(x, keys_values, plan_windows))


def _attention_windows(data: CaseData) -> None:
    for name in data.arrays:
        numbers = re.fullmatch(r"(causal_)?mask_L(\d+)_W(\d+)", name)
        if numbers is None:
            continue
        length, window = int(numbers[2]), int(numbers[3])
        rows = data.arrays[name].shape[0] if numbers[1] else 1
        causal = torch.zeros(rows, dtype=torch.bool, device=data.folder.device)
        causal[0] = numbers[1] is not None
        mask = window_mask(length, window, causal)
        data.check(name, mask if numbers[1] else mask[0])
        _check_windowed_plan(data, name, mask, window, causal)


def _check_windowed_plan(data: CaseData, name: str, mask: Tensor, window: int, causal: Tensor) -> None:
    """The block plan that is really used allows exactly the keys of the mask."""
    length = mask.shape[1]
    plan = plan_attention(
        torch.full((len(mask),), length, device=mask.device),
        length,
        window,
        2,
        causal if causal.any() else None,
        block=5,
    )
    blocked = torch.ones_like(mask)
    for block in plan.blocks:
        blocked[:, block.queries, block.keys] = False if block.mask is None else block.mask[:, 0] < 0
    data.check_value(f"{name} as a plan", blocked, mask, EXACT)


def run_denoiser(data: CaseData, prefix: str, denoiser: Denoiser) -> None:
    """One forward call from the arrays of a prefix; compares every array of that prefix that is an output."""

    def given(name: str) -> Tensor | None:
        return data.tensor(prefix + name) if prefix + name in data.arrays else None

    x_t, f_cond, features = (data.tensor(prefix + name) for name in ("xt", "f_cond", "encoded_text"))
    frames = x_t.shape[1]
    without_text = given("rm_text_flag")
    if without_text is not None:
        features = features * (~without_text)[:, None, None]
    text = TextContext.everywhere(features, frames)
    window_features = given("multi_text_embed")
    if window_features is not None:
        start, end = data.tensor(prefix + "multi_window_start"), data.tensor(prefix + "multi_window_end")
        text = TextContext.windows(window_features[None], start[None], end[None], frames)
    prepared = denoiser.prepare(f_cond, text, data.tensor(prefix + "length"), given("has_humanoid_data"))
    observed, mask = given("observed_motion_3d"), given("motion_mask_3d")
    with _recorded_blocks(denoiser) as blocks:
        output = denoiser(x_t, data.tensor(prefix + "t"), prepared, observed, mask)
    for name in OUTPUTS:
        value = getattr(output, name)
        kept = data.arrays[prefix + name].shape[1]
        data.check(prefix + name, value[:, :: kept_stride(data.meta, value.shape[1], kept)])
    if observed is not None and mask is not None:
        x_t = torch.where(mask.bool(), observed, x_t)
    tokens = denoiser.tokens(x_t, prepared)
    blocks["after_add_cond_linear"] = denoiser.first_hidden(tokens, data.tensor(prefix + "t"), prepared)
    for name, value in blocks.items():
        if prefix + name in data.arrays:
            data.check(prefix + name, value)


@contextmanager
def _recorded_blocks(denoiser: Denoiser) -> Iterator[dict[str, Tensor]]:
    """The output of every block of one call, by the names that the cases give them."""
    outputs: dict[str, Tensor] = {}

    def recorder(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        def keep(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            outputs[name] = output

        return keep

    named = [(f"block{i}_out", block) for i, block in enumerate(denoiser.blocks)]
    named += [(f"text_block{i}_out", block) for i, block in denoiser.text_encoder_layers.items()]
    handles = [block.register_forward_hook(recorder(name)) for name, block in named]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def _denoiser(data: CaseData) -> None:
    denoiser = load_small(data.folder).denoiser
    for name in data.matching("*_xt"):
        run_denoiser(data, name.removesuffix("xt"), denoiser)


_DENOISER_INPUTS = ("*_xt", "*_t", "*_f_cond", "*_length", "*_encoded_text", "*_multi_*")

CASES = (
    _sizes("gem_small"),
    _sizes("gem_small_reg"),
    _weights("gem_small"),
    _weights("gem_small_reg"),
    _layout(NetworkConfig.official()),
    _layout(NetworkConfig.official_regression()),
    Case(
        "transformer_blocks.npz",
        (
            *("rope_in", "pe_row_ids", "time_t", "attn_x", "attn_pad", "attn_mask2d"),
            *("textblock_x", "textblock_context", "multi_x", "multi_context", "multi_window_*"),
        ),
        (
            *("rope_out", "rope_freqs", "pe_rows", "time_emb", "attn_out_*", "block_out_*"),
            *("textblock_out", "multi_ca_out", "multi_block_out"),
        ),
        _transformer_blocks,
    ),
    Case("attention_windows.npz", (), ("mask_L*_W*", "causal_mask_L*_W*"), _attention_windows),
    Case(
        "denoiser_short.npz",
        (*_DENOISER_INPUTS, "*_has_humanoid_data", "*_observed_motion_3d", "*_motion_mask_3d", "*_rm_text_flag"),
        (*(f"*_{name}" for name in OUTPUTS), "*_after_add_cond_linear", "*_block*_out"),
        _denoiser,
    ),
    Case("denoiser_long.npz", _DENOISER_INPUTS, tuple(f"*_{name}" for name in OUTPUTS), _denoiser),
)
