"""The plain loop that speed is measured against computes the same motion, and the figures count what is needed."""

from dataclasses import replace

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from genmo_blender.engine.bench.jobs import random_denoiser, step_operations, text_job
from genmo_blender.engine.bench.measure import Plan, memory_row, ours, plain, product_speed, time_row
from genmo_blender.engine.bench.plain import PlainLoop

from .network.networks import MINI, SMALL

WIDE = replace(SMALL, latent_dim=64)  # wide enough for texts to be absorbed, as the official network is


@pytest.mark.parametrize("config", [SMALL, WIDE, MINI], ids=["narrow", "wide", "mini"])
@pytest.mark.parametrize(("seconds", "words"), [(0.6, True), (7.0, True), (11.03, True), (7.0, False)])
def test_the_plain_loop_and_the_sampler_make_the_same_motion(config, seconds: float, words: bool) -> None:
    plan = Plan(config, seconds, steps=3, chain_steps=5, words=words)
    denoiser = random_denoiser(config)
    (_, first), (_, second) = ours(plan, denoiser)(), plain(plan, denoiser)()
    assert first.shape == second.shape == (1, round(seconds * 30), 151)
    torch.testing.assert_close(first, second, atol=2e-4, rtol=1e-3)


def test_operations_are_counted_as_torch_counts_them() -> None:
    """On a motion as long as the window nothing is wasted, so both counts are of the same products."""
    config = replace(SMALL, text_tokens=1, text_dim=1)
    inputs = text_job(config, config.window / 30)
    loop = PlainLoop(random_denoiser(config), inputs)
    # the counter does not know the fused kernel of the processor, so attention is written out
    with FlopCounterMode(display=False) as counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        loop.predict(torch.randn(1, config.window, 151), torch.tensor([5]), loop.features)
    counted = step_operations(config, config.window / 30, branches=1)
    # torch also counts what does not depend on the step: the condition's product, the texts' keys and values
    assert 0.8 * counter.get_total_flops() < counted < 1.01 * counter.get_total_flops()


def test_a_row_holds_finite_figures_of_time_and_memory() -> None:
    plan = Plan(SMALL, 1.0, steps=1, chain_steps=5)
    row = time_row(plan, rounds=1, half=False) | memory_row(plan)
    assert all(value >= 0 for value in row.values()) and row["ours_steps_per_second"] > 0
    assert {"plain_steps_per_second", "ours_speedup", "ours_peak_mb", "plain_peak_mb", "ours_gflops"} <= row.keys()
    assert product_speed(torch.float32, rounds=1, size=64) > 0
