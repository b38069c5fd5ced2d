"""The noise schedule (spec 5.0, 5.2)."""

import numpy as np
import pytest
import torch

from genmo_blender.engine.diffusion.schedule import DiffusionSchedule, kept_timesteps
from genmo_blender.model.schedule import CLEANEST, NOISIEST, SPACING

SPEC_50 = (
    "0,20,41,61,82,102,122,143,163,183,204,224,245,265,285,306,326,347,367,387,408,428,449,469,489,510,530,550,571,591,"
    "612,632,652,673,693,714,734,754,775,795,816,836,856,877,897,917,938,958,979,999"
)


def test_the_cosine_schedule_has_the_published_values() -> None:
    full = DiffusionSchedule.cosine()
    np.testing.assert_allclose(full.betas[[0, 1, 998, 999]], [4.12842e-5, 4.61418e-5, 0.7499994, 0.999], rtol=1e-5)
    np.testing.assert_allclose(full.alphas_cumprod[[0, 999]], [0.99995872, 2.42876691e-9], rtol=1e-8)


def test_fifty_steps_are_those_of_the_release() -> None:
    assert kept_timesteps(1000, "50") == [int(t) for t in SPEC_50.split(",")]


@pytest.mark.parametrize("respacing", ["1", "2", "25", "20,10,5", "ddim25", "1000"])
def test_a_respaced_chain_keeps_the_noise_levels_of_its_steps(respacing: str) -> None:
    full = DiffusionSchedule.cosine()
    chain = full.respaced(respacing)
    np.testing.assert_allclose(chain.alphas_cumprod, full.alphas_cumprod[chain.timestep_map], rtol=1e-7)
    assert list(chain.timestep_map) == sorted(set(chain.timestep_map))


@pytest.mark.parametrize("respacing", ["0", "1001", "ddim999", "600,600"])
def test_a_respacing_that_cannot_be_made_is_refused(respacing: str) -> None:
    with pytest.raises(ValueError):
        kept_timesteps(1000, respacing)


@pytest.mark.parametrize("steps", [1, 2, 8, 15, 100, 500, 897, 898, 947, 948, 1000])
def test_steps_by_noise_are_as_many_as_asked_for_and_never_twice_the_same(steps: int) -> None:
    full = DiffusionSchedule.cosine()
    chain = full.by_noise(steps)
    assert len(chain) == steps and (np.diff(chain.timestep_map) > 0).all()
    np.testing.assert_allclose(chain.alphas_cumprod, full.alphas_cumprod[chain.timestep_map], rtol=1e-7)
    if steps <= NOISIEST - CLEANEST + 1:
        assert chain.timestep_map[-1] == NOISIEST and (steps == 1 or chain.timestep_map[0] == CLEANEST)


def test_steps_by_noise_are_even_in_its_root() -> None:
    full = DiffusionSchedule.cosine()
    spread = {name: np.diff((1.0 / chain.alphas_cumprod - 1.0) ** (0.5 / SPACING)) for name, chain in (
        ("noise", full.by_noise(6)), ("time", full.respaced("6"))
    )}  # fmt: skip
    assert spread["noise"].min() > 0.9 * spread["noise"].max()
    assert spread["time"].min() < 0.05 * spread["time"].max()


@pytest.mark.parametrize("steps", [0, -3, 1001])
def test_steps_by_noise_that_there_cannot_be_are_refused(steps: int) -> None:
    with pytest.raises(ValueError):
        DiffusionSchedule.cosine().by_noise(steps)


def test_the_true_motion_leads_a_deterministic_chain_straight_to_itself() -> None:
    chain = DiffusionSchedule.cosine().respaced("10")
    x0, noise = torch.randn(2, 5, 151), torch.randn(2, 5, 151)
    t = torch.full((2,), 9)
    x = chain.q_sample(x0, t, noise)
    for k in reversed(range(10)):
        x = chain.ddim_step(x, x0, torch.full((2,), k))
        if k:
            expected = chain.q_sample(x0, torch.full((2,), k - 1), noise)
            torch.testing.assert_close(x, expected, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(x, x0, atol=1e-5, rtol=1e-5)


def test_eta_adds_noise_everywhere_but_at_the_last_step() -> None:
    chain = DiffusionSchedule.cosine().respaced("10")
    x, x0, noise = (torch.randn(1, 5, 151) for _ in range(3))
    for k, changes in ((9, True), (1, True), (0, False)):
        t = torch.tensor([k])
        assert torch.equal(chain.ddim_step(x, x0, t, 0.6, noise), chain.ddim_step(x, x0, t, 0.6, -noise)) != changes
