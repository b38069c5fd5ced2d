from dataclasses import replace

import pytest
import torch

from genmo_blender.engine.network.config import NetworkConfig
from genmo_blender.engine.network.denoiser import Denoiser, SentenceEmbedder, TextContext


@pytest.fixture
def embedder():
    torch.manual_seed(3)
    one = SentenceEmbedder(8, 16)
    torch.nn.init.normal_(one.fc2.weight)
    return one


def test_a_sentence_is_heard_at_its_frames_as_strongly_as_its_weight_and_the_null_text_nowhere(embedder):
    features = torch.randn(1, 3, 5, 8)
    features[:, 2] = 0.0
    weights = torch.zeros(1, 3, 6)
    weights[0, 0, :2], weights[0, 1, 2:4], weights[0, 2, 4:] = 1.0, 0.5, 1.0
    heard = embedder(features, weights)
    alone = [embedder(features[:, k : k + 1], torch.ones(1, 1, 1))[0, 0] for k in range(2)]
    assert torch.allclose(heard[0, :2], alone[0].expand(2, -1), atol=1e-6)
    assert torch.allclose(heard[0, 2:4], 0.5 * alone[1].expand(2, -1), atol=1e-6)
    assert not heard[0, 4:].any()


def test_padding_tokens_do_not_thin_a_sentence(embedder):
    features = torch.randn(1, 1, 3, 8)
    padded = torch.cat([features, torch.zeros(1, 1, 4, 8)], dim=2)
    weights = torch.ones(1, 1, 2)
    assert torch.allclose(embedder(features, weights), embedder(padded, weights), atol=1e-6)


@pytest.mark.parametrize("per_token", [1, 4])
def test_the_denoiser_hears_the_sentence_at_every_number_of_frames_a_token(per_token):
    torch.manual_seed(5)
    sizes = {"latent_dim": 32, "layers": 1, "heads": 2, "text_dim": 8, "text_tokens": 4, "head_filter": ()}
    config = replace(NetworkConfig.mini(), frames_per_token=per_token, **sizes)
    denoiser = Denoiser(config).eval()
    x, t, f_cond, length = torch.randn(1, 8, 151), torch.tensor([500]), torch.zeros(1, 8, 32), torch.tensor([8])
    text = TextContext.everywhere(torch.randn(1, 4, 8), 8)
    with torch.no_grad():
        before = denoiser(x, t, denoiser.prepare(f_cond, text, length)).pred_x
        torch.nn.init.normal_(denoiser.embed_sentence.fc2.weight)
        after = denoiser(x, t, denoiser.prepare(f_cond, text, length)).pred_x
        silent = denoiser(x, t, denoiser.prepare(f_cond, None, length)).pred_x
        torch.nn.init.zeros_(denoiser.embed_sentence.fc2.weight)
        assert torch.equal(silent, denoiser(x, t, denoiser.prepare(f_cond, None, length)).pred_x)
    assert not torch.allclose(before, after, atol=1e-3)


def test_released_networks_have_no_such_embedder():
    assert not NetworkConfig.official().sentence
    assert not any("sentence" in name for name in Denoiser(replace(NetworkConfig.mini(), sentence=False)).state_dict())
