"""A take of lite begins with the noise of the engine's take of that seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genmo_blender.engine.diffusion.sampler import TakeNoise as TorchNoise
from genmo_blender.lite.noise import TakeNoise, TorchNormal


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**31 - 1])
@pytest.mark.parametrize("count", [16, 17, 31, 151, 8 * 151, 301 * 151])
def test_two_draws_equal_torchs(seed: int, count: int) -> None:
    generator, stream = torch.Generator().manual_seed(seed), TorchNormal(seed)
    for _ in range(2):
        expected = torch.randn(count, generator=generator).numpy()
        np.testing.assert_allclose(stream.draw(count), expected, atol=1e-6, rtol=1e-6)


def test_takes_have_streams_of_their_own() -> None:
    ours, torchs = TakeNoise([3, 4], 20, 151), TorchNoise([3, 4], 20)
    for _ in range(2):
        np.testing.assert_allclose(ours.draw(), torchs.draw().numpy(), atol=1e-6, rtol=1e-6)


def test_fewer_than_sixteen_are_refused() -> None:
    with pytest.raises(ValueError, match="16"):
        TorchNormal(1).draw(15)
