"""The numpy denoiser says what the torch one says: every size, padding, windows of texts, keys, long motions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from genmo_blender.lite.network import read_network
from genmo_blender.model.config import NetworkConfig
from genmo_blender.protocol.cancellation import Cancelled
from genmo_blender.protocol.failures import ModelFailure
from tests.engine.network.networks import MINI, SMALL
from tests.lite.twins import assert_close, random_text, text_twins, twins

CONFIGS = {
    "mini": MINI,
    "official": SMALL,
    "plain tokens": replace(MINI, head_filter=(), head_bypass=False, noise_skip=False, between=False, sentence=False),
    "official with skip": replace(SMALL, noise_skip=True, uncovered_frames="null_text"),
    "no kinds": replace(MINI, sentence_kinds=0),
}


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize(("frames", "lengths"), [(24, (24, 24)), (50, (50, 50)), (47, (47, 30)), (301, (301, 290))])
@torch.no_grad()
def test_one_call_equals_torchs(name: str, frames: int, lengths: tuple[int, int]) -> None:
    config = CONFIGS[name]
    network, ours = twins(config)
    length = torch.tensor(lengths)
    torch.manual_seed(1)
    x_t, f_cond = torch.randn(2, frames, 151), torch.randn(2, frames, config.latent_dim)
    t = torch.tensor([999, 311])
    text, our_text = random_text(config, 2, frames, [(0, frames // 2), (frames // 3, frames // 2 + 5)])
    expected = network.denoiser(x_t, t, network.denoiser.prepare(f_cond, text, length))
    prepared = ours.denoiser.prepare(f_cond.numpy(), our_text, length.numpy())
    got = ours.denoiser(x_t.numpy(), t.numpy(), prepared)
    for sample, valid in enumerate(lengths):
        for field in ("pred_x", "pred_cam", "static_conf_logits"):
            ours_here = getattr(got, field)[sample, :valid]
            assert_close(ours_here, getattr(expected, field)[sample, :valid], 1e-4)


@torch.no_grad()
def test_imposed_motion_and_no_text_equal_torchs() -> None:
    network, ours = twins(MINI)
    torch.manual_seed(2)
    x_t, observed, f_cond = torch.randn(1, 40, 151), torch.randn(1, 40, 151), torch.randn(1, 40, 32)
    mask = (torch.rand(1, 40, 151) < 0.2).float()
    between = torch.randn(1, 40, 198) * (torch.rand(1, 40, 198) < 0.5)
    length, t = torch.tensor([40]), torch.tensor([500])
    told = network.denoiser.prepare(f_cond, None, length, between=between)
    expected = network.denoiser(x_t, t, told, observed, mask)
    prepared = ours.denoiser.prepare(f_cond.numpy(), None, length.numpy(), between=between.numpy())
    got = ours.denoiser(x_t.numpy(), t.numpy(), prepared, observed.numpy(), mask.numpy())
    assert_close(got, expected, 1e-4)


@pytest.mark.parametrize("config", [MINI, SMALL])
@torch.no_grad()
def test_texts_of_no_strength_equal_torchs(config: NetworkConfig) -> None:
    network, ours = twins(config)
    torch.manual_seed(6)
    x_t, f_cond, length, t = torch.randn(1, 32, 151), torch.randn(1, 32, 32), torch.tensor([32]), torch.tensor([500])
    features = torch.randn(1, 2, config.text_tokens, config.text_dim)
    text, our_text = text_twins(features, torch.zeros(1, 2, 32))
    expected = network.denoiser(x_t, t, network.denoiser.prepare(f_cond, text, length))
    prepared = ours.denoiser.prepare(f_cond.numpy(), our_text, length.numpy())
    assert_close(ours.denoiser(x_t.numpy(), t.numpy(), prepared), expected, 1e-4)


def test_a_cancel_is_seen_between_blocks() -> None:
    _, ours = twins(MINI)
    prepared = ours.denoiser.prepare(np.zeros((1, 8, 32), dtype=np.float32), None, np.array([8]))
    asked = iter([False, True])
    with pytest.raises(Cancelled):
        ours.denoiser(np.zeros((1, 8, 151), np.float32), np.array([9]), prepared, cancelled=lambda: next(asked))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop("denoiser.heads.skip.log_variance.bias"), "lacks denoiser.heads.skip.log_variance.bias"),
        (lambda s: s.update({"denoiser.more": np.zeros(3)}), "unknown to this network, denoiser.more"),
        (lambda s: s.update({"denoiser.embed_text.bias": np.zeros(3)}), "another size denoiser.embed_text.bias"),
    ],
)
def test_parameters_that_do_not_fit_are_refused_by_name(change, words: str) -> None:  # type: ignore[no-untyped-def]
    network, _ = twins(MINI)
    state = {key: value.detach().numpy() for key, value in network.state_dict().items()}
    change(state)
    with pytest.raises(ModelFailure, match=words):
        read_network(state, MINI)
