"""Rotary attention: windows without an L x L mask are exactly the masked ones."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genmo_blender.engine.network.attention import BLOCKED, RotaryAttention, attended, plan_attention, window_mask
from genmo_blender.engine.network.layers import rotary_table, rotate

WIDTH, HEADS = 16, 2


def masked_attention(layer: RotaryAttention, x: torch.Tensor, blocked: torch.Tensor) -> torch.Tensor:
    """Softmax attention written out, with a (B, T, T) mask of blocked keys."""
    q, k, v = (f(x).unflatten(-1, (HEADS, -1)) for f in (layer.query, layer.key, layer.value))
    table = rotary_table(x.shape[1], WIDTH // HEADS)
    q, k, v = (t.transpose(1, 2) for t in (rotate(q, table), rotate(k, table), v))
    scores = q @ k.transpose(-1, -2) / math.sqrt(WIDTH // HEADS)
    scores = scores.masked_fill(blocked[:, None], -math.inf)
    return layer.proj((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


@settings(max_examples=30, deadline=None)
@given(
    tokens=st.integers(1, 90),
    window=st.integers(2, 16),
    block=st.integers(1, 40),
    missing=st.integers(0, 8),
    causal=st.booleans(),
)
def test_windowed_attention_equals_attention_under_the_full_mask(
    tokens: int, window: int, block: int, missing: int, causal: bool
) -> None:
    torch.manual_seed(tokens)
    layer = RotaryAttention(WIDTH, HEADS, dropout=0.0).eval()
    x = torch.randn(2, tokens, WIDTH)
    lengths = torch.tensor([tokens, max(1, tokens - missing)])
    flags = torch.tensor([causal, False])
    blocked = window_mask(tokens, window, flags) | (torch.arange(tokens) >= lengths[:, None])[:, None]
    plan = plan_attention(lengths, tokens, window, WIDTH // HEADS, flags if causal else None, block)
    expected = masked_attention(layer, x, blocked)
    seen = ~blocked.all(-1)  # a row without any key has no meaning
    torch.testing.assert_close(layer(x, plan)[seen], expected[seen], atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("window", [2, 7, 8, 120])
def test_every_frame_of_a_long_motion_sees_exactly_one_window(window: int) -> None:
    mask = window_mask(3 * window, window, torch.tensor([False]))[0]
    seen = (~mask).sum(-1)
    assert int(seen.max()) == window and int(seen.min()) == 2 * (window // 2)
    assert bool((~mask).diagonal().all())


def test_the_official_window_is_60_frames_past_and_59_ahead() -> None:
    mask = window_mask(400, 120, torch.tensor([False]))[0]
    keys = torch.nonzero(~mask[200])[:, 0]
    assert (int(keys[0]), int(keys[-1])) == (140, 259)


def test_a_frame_of_padding_without_any_key_stays_finite() -> None:
    layer = RotaryAttention(WIDTH, HEADS, dropout=0.0).eval()
    plan = plan_attention(torch.tensor([5]), 60, 8, WIDTH // HEADS)
    assert bool(torch.isfinite(layer(torch.randn(1, 60, WIDTH), plan)).all())


def test_the_masks_of_a_long_motion_grow_with_its_length_not_with_its_square() -> None:
    def numbers(tokens: int) -> int:
        plan = plan_attention(torch.tensor([tokens]), tokens, 120, 8)
        return sum(0 if block.mask is None else block.mask.numel() for block in plan.blocks)

    assert 0 < numbers(9000) < 5.2 * numbers(1800)


def test_blocked_keys_weigh_exactly_nothing_even_in_half_precision() -> None:
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        weights = torch.tensor([0.0, BLOCKED], dtype=dtype).softmax(0)
        assert weights.tolist() == [1.0, 0.0]


def test_scores_depend_on_the_distance_of_positions_alone() -> None:
    table = rotary_table(300, 8)
    q, k = torch.randn(1, 1, 1, 8), torch.randn(1, 1, 1, 8)

    def score(i: int, j: int) -> float:
        return float((rotate(q, table[i : i + 1]) * rotate(k, table[j : j + 1])).sum())

    assert score(3, 9) == pytest.approx(score(250, 256), abs=1e-5)
    assert abs(score(3, 9) - score(9, 3)) > 1e-3


def test_attention_learns_in_half_precision_what_it_learns_in_full() -> None:
    torch.manual_seed(3)
    q, k, v = (torch.randn(2, 4, 30, 16) for _ in range(3))
    mask = torch.zeros(2, 1, 30, 30).masked_fill(torch.rand(2, 1, 30, 30) < 0.3, -1e4)
    learned = {}
    for dtype in (torch.float32, torch.bfloat16):
        inputs = [x.bfloat16().to(dtype).requires_grad_() for x in (q, k, v)]
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            out = attended(*inputs, mask.to(dtype))
        out.float().square().sum().backward()
        learned[dtype] = [out.detach().float(), *(x.grad.float() for x in inputs if x.grad is not None)]
    for full, half in zip(learned[torch.float32], learned[torch.bfloat16], strict=True):
        assert (half - full).norm() < 0.01 * full.norm()
