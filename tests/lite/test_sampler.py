"""Sampling equals torch's: steps, guidance, spacing, both branches, the regression pass."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genmo_blender.engine.diffusion import sampler as torchs
from genmo_blender.engine.diffusion.schedule import DiffusionSchedule
from genmo_blender.lite import sampler
from genmo_blender.model.config import NetworkConfig
from genmo_blender.model.schedule import NoiseSchedule
from genmo_blender.protocol.cancellation import Cancelled
from tests.engine.network.networks import MINI, SMALL
from tests.lite.twins import assert_close, random_text, twins


def inputs(config: NetworkConfig, frames: int = 40) -> tuple[torchs.SamplerInputs, sampler.SamplerInputs]:
    torch.manual_seed(4)
    f_cond, f_uncond, length = torch.randn(2, frames, 32), torch.randn(2, frames, 32), torch.full((2,), frames)
    text, our_text = random_text(config, 2, frames, [(0, 20), (16, 40)])
    given = f_cond.numpy(), our_text, length.numpy(), f_uncond.numpy()
    return torchs.SamplerInputs(f_cond, text, length, f_uncond), sampler.SamplerInputs(*given)


@pytest.mark.parametrize("config", [MINI, SMALL])
@pytest.mark.parametrize(("guidance", "by_noise"), [("everything", False), ("pose", True)])
def test_a_take_equals_torchs(config: NetworkConfig, guidance: str, by_noise: bool) -> None:
    network, ours = twins(config)
    given, our_given = inputs(config)
    noise = torchs.TakeNoise([7, 8], 40)
    scale = getattr(torchs.Guidance, guidance)(2.5)
    expected = torchs.sample(network.denoiser, given, noise, scale, steps=6, by_noise=by_noise)
    start = torchs.TakeNoise([7, 8], 40).draw().numpy()
    our_scale = getattr(sampler.Guidance, guidance)(2.5)
    got = sampler.sample(ours.denoiser, our_given, start, our_scale, 6, by_noise)
    assert_close(got, expected, 1e-3)


def test_nothing_to_guide_and_regression_equal_torchs() -> None:
    network, ours = twins(MINI)
    given, our_given = inputs(MINI)
    expected = torchs.regress(network.denoiser, given)
    assert_close(sampler.regress(ours.denoiser, our_given), expected, 1e-4)


@pytest.mark.parametrize("eta", [0.0, 0.7])
def test_every_step_equals_torchs(eta: float) -> None:
    chain, our_chain = DiffusionSchedule.cosine().respaced("5"), NoiseSchedule.cosine().respaced("5")
    x_t, x0, noise = torch.randn(3, 2, 9, 151).unbind(0)
    for k in range(5):
        expected = chain.ddim_step(x_t, x0, torch.tensor([k, k]), eta, noise)
        got = sampler.ddim_step(our_chain, x_t.numpy(), x0.numpy(), k, eta, noise.numpy())
        np.testing.assert_allclose(got, expected.numpy(), atol=2e-5, rtol=1e-4)


def test_a_cancelled_job_ends_between_steps() -> None:
    _, ours = twins(MINI)
    done: list[int] = []
    with pytest.raises(Cancelled):
        sampler.sample(
            ours.denoiser, inputs(MINI)[1], np.zeros((2, 40, 151), np.float32), sampler.Guidance.pose(2.0), 50,
            progress=lambda step, of: done.append(step), cancelled=lambda: len(done) >= 2,
        )  # fmt: skip
    assert done == [1, 2]
