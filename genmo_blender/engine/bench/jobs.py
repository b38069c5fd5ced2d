"""What is measured: networks of full width with random weights, and jobs with a text every five seconds."""

from __future__ import annotations

import torch

from ...model.config import NetworkConfig
from ..diffusion.sampler import SamplerInputs
from ..network.denoiser import Denoiser, TextContext

FPS = 30
TEXT_SECONDS = 5.0


def random_denoiser(config: NetworkConfig) -> Denoiser:
    """A denoiser in eval mode in which nothing is zero; the values do not matter for speed."""
    torch.manual_seed(0)
    denoiser = Denoiser(config).eval().requires_grad_(False)
    for parameter in denoiser.parameters():
        if not bool(parameter.any()):
            parameter.normal_(std=0.2)
    return denoiser


def text_job(config: NetworkConfig, seconds: float, words: bool = True) -> SamplerInputs:
    """One take of `seconds`, its range covered by texts of five seconds; without `words` there is nothing to guide."""
    torch.manual_seed(1)
    frames = round(seconds * FPS)
    f_cond = torch.randn(1, 1, config.latent_dim).expand(1, frames, -1)
    length = torch.tensor([frames])
    if not words:
        return SamplerInputs(f_cond, None, length)
    count = max(1, round(seconds / TEXT_SECONDS))
    window = torch.arange(frames) * count // frames
    weights = (window == torch.arange(count)[:, None]).float()
    features = torch.randn(1, count, config.text_tokens, config.text_dim)
    return SamplerInputs(f_cond, TextContext(features, weights[None]), length)


def step_operations(config: NetworkConfig, seconds: float, branches: int) -> float:
    """Floating-point operations that one step needs, counted from the sizes: products alone, windows exact, and
    nothing that depends on the job only."""
    per_token = config.frames_per_token
    tokens = -(-round(seconds * FPS) // per_token)
    width, inner = config.latent_dim, config.mlp_ratio * config.latent_dim
    keys = min(tokens, config.window_tokens)
    rotary = 4 * width**2 + 2 * width * inner + 2 * width * keys
    text = 2 * width**2 + 2 * width * inner + 2 * width * config.text_tokens
    heads = 3 * width**2 + width * per_token * (config.motion_dim + 9)
    layers = config.layers * (rotary + (text if config.text else 0))
    return 2.0 * branches * tokens * (layers + heads + width * per_token * config.motion_dim)
