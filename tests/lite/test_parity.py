"""The numpy network and sampler give the release's numbers: every array of the cases that apply, within its tolerance.

What `lite` has no counterpart of (losses, cameras, the release's clean-up, speech) is the engine's alone. Of two cases
only a part applies; those compare by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genmo_blender.engine.parity.diffusion_cases import CASES as DIFFUSION_CASES
from genmo_blender.engine.parity.framework import Case, CaseData, ParityFolder, kept_stride, run_case
from genmo_blender.engine.parity.network_cases import CASES as NETWORK_CASES
from genmo_blender.engine.parity.networks import config_from_sizes, load_small
from genmo_blender.lite.attention import BLOCKED, AttentionPlan, plan_attention, window_bounds
from genmo_blender.lite.codec import decode
from genmo_blender.lite.conditions import ConditionInputs
from genmo_blender.lite.layers import rotary_angles, rotary_table, rotate, silu, sinusoid
from genmo_blender.lite.network import Network, read_network
from genmo_blender.lite.sampler import Guidance, GuidedNetwork, SamplerInputs, ddim_step, ddim_steps, regress, sample
from genmo_blender.lite.text_attention import TextContext, plan_text
from genmo_blender.model.schedule import NoiseSchedule
from genmo_blender.motion import rotations as rot

FOLDER = ParityFolder(Path(__file__).parents[1] / "data" / "parity")
OUTPUTS = ("pred_x", "pred_cam", "static_conf_logits", "pred_context")


def small() -> Network:
    """The released architecture at a small size, with the weights of the cases."""
    state = {key: value.numpy() for key, value in load_small(FOLDER).state_dict().items()}
    return read_network(state, config_from_sizes(FOLDER.json("gem_small_{word}.json")))


def _attention_windows(data: CaseData) -> None:
    for name in data.arrays:
        numbers = re.fullmatch(r"(causal_)?mask_L(\d+)_W(\d+)", name)
        if numbers is None:
            continue
        length, window = int(numbers[2]), int(numbers[3])
        rows = data.arrays[name].shape[0] if numbers[1] else 1
        causal = np.zeros(rows, dtype=bool)
        causal[0] = numbers[1] is not None
        low, high = window_bounds(length, window, causal)
        mask = (np.arange(length) < low[..., None]) | (np.arange(length) >= high[..., None])
        data.check(name, mask if numbers[1] else mask[0])
        plan = plan_attention(np.full(rows, length), length, window, 2, causal if causal.any() else None, block=5)
        blocked = np.ones_like(mask)
        for block in plan.blocks:
            blocked[:, block.queries, block.keys] = False if block.mask is None else block.mask[:, 0] < 0
        data.check_value(f"{name} as a plan", blocked, mask, {"atol": 0.0, "rtol": 0.0})


def _transformer_blocks(data: CaseData) -> None:
    denoiser = small().denoiser
    rope_in = data["rope_in"]  # (B, H, T, dh)
    tokens, head_dim = rope_in.shape[-2:]
    turned = rotate(np.ascontiguousarray(rope_in.transpose(0, 2, 1, 3)), rotary_table(tokens, head_dim))
    data.check("rope_out", turned.transpose(0, 2, 1, 3))
    angles = rotary_angles(len(data.arrays["rope_freqs"]), head_dim)
    data.check("rope_freqs", np.repeat(angles, 2, axis=-1))
    data.check("pe_rows", sinusoid(data["pe_row_ids"], denoiser.config.latent_dim))
    before, after = denoiser.timestep
    data.check("time_emb", after(silu(before(sinusoid(data["time_t"], denoiser.config.latent_dim))))[:, None])
    block, text_block = denoiser.blocks[0], denoiser.text_blocks[0]
    x = data["attn_x"]
    plan = plan_attention(np.array([x.shape[1]]), x.shape[1], x.shape[1], head_dim)
    masks = {"nomask": None, "pad": data["attn_pad"][:, None, None], "mask": data["attn_mask2d"][None, None]}
    for name, mask in masks.items():
        blocked = None if mask is None else mask * BLOCKED
        masked = AttentionPlan(plan.rotation, (replace(plan.blocks[0], mask=blocked),))
        data.check(f"attn_out_{name}", block.attention(x, masked))
        data.check(f"block_out_{name}", block(x, masked))
    x = data["textblock_x"]
    distinct, texts = plan_text(data["textblock_context"][:, None], np.ones((len(x), 1, x.shape[1]), np.float32))
    data.check("textblock_out", text_block(x, text_block.attention.absorbed(distinct), texts))
    x, contexts = data["multi_x"], data["multi_context"]
    start, end = data["multi_window_start"][None], data["multi_window_end"][None]
    windows = TextContext.windows(contexts[None], start, end, x.shape[1])
    distinct, texts = plan_text(windows.features, windows.weights)
    absorbed = text_block.attention.absorbed(distinct)
    data.check("multi_block_out", text_block(x, absorbed, texts))
    data.check("multi_ca_out", text_block.attention(x, absorbed, texts))


def _denoiser(data: CaseData) -> None:
    denoiser = small().denoiser
    for name in data.matching("*_xt"):
        prefix = name.removesuffix("xt")

        def given(name: str, prefix: str = prefix) -> np.ndarray | None:
            return data[prefix + name] if prefix + name in data.arrays else None

        x_t, f_cond, features = (data[prefix + part] for part in ("xt", "f_cond", "encoded_text"))
        frames, t = x_t.shape[1], data[prefix + "t"]
        without_text = given("rm_text_flag")
        if without_text is not None:
            features = features * (~without_text)[:, None, None]
        text = TextContext.everywhere(features, frames)
        window_features = given("multi_text_embed")
        if window_features is not None:
            start, end = data[prefix + "multi_window_start"], data[prefix + "multi_window_end"]
            text = TextContext.windows(window_features[None], start[None], end[None], frames)
        prepared = denoiser.prepare(f_cond, text, data[prefix + "length"], given("has_humanoid_data"))
        observed, mask = given("observed_motion_3d"), given("motion_mask_3d")
        output = denoiser(x_t, t, prepared, observed, mask)
        for part in OUTPUTS:
            value = getattr(output, part)
            kept = data.arrays[prefix + part].shape[1]
            data.check(prefix + part, value[:, :: kept_stride(data.meta, value.shape[1], kept)])
        if observed is not None and mask is not None:
            x_t = np.where(mask.astype(bool), observed, x_t)
        h = denoiser.first_hidden(denoiser.tokens(x_t, prepared), t, prepared)
        steps = {"after_add_cond_linear": h}
        for i, block in enumerate(denoiser.blocks):
            if prepared.text is not None:
                steps[f"text_block{i}_out"] = h = denoiser.text_blocks[i](h, prepared.texts[i], prepared.text)
            steps[f"block{i}_out"] = h = block(h, prepared.attention)
        for part, value in steps.items():
            if prefix + part in data.arrays:
                data.check(prefix + part, value)


def _guidance(data: CaseData) -> None:
    text = TextContext.everywhere(data["encoded_text"], data["xt"].shape[1])
    inputs = SamplerInputs(data["f_cond"], text, data["length"], data["f_uncond"])
    denoiser = small().denoiser
    for prefix, scale in (("guided_", float(data["scale"])), ("cond_", 1.0)):
        output = GuidedNetwork(denoiser, inputs, Guidance.everything(scale))(data["xt"], data["t"])
        for name in OUTPUTS:
            data.check(prefix + name, getattr(output, name))


def _sampler(data: CaseData) -> None:
    denoiser, noise = small().denoiser, data["noise"]
    frames = noise.shape[1]
    text = TextContext.everywhere(data["encoded_text"], frames)
    if "multi_text_embed" in data.arrays:
        start, end = data["multi_window_start"][None], data["multi_window_end"][None]
        text = TextContext.windows(data["multi_text_embed"][None], start, end, frames)
    inputs = SamplerInputs(data["f_cond"], text, data["length"], data["f_uncond"])
    chain = NoiseSchedule.cosine().respaced(str(data.meta["steps"]))
    guidance = Guidance.everything(data.meta["scale"])
    walk = ddim_steps(GuidedNetwork(denoiser, inputs, guidance), chain, noise, data.meta["eta"])
    for step, (state, _) in enumerate(walk):
        name = f"sample_step{step}"
        if name in data.arrays:
            data.check(name, state[:, :: kept_stride(data.meta, frames, data.arrays[name].shape[1])])
    output = sample(denoiser, inputs, noise, guidance, data.meta["steps"])
    estimate = regress(denoiser, inputs)
    for name in OUTPUTS[:3]:
        data.check(name, getattr(output, name))
        data.check("regression_" + name, getattr(estimate, name), data.meta["regression_tolerance"])


RUNS: dict[str, Callable[[CaseData], None]] = {
    "attention_windows.npz": _attention_windows,
    "transformer_blocks.npz": _transformer_blocks,
    "denoiser_short.npz": _denoiser,
    "denoiser_long.npz": _denoiser,
    "guidance.npz": _guidance,
    "sampler_A.npz": _sampler,
    "sampler_B.npz": _sampler,
}


@pytest.mark.parametrize("case", [c for c in NETWORK_CASES + DIFFUSION_CASES if c.name in RUNS], ids=lambda c: c.name)
def test_every_array_of_the_release_is_met(case: Case) -> None:
    result = run_case(FOLDER, replace(case, run=RUNS[case.name]))
    assert result.passed, result.line()


def part_of(template: str) -> CaseData:
    case = Case(template, (), (), lambda data: None)
    return CaseData(FOLDER, case, FOLDER.arrays(template), FOLDER.meta(template))


def test_ddim_steps_are_the_releases() -> None:
    data = part_of("diffusion_schedule.npz")
    chain = NoiseSchedule.cosine().respaced(FOLDER.json("gem_small_{word}.json")["diffusion"]["respacing_used"])
    x_t, x0, noise = data["ddim_xt"], data["ddim_pred_x0"], data["ddim_noise"]
    names = data.matching("ddim_out_eta*")
    for name in names:
        eta = float(name.removeprefix("ddim_out_eta"))
        rows = [
            ddim_step(chain, x_t[i : i + 1], x0[i : i + 1], int(k), eta, noise[i : i + 1])
            for i, k in enumerate(data["ddim_t_index"])
        ]
        data.check(name, np.concatenate(rows), data.meta["tolerance"]["q_sample_and_ddim"])
    assert len(names) >= 2 and max(data.checked.values()) <= 1.0, data.checked


def test_the_sums_of_conditions_are_the_releases_where_none_is_speech_or_an_image() -> None:
    data = part_of("conditions.npz")
    conditions, (batch, frames) = small().conditions, data.arrays["obs"].shape[:2]
    for presence in (name.removesuffix("_f_cond") for name in data.matching("*_f_cond")):
        flags = {name: data[f"{presence}_has_{part}"] for name, part in (("has_2d", "d2"), ("has_cam", "cam"))}
        told = ConditionInputs(
            data["obs"], data["kp2d"][..., 2] > 0.5, data["f_cliffcam"], data["f_cam_angvel"], data["music_embed"],
            **flags, has_music=data[f"{presence}_has_music"],
        )  # fmt: skip
        data.check(f"{presence}_f_empty", conditions.f_cond(ConditionInputs(), batch, frames))
        if not data[f"{presence}_has_img"].any():
            data.check(f"{presence}_f_uncond", conditions.f_cond(told, batch, frames, silent=True))
            if not data[f"{presence}_has_audio"].any():
                data.check(f"{presence}_f_cond", conditions.f_cond(told, batch, frames))
    assert len(data.checked) >= 3 and max(data.checked.values()) <= 1.0, data.checked


def test_codes_are_decoded_as_by_the_release() -> None:
    data = part_of("endecoder.npz")
    for prefix, code in (("", data["encoded"]), ("raw_", data["raw_x"])):
        motion = decode(code, data["mean"], data["std"])
        vectors = rot.to_rotation_vector(motion.rotations)
        data.check(f"{prefix}decoded_body_pose", vectors[..., 1:, :].reshape(*code.shape[:-1], 63))
        data.check(f"{prefix}decoded_global_orient_gv", vectors[..., 0, :])
    assert max(data.checked.values()) <= 1.0, data.checked


def test_the_roll_out_of_a_still_camera_is_the_releases() -> None:
    data = part_of("rollout.npz")
    root, velocity = rot.from_rotation_vector(data["w_global_orient"]), data["local_transl_vel"]
    code = np.zeros((*velocity.shape[:2], 151))
    code[..., 0:126] = np.tile([1.0, 0, 0, 0, 1.0, 0], 21)
    code[..., 142:148] = rot.to_6d(root)
    code[..., 148:] = velocity
    motion = decode(code, np.zeros(151), np.ones(151))
    data.check("w_rollout_zero", motion.transl, data.meta["tolerance"]["others"])
    data.check_rotation("w_global_orient", rot.to_rotation_vector(motion.rotations[..., 0, :]), 0.01)
    assert max(data.checked.values()) <= 1.0, data.checked
