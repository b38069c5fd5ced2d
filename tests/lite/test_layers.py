"""The primitives equal torch's."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn import functional

from genmo_blender.engine.network.layers import rotary_table as torch_rotary
from genmo_blender.engine.network.layers import sinusoid as torch_sinusoid
from genmo_blender.lite import layers


def test_activations_equal_torchs_everywhere_without_warnings() -> None:
    x = np.concatenate([np.linspace(-12, 12, 20001), [-1e4, 1e4, 0.0]]).astype(np.float32)
    given = torch.from_numpy(x)
    pairs = (
        (layers.gelu(x), functional.gelu(given)),
        (layers.tanh_gelu(x), functional.gelu(given, approximate="tanh")),
        (layers.silu(x), functional.silu(given)),
        (layers.sigmoid(x), torch.sigmoid(given)),
        (layers.softplus(x), functional.softplus(given)),
    )
    with np.errstate(all="raise", under="ignore"):
        for ours, expected in pairs:
            np.testing.assert_allclose(ours, expected.numpy(), atol=2e-6, rtol=2e-6)


def test_the_exact_gelu_is_exact_to_its_stated_error() -> None:
    x = np.linspace(-6, 6, 4001).astype(np.float32)
    exact = np.array([0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in x.astype(float)])
    assert np.abs(layers.gelu(x) - exact).max() < 1e-6


def test_tables_equal_torchs() -> None:
    positions = np.array([0, 1, 57, 500, 999])
    expected = torch_sinusoid(torch.from_numpy(positions), 64)
    # a frequency that differs in its last place, 3e-8, differs by so much at the last position
    np.testing.assert_allclose(layers.sinusoid(positions, 64), expected.numpy(), atol=3.1e-5)
    np.testing.assert_allclose(layers.rotary_table(300, 16), torch_rotary(300, 16).numpy(), atol=2e-5)


def test_held_repeats_the_last_valid_frame() -> None:
    x = np.arange(10, dtype=np.float32).reshape(2, 5, 1)
    assert layers.held(x, np.array([5, 3]))[:, :, 0].tolist() == [[0, 1, 2, 3, 4], [5, 6, 7, 7, 7]]
