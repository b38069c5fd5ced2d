"""Training targets, losses and their gradients (README section 8); the single-pass video lies in `flow_cases`."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..diffusion.schedule import TRAINING_STEPS, DiffusionSchedule
from ..network.conditions import JOINTS_FOR_A_BOX, ConditionInputs, DropDraws, drop_conditions
from ..network.denoiser import TextContext
from ..network.genmo import GenmoNetwork, official_name
from ..network.heads import NetworkOutput
from ..quirks import OfficialQuirks
from ..representation.camera import cliff_camera, normalise_angular_velocity
from ..representation.codec import official_statistics
from ..training.losses import Losses, LossWeights, Targets, TrueMotion, losses, targets
from .bodies import parity_lite_body
from .framework import Case, CaseData
from .networks import load_small

_SMPL = {
    "body_pose": "smpl_params_c_body_pose",
    "betas": "smpl_params_c_betas",
    "global_orient_c": "smpl_params_c_global_orient",
    "transl_c": "smpl_params_c_transl",
    "global_orient_w": "smpl_params_w_global_orient",
    "transl_w": "smpl_params_w_transl",
}
_LOSS_NAMES = {
    "simple": "simple_loss",
    "cr_j3d": "cr_j3d_loss",
    "transl_c": "transl_c_loss",
    "j2d": "j2d_loss",
    "cr_verts": "cr_vert_loss",
    "verts2d": "verts2d_loss",
    "transl_w": "transl_w_loss",
    "static_conf_bce": "static_conf_loss",
}
_GRADIENTS = {
    "grad_final_layer_fc2_bias": "denoiser.heads.final_layer.fc2.bias",
    "grad_pred_cam_fc2_weight": "denoiser.heads.pred_cam_head.fc2.weight",
    "grad_learned_pos_params": "conditions.learned_pos_params",
}


@dataclass(frozen=True)
class _Pass:
    """One mode's forward pass."""

    out: NetworkOutput
    losses: Losses
    total: Tensor


def _true_motion(data: CaseData, mode: str) -> TrueMotion:
    return TrueMotion(
        **{ours: data.tensor(name) for ours, name in _SMPL.items()},
        r_c2gv=data.tensor("R_c2gv"),
        k_fullimg=data.tensor("K_fullimg"),
        bbx_xys=data.tensor(f"{mode}_bbx_xys"),
        valid=data.tensor("mask_valid"),
        spv_incam_only=data.tensor("mask_spv_incam_only"),
        invalid_contact=data.tensor("mask_invalid_contact"),
    )


def _check_targets(data: CaseData, mode: str, target: Targets) -> None:
    outputs = data.meta["tolerance"]["outputs"]
    data.check(f"{mode}_target_x", target.x, outputs)
    data.check(f"{mode}_target_x_mask", target.x_mask, outputs)
    data.check(f"{mode}_static_gt", target.static, outputs)
    data.check(f"{mode}_static_gt_mask", target.static_mask, outputs)


def _conditions(data: CaseData, mode: str, true: TrueMotion) -> ConditionInputs:
    """What the network was shown: the release's flags after occlusion, dropping off."""
    outputs = data.meta["tolerance"]["outputs"]
    visible = data.tensor(f"{mode}_cond_j2d_visible_mask")
    seen = visible.sum(-1) > JOINTS_FOR_A_BOX
    flags = {kind: data.tensor(f"mask_has_{kind}_mask") for kind in ("img", "2d", "cam", "music", "audio")}
    for kind in ("img", "2d"):
        flags[kind] = flags[kind] & seen
    for kind, flag in flags.items():
        data.check(f"{mode}_cond_has_{kind}_mask", flag, outputs)
    cliff = cliff_camera(true.bbx_xys, true.k_fullimg) * seen.unsqueeze(-1)
    angvel = normalise_angular_velocity(data.tensor("cam_angvel"))
    data.check(f"{mode}_f_cliffcam", cliff, outputs)
    data.check(f"{mode}_f_cam_angvel", angvel, outputs)
    inputs = ConditionInputs(
        obs=data.tensor(f"{mode}_obs"),
        j2d_visible=visible,
        f_cliffcam=cliff,
        f_imgseq=data.tensor("f_imgseq"),
        f_cam_angvel=angvel,
        encoded_music=data.tensor("music_embed") if "music_embed" in data.arrays else None,
        encoded_audio=data.tensor("audio_array") if "audio_array" in data.arrays else None,
        has_img=flags["img"],
        has_2d=flags["2d"],
        has_cam=flags["cam"],
        has_music=flags["music"],
        has_audio=flags["audio"],
    )
    nothing = torch.ones(visible.shape[:2], device=visible.device)
    draws = DropDraws(nothing[:, 0], nothing[:, 0], nothing[:, 0], nothing[:, 0], {})
    return drop_conditions(inputs, draws, data.tensor("has_text"), regression=mode == "regression")


