"""Schedule, guidance and sampler (README section 4)."""

from __future__ import annotations

import numpy as np
import torch

from ..diffusion.sampler import Guidance, GuidedNetwork, SamplerInputs, ddim_steps, regress, sample
from ..diffusion.schedule import DiffusionSchedule, kept_timesteps
from ..network.denoiser import TextContext
from .framework import EXACT, Case, CaseData, kept_stride
from .networks import load_small

OUTPUTS = ("pred_x", "pred_cam", "static_conf_logits")
_TABLES = (
    *("betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod"),
    *("sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod", "posterior_variance"),
    *("posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2", "timestep_map"),
)


def _check_tables(data: CaseData, prefix: str, schedule: DiffusionSchedule) -> None:
    abar = schedule.alphas_cumprod
    clean, noised = schedule.posterior_mean_coefficients
    tables = {
        "betas": schedule.betas,
        "alphas_cumprod": abar,
        "alphas_cumprod_prev": schedule.alphas_cumprod_prev,
        "sqrt_alphas_cumprod": np.sqrt(abar),
        "sqrt_one_minus_alphas_cumprod": np.sqrt(1.0 - abar),
        "sqrt_recip_alphas_cumprod": np.sqrt(1.0 / abar),
        "sqrt_recipm1_alphas_cumprod": np.sqrt(1.0 / abar - 1.0),
        "posterior_variance": schedule.posterior_variance,
        "posterior_log_variance_clipped": schedule.posterior_log_variance_clipped,
        "posterior_mean_coef1": clean,
        "posterior_mean_coef2": noised,
    }
    for name, table in tables.items():
        data.check(f"{prefix}_{name}", table, data.meta["tolerance"]["schedule"])
    data.check(f"{prefix}_timestep_map", schedule.timestep_map, EXACT)


def _schedule(data: CaseData) -> None:
    sizes = data.folder.json("gem_small_{word}.json")["diffusion"]
    full = DiffusionSchedule.cosine(sizes["steps"])
    chain = full.respaced(sizes["respacing_used"])
    _check_tables(data, "full", full)
    _check_tables(data, f"s{sizes['respacing_used']}", chain)
    for name in data.matching("respaced_*"):
        data.check(name, np.array(kept_timesteps(len(full), name.removeprefix("respaced_"))), EXACT)
    close = data.meta["tolerance"]["q_sample_and_ddim"]
    data.check("q_xt", full.q_sample(data.tensor("q_x0"), data.tensor("q_t"), data.tensor("q_noise")), close)
    x_t, x0 = data.tensor("ddim_xt"), data.tensor("ddim_pred_x0")
    index, noise = data.tensor("ddim_t_index"), data.tensor("ddim_noise")
    for name in data.matching("ddim_out_eta*"):
        eta = name.removeprefix("ddim_out_eta")
        data.check(name, chain.ddim_step(x_t, x0, index, float(eta), noise), close)
        data.check(f"ddim_mean_eta{eta}", chain.q_posterior_mean(x0, x_t, index), close)


def _guidance(data: CaseData) -> None:
    denoiser = load_small(data.folder).denoiser
    x_t, t = data.tensor("xt"), data.tensor("t")
    inputs = SamplerInputs(
        f_cond=data.tensor("f_cond"),
        text=TextContext.everywhere(data.tensor("encoded_text"), x_t.shape[1]),
        length=data.tensor("length"),
        f_uncond=data.tensor("f_uncond"),
    )
    for prefix, scale in (("guided_", float(data["scale"])), ("cond_", 1.0)):
        output = GuidedNetwork(denoiser, inputs, Guidance.everything(scale))(x_t, t)
        for name in (*OUTPUTS, "pred_context"):
            data.check(prefix + name, getattr(output, name))


def _sampler(data: CaseData) -> None:
    denoiser = load_small(data.folder).denoiser
    noise, encoded_text = data.tensor("noise"), data.tensor("encoded_text")
    frames = noise.shape[1]
    text = TextContext.everywhere(encoded_text, frames)
    if "multi_text_embed" in data.arrays:
        start, end = data.tensor("multi_window_start")[None], data.tensor("multi_window_end")[None]
        text = TextContext.windows(data.tensor("multi_text_embed")[None], start, end, frames)
    inputs = SamplerInputs(data.tensor("f_cond"), text, data.tensor("length"), data.tensor("f_uncond"))
    chain = DiffusionSchedule.cosine().respaced(str(data.meta["steps"]))
    guidance, eta = Guidance.everything(data.meta["scale"]), data.meta["eta"]
    walk = ddim_steps(GuidedNetwork(denoiser, inputs, guidance), chain, noise, eta)
    for step, (state, _) in enumerate(walk):
        name = f"sample_step{step}"
        if name in data.arrays:
            stride = kept_stride(data.meta, frames, data.arrays[name].shape[1])
            data.check(name, state[:, ::stride])
    output = sample(denoiser, inputs, _Stored(noise), guidance, data.meta["steps"], eta=eta)
    for name in OUTPUTS:
        data.check(name, getattr(output, name))
    output = regress(denoiser, inputs)
    for name in OUTPUTS:
        data.check("regression_" + name, getattr(output, name), data.meta["regression_tolerance"])


class _Stored:
    """The noise of the file in place of a generator."""

    def __init__(self, noise: torch.Tensor) -> None:
        self.noise = noise

    def draw(self) -> torch.Tensor:
        return self.noise


_SAMPLER_INPUTS = ("noise", "length", "f_cond", "f_uncond", "encoded_text")
_SAMPLER_OUTPUTS = ("sample_step*", *OUTPUTS, *(f"regression_{name}" for name in OUTPUTS))

CASES = (
    Case(
        "diffusion_schedule.npz",
        ("q_x0", "q_noise", "q_t", "ddim_xt", "ddim_t_index", "ddim_pred_x0", "ddim_noise"),
        (
            *(f"full_{name}" for name in _TABLES),
            *(f"s*_{name}" for name in _TABLES),
            *("respaced_*", "q_xt", "ddim_out_eta*", "ddim_mean_eta*"),
        ),
        _schedule,
    ),
    Case(
        "guidance.npz",
        ("xt", "t", "f_cond", "f_uncond", "length", "encoded_text", "scale"),
        ("guided_*", "cond_*"),
        _guidance,
    ),
    Case("sampler_A.npz", _SAMPLER_INPUTS, _SAMPLER_OUTPUTS, _sampler),
    Case("sampler_B.npz", (*_SAMPLER_INPUTS, "multi_*"), _SAMPLER_OUTPUTS, _sampler),
)
