"""The correction of the network's answer by the noised motion."""

import math

import pytest
import torch

from genmo_blender.engine.diffusion.schedule import DiffusionSchedule
from genmo_blender.engine.network.skip import LARGEST_LOG_VARIANCE, WienerSkip, _bands, cosine_signal

WIDTH, CHANNELS, FRAMES = 4, 3, 400
CHAIN = DiffusionSchedule.cosine()


def skip(log_variance, per_token=4):
    one = WienerSkip(WIDTH, CHANNELS, per_token)
    torch.nn.init.constant_(one.log_variance.bias, log_variance)
    return one.requires_grad_(False)


def said_for(variance):
    """What the layer has to say for a variance, which is bounded."""
    return LARGEST_LOG_VARIANCE - math.log(math.expm1(LARGEST_LOG_VARIANCE - math.log(variance)))


def corrected(one, motion, x_t, timestep, lengths=None, seen=None, h=None):
    batch, frames = motion.shape[:2]
    h = torch.zeros(batch, -(-frames // one.per_token), WIDTH) if h is None else h
    lengths = torch.full((batch,), frames) if lengths is None else lengths
    return one(motion, h, x_t, torch.full((batch,), timestep), lengths, seen)


def noised(clean, timestep):
    random = torch.Generator().manual_seed(timestep)
    noise = torch.randn(clean.shape, generator=random)
    return CHAIN.q_sample(clean, torch.full((len(clean),), timestep), noise)


def test_the_signal_is_that_of_the_schedule():
    table = torch.from_numpy(CHAIN.alphas_cumprod).float()
    assert torch.allclose(cosine_signal(torch.arange(1000)), table, atol=1e-6)


@pytest.mark.parametrize("timestep", [100, 300, 500, 700])
def test_a_guess_of_known_error_is_corrected_as_well_as_can_be(timestep):
    clean = torch.randn(16, FRAMES, CHANNELS, generator=torch.Generator().manual_seed(1))
    variance = 0.3
    error = math.sqrt(variance) * torch.randn(clean.shape, generator=torch.Generator().manual_seed(2))
    found = corrected(skip(said_for(variance)), clean + error, noised(clean, timestep), timestep)
    spread = 1.0 / float(CHAIN.alphas_cumprod[timestep]) - 1.0
    best = variance * spread / (variance + spread)
    assert float((found - clean).square().mean()) == pytest.approx(best, rel=0.05)


def test_where_there_is_no_noise_the_motion_is_taken_and_where_there_is_no_motion_the_guess():
    clean, guess = torch.randn(2, 1, 40, CHANNELS, generator=torch.Generator().manual_seed(3))
    one = skip(0.0)
    assert torch.allclose(corrected(one, guess, noised(clean, 0), 0), clean, atol=0.05)
    assert torch.allclose(corrected(one, guess, noised(clean, 999), 999), guess, atol=1e-3)


def test_a_guess_without_error_stays():
    clean, guess = torch.randn(2, 1, 40, CHANNELS, generator=torch.Generator().manual_seed(3))
    assert torch.allclose(corrected(skip(-40.0), guess, noised(clean, 300), 300), guess, atol=1e-5)


def test_the_bands_add_up_and_each_holds_its_own_frequency():
    x = torch.randn(2, 60, CHANNELS)
    assert torch.allclose(sum(_bands(x, torch.tensor([60, 60]))), x, atol=1e-6)
    time = torch.arange(300)[None, :, None] / 30.0
    for hertz, place in ((9.0, 0), (3.0, 1), (0.5, 2)):
        energy = [
            float(band.square().mean()) for band in _bands(torch.sin(2 * math.pi * hertz * time), torch.tensor([300]))
        ]
        assert energy.index(max(energy)) == place, hertz


def test_frames_past_the_valid_ones_change_nothing():
    guess, x_t = torch.randn(2, 1, 40, CHANNELS, generator=torch.Generator().manual_seed(4))
    h = torch.randn(1, 10, WIDTH)
    one = skip(-1.0)
    torch.nn.init.normal_(one.log_variance.weight, std=0.1)
    lengths = torch.tensor([21])
    first = corrected(one, guess, x_t, 200, lengths, h=h)
    guess, x_t = guess.clone(), x_t.clone()
    guess[:, 21:] += 5.0
    x_t[:, 21:] -= 5.0
    assert torch.allclose(corrected(one, guess, x_t, 200, lengths, h=h)[:, :21], first[:, :21], atol=1e-6)


def test_what_is_known_is_clean_at_every_timestep():
    clean, guess = torch.randn(2, 1, 40, CHANNELS, generator=torch.Generator().manual_seed(5))
    seen = torch.ones_like(clean)
    told = corrected(skip(said_for(1.0)), guess, clean, 600, seen=seen)
    signal = float(CHAIN.alphas_cumprod[600])
    assert torch.allclose(told, guess + (clean - guess) * signal, atol=1e-5)


def test_the_network_says_how_far_it_is_to_be_trusted_token_by_token():
    guess, x_t = torch.zeros(1, 40, CHANNELS), torch.ones(1, 40, CHANNELS)
    one = skip(-30.0)
    one.log_variance.weight[:, 0] = 30.0
    h = torch.zeros(1, 10, WIDTH)
    h[:, 5:, 0] = 1.0
    moved = corrected(one, guess, x_t, 300, h=h)[0, :, 0]
    assert moved[:16].abs().max() < 1e-3 and moved[26:].min() > 0.4
    assert (moved[16:26].diff() >= -1e-6).all()  # it goes over
