from dataclasses import replace

import pytest
import torch

from genmo_blender.engine.network.denoiser import Denoiser, TextContext
from genmo_blender.engine.network.sentence import SentenceEmbedder, SentenceKinds, mean_token
from genmo_blender.model.config import NetworkConfig


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


def test_a_side_is_heard_in_one_word_however_long_the_sentence_and_what_is_done_without_it():
    torch.manual_seed(5)
    kinds = SentenceKinds(8, 4)
    torch.nn.init.normal_(kinds.fc2.weight)
    kinds.fc2.weight[1], kinds.fc2.bias[1] = kinds.fc2.weight[0], kinds.fc2.bias[0]
    kinds.side_of.copy_(torch.tensor([1.0, -1.0, 0.0, 0.0]))
    torch.nn.init.zeros_(kinds.side.weight)
    kinds.side.weight[0, 0] = kinds.side.weight[1, 1] = 20.0  # channel 0 cries left, channel 1 right
    words = 0.1 * torch.randn(2, 30, 8)
    words[:, 3, :2] = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    words[:, 20:] = 0.0
    odds = kinds(words).softmax(-1)
    assert odds[0, 0] > 100 * odds[0, 1] and odds[1, 1] > 100 * odds[1, 0]
    done = kinds.done(mean_token(words)).softmax(-1)
    together = torch.stack([odds[:, 0] + odds[:, 1], odds[:, 2], odds[:, 3]], -1)
    alone = torch.stack([done[:, 0] + done[:, 1], done[:, 2], done[:, 3]], -1)
    alone[:, 0] /= 2.0  # a pair of kinds shares the odds of what is done
    assert torch.allclose(together, alone / alone.sum(-1, keepdim=True), atol=1e-5)


def test_padding_says_nothing_of_sides():
    torch.manual_seed(6)
    kinds = SentenceKinds(8, 4)
    torch.nn.init.normal_(kinds.side.bias)
    words = torch.randn(3, 5, 8)
    longer = torch.cat([words, torch.zeros(3, 7, 8)], dim=1)
    assert torch.allclose(kinds.leftness(words), kinds.leftness(longer), atol=1e-5)
