"""Several texts at once, each over its own frames (spec 3.4), against torch's own multi-head attention."""

import pytest
import torch
from torch import Tensor, nn

from genmo_blender.engine.network.absorbed import distinct_texts
from genmo_blender.engine.network.denoiser import TextContext
from genmo_blender.engine.network.text_attention import TextAttention, _plan_every_text, plan_text
from genmo_blender.engine.network.text_attention import with_null as with_null_text

WIDTH, HEADS, TOKENS = 16, 2, 5


def reference(layer: TextAttention, x: Tensor, texts: Tensor, weights: Tensor, null: Tensor | None) -> Tensor:
    """sum_k w_k CA_k(x) with `nn.MultiheadAttention`; texts (B, K, N, D), weights (B, K, T), null (1, N, D)."""
    official = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True).eval()
    official.load_state_dict(layer.state_dict())
    total = torch.zeros_like(x)
    for k in range(texts.shape[1]):
        total = total + weights[:, k, :, None] * official(x, texts[:, k], texts[:, k])[0]
    if null is not None:
        rest = (1 - weights.clamp(max=1).sum(1)).clamp(min=0)
        rows = null.expand(len(x), -1, -1)
        total = total + rest[..., None] * official(x, rows, rows)[0]
    return total


def layer_and_inputs(tokens: int, batch: int = 2, texts: int = 3) -> tuple[TextAttention, Tensor, Tensor, Tensor]:
    torch.manual_seed(tokens)
    layer = TextAttention(WIDTH, HEADS, dropout=0.0).eval()
    nn.init.normal_(layer.in_proj_bias)
    nn.init.normal_(layer.out_proj.bias)
    weights = torch.zeros(batch, texts, tokens)
    weights[0, 0, : tokens // 2] = 1.0
    weights[0, 1, tokens // 2 :] = 1.7
    weights[0, 2, tokens // 3 : tokens // 2 + 1] = torch.linspace(0, 1, tokens // 2 + 1 - tokens // 3)
    weights[-1, 1, tokens // 4 : tokens // 3] = 0.5
    return layer, torch.randn(batch, tokens, WIDTH), torch.randn(batch, texts, TOKENS, WIDTH), weights


def attend(layer: TextAttention, x: Tensor, texts: Tensor, weights: Tensor, window: int, null: Tensor | None) -> Tensor:
    plan = plan_text(weights, window, null is not None)
    rows = texts.flatten(0, 1)[plan.used]
    if null is not None and plan.null:
        rows = torch.cat([rows, null])
    return layer(x, layer.keys_values(rows), plan)


@pytest.mark.parametrize("tokens", [12, 24, 100, 131])
@pytest.mark.parametrize("with_null", [False, True])
def test_texts_add_up_by_their_weights(tokens: int, with_null: bool) -> None:
    layer, x, texts, weights = layer_and_inputs(tokens)
    null = torch.randn(1, TOKENS, WIDTH) if with_null else None
    got = attend(layer, x, texts, weights, window=16, null=null)
    torch.testing.assert_close(got, reference(layer, x, texts, weights, null), atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("with_null", [False, True])
def test_attending_to_every_text_unasked_is_the_same_attention(with_null: bool) -> None:
    layer, x, texts, weights = layer_and_inputs(24)
    null = torch.randn(1, TOKENS, WIDTH) if with_null else None
    plan = _plan_every_text(with_null_text(weights) if with_null else weights, texts.shape[1])
    rows = texts.flatten(0, 1)[plan.used]
    got = layer(x, layer.keys_values(rows if null is None else torch.cat([rows, null])), plan)
    torch.testing.assert_close(got, reference(layer, x, texts, weights, null), atol=2e-6, rtol=1e-5)
    meta = weights.to("meta").requires_grad_()
    assert len(plan_text(meta, 16, with_null).groups) == texts.shape[1] + with_null


def test_a_frame_outside_every_text_gets_exactly_nothing() -> None:
    layer, x, texts, weights = layer_and_inputs(100)
    out = attend(layer, x, texts, weights, window=16, null=None)
    outside = weights.sum(1) == 0
    assert bool(outside.any()) and bool((out[outside] == 0).all())


def test_a_sample_does_not_depend_on_the_windows_of_the_others() -> None:
    layer, x, texts, weights = layer_and_inputs(100)
    both = attend(layer, x, texts, weights, window=16, null=None)
    for i in range(2):
        alone = attend(layer, x[i : i + 1], texts[i : i + 1], weights[i : i + 1], window=16, null=None)
        torch.testing.assert_close(both[i : i + 1], alone, atol=1e-6, rtol=1e-5)


def test_no_text_anywhere_is_zero_or_the_null_text() -> None:
    layer, x, texts, weights = layer_and_inputs(100)
    nothing = torch.zeros_like(weights)
    assert not bool(attend(layer, x, texts, nothing, window=16, null=None).any())
    null = torch.randn(1, TOKENS, WIDTH)
    got = attend(layer, x, texts, nothing, window=16, null=null)
    torch.testing.assert_close(got, reference(layer, x, texts, nothing, null), atol=2e-6, rtol=1e-5)


def test_a_long_motion_pays_for_a_text_only_where_the_text_is() -> None:
    def queries(texts: int) -> int:
        weights = torch.zeros(1, texts, 100 * texts)
        for k in range(texts):
            weights[0, k, 100 * k : 100 * (k + 1)] = 1.0
        plan = plan_text(weights, window=120, null_remainder=False)
        return sum(plan.blocks if g.blocks is None else len(g.blocks) for g in plan.groups) * plan.block

    assert queries(40) < 3 * 4000
    assert queries(80) < 2.1 * queries(40)


def test_window_borders_round_half_to_even_and_overlaps_add() -> None:
    features = torch.randn(1, 3, TOKENS, WIDTH)
    starts, ends = torch.tensor([[0.0, 0.25, 0.5]]), torch.tensor([[0.5, 0.75, 0.5]])
    weights = TextContext.windows(features, starts, ends, 10).weights[0]
    assert weights[0].nonzero().flatten().tolist() == [0, 1, 2, 3, 4]
    assert weights[1].nonzero().flatten().tolist() == [2, 3, 4, 5, 6, 7]  # 2.5 to 2, 7.5 to 8
    assert not bool(weights[2].any())  # an empty window is silently empty (spec 5.1 D39)


def test_the_unconditional_branch_keeps_the_windows_without_their_words() -> None:
    features, weights = torch.randn(2, 3, TOKENS, WIDTH), torch.zeros(2, 3, 10)
    weights[:, 0, :4], weights[:, 1, 4:6] = 1.8, 0.5
    blank = TextContext(features, weights).without_words()
    assert not bool(blank.features.any())
    assert blank.weights[0, 0].tolist() == [1.0] * 4 + [0.5] * 2 + [0.0] * 4


@torch.no_grad()
@pytest.mark.parametrize("tokens", [12, 100])
def test_absorbed_texts_attend_as_their_keys_and_values_do(tokens: int) -> None:
    layer, x, texts, weights = layer_and_inputs(tokens)
    distinct, plan = distinct_texts(texts, weights)
    got = layer(x, layer.absorbed(distinct), plan)
    torch.testing.assert_close(got, reference(layer, x, texts, weights, None), atol=3e-6, rtol=1e-4)


def test_takes_share_their_texts_and_a_text_that_holds_nowhere_is_left_out() -> None:
    texts, weights = torch.randn(1, 3, TOKENS, WIDTH).expand(4, -1, -1, -1), torch.zeros(4, 3, 10)
    weights[:, 0, :6], weights[:, 2, 4:] = 1.0, 0.5
    distinct, plan = distinct_texts(texts, weights)
    assert len(distinct) == 2 and sorted(len(row.tokens) for row in plan.rows) == [24, 24]
    torch.testing.assert_close(plan.total[0, :, 0], torch.tensor([1.0] * 4 + [1.5] * 2 + [0.5] * 4))