def _network_input(data: CaseData, mode: str, target: Targets, valid: Tensor) -> tuple[Tensor, Tensor]:
    """(x_t, t) of a pass."""
    outputs = data.meta["tolerance"]["outputs"]
    t, noise = data.tensor("diffusion_t"), data.tensor("diffusion_noise")
    if mode == "regression":
        t, x_t = torch.full_like(t, TRAINING_STEPS - 1), torch.zeros_like(target.x)
        data.check("regression_t", t, outputs)
    else:
        x_t = DiffusionSchedule.cosine().q_sample(target.x * valid.unsqueeze(-1), t, noise)
    data.check(f"{mode}_x_t", x_t, outputs)
    return x_t, t


def _forward(data: CaseData, network: GenmoNetwork, mode: str) -> _Pass:
    tolerance, lite = data.meta["tolerance"], parity_lite_body(data.folder)
    statistics, true = official_statistics().to(data.folder.device), _true_motion(data, mode)
    target = targets(true, lite, statistics, OfficialQuirks.official())
    _check_targets(data, mode, target)
    x_t, t = _network_input(data, mode, target, true.valid)
    batch, frames = x_t.shape[:2]
    f_cond = network.conditions.f_cond(_conditions(data, mode, true), batch, frames)
    data.check(f"{mode}_f_cond", f_cond, tolerance["outputs"])
    text = data.tensor("text_embed") * data.tensor("has_text")[:, None, None]
    context = TextContext.everywhere(text, frames) if network.config.text else None
    out = network.denoiser(x_t, t, network.denoiser.prepare(f_cond, context, data.tensor("length")))
    for name in ("pred_x", "pred_cam", "static_conf_logits"):
        data.check(f"{mode}_{name}", getattr(out, name), tolerance["outputs"])
    found = losses(out, true, target, lite, statistics)
    for ours, theirs in _LOSS_NAMES.items():
        data.check(f"{mode}_{theirs}", getattr(found, ours), tolerance["losses"])
    given = data.meta["weights"]
    weights = LossWeights(**{name: given[name] for name in _LOSS_NAMES if name in given})
    total = found.total(weights)
    data.check(f"{mode}_loss", total, tolerance["losses"])
    return _Pass(out, found, total)


def _check_gradients(data: CaseData, network: GenmoNetwork) -> None:
    tolerance = data.meta["tolerance"]["grads"]
    parameters = dict(network.named_parameters())
    for name, ours in _GRADIENTS.items():
        gradient = parameters[ours].grad
        # The tolerance is one of norms: an entry may be off by that share of the typical entry.
        typical = float(torch.from_numpy(data.arrays[name]).square().mean().sqrt())
        data.check(name, gradient, {"rtol": tolerance["rtol"], "atol": tolerance["rtol"] * typical})
    found = {official_name(k): p.grad.norm() for k, p in parameters.items() if p.grad is not None}
    expected = data.meta["grad_norms"]
    data.check_value("parameters with a gradient", set(expected) <= set(found), True, {})
    largest = max(expected.values())
    for name, norm in expected.items():
        # Gradients that cancel to rounding noise, such as a key's bias under softmax, need a floor.
        data.check_value(f"|grad {name}|", found[name], norm, {"rtol": tolerance["rtol"], "atol": 1e-7 * largest})


def _losses(data: CaseData, stem: str) -> None:
    # Augmented already in <mode>_obs and <mode>_bbx_xys; the plain ones and the flags that chose between them are read
    # to account for them.
    for name in ("kp2d", "bbx_xys", "mask_vitpose", "mask_bbx_xys"):
        data.check_value(name, len(data[name]), len(data["length"]), {})
    data.check_value("2d_only samples", bool(data["mask_2d_only"].any()), False, {})
    with torch.enable_grad():
        network = load_small(data.folder, stem).train()
        passes = [_forward(data, network, mode) for mode in data.meta["modes"]]
        total = torch.stack([one.total for one in passes]).sum()
        total.backward()
    data.check("total_loss", total, data.meta["tolerance"]["losses"])
    _check_gradients(data, network)


_INPUTS = (
    *("smpl_params_*", "R_c2gv", "K_fullimg", "kp2d", "bbx_xys", "cam_angvel", "f_imgseq", "length", "has_text"),
    *("text_embed", "mask_*", "diffusion_t", "diffusion_noise", "*_obs", "*_bbx_xys", "*_cond_j2d_visible_mask"),
)
_COMPARED = (
    *("*_f_cliffcam", "*_f_cam_angvel", "*_target_x", "*_target_x_mask", "*_static_gt", "*_static_gt_mask"),
    *("*_cond_has_*_mask", "*_x_t", "*_f_cond", "regression_t", "*_pred_x", "*_pred_cam", "*_static_conf_logits"),
    *("*_loss", "grad_*"),
)

CASES = (
    Case(
        "losses_dual.npz",
        inputs=(*_INPUTS, "music_embed", "audio_array"),
        compared=_COMPARED,
        run=lambda data: _losses(data, "gem_small"),
    ),
    Case("losses_regression.npz", inputs=_INPUTS, compared=_COMPARED, run=lambda data: _losses(data, "gem_small_reg")),
)
