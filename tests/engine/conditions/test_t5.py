"""The official text encoder's loader, on a tiny random T5 made here."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import T5EncoderModel

from genmo_blender.engine.conditions.text import EncoderId, PromptCache, encode_prompts, load_t5
from genmo_blender.protocol.failures import ModelFailure

from .tiny_t5 import WORDS, write_t5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_t5(tmp_path / "t5")


def ids_of(prompt: str) -> list[int]:
    """The toy vocabulary by hand: words follow three special pieces, the end token is 1."""
    return [3 + WORDS.index(word) for word in prompt.split()][:49] + [1]


def test_features_are_the_encoders_padded_to_50_and_masked(folder: Path) -> None:
    prompt = "a person walks forward"
    network = T5EncoderModel.from_pretrained(folder).eval()
    ids = torch.tensor([ids_of(prompt) + [0] * 45])
    with torch.no_grad():
        expected = network(input_ids=ids, attention_mask=(ids > 0).long()).last_hidden_state[0]
    features = load_t5(folder).encode([prompt])
    assert features.shape == (1, 50, 16) and features.dtype == torch.float32
    torch.testing.assert_close(features[0, :5], expected[:5])
    assert not features[0, 5:].any()


def test_a_long_prompt_is_cut_at_50_with_its_end_token(folder: Path) -> None:
    encoder = load_t5(folder)
    features = encoder.encode(["waves " * 60, "waves " * 49])
    assert features.any(dim=-1).all()
    assert torch.equal(features[0], features[1])


def test_an_empty_prompt_is_no_text(folder: Path) -> None:
    assert not load_t5(folder).encode(["", "  "]).any()


def test_the_hash_follows_the_weights(folder: Path) -> None:
    before = load_t5(folder).sha256
    weights = load_file(folder / "model.safetensors")
    weights["encoder.final_layer_norm.weight"][3] += 1
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    assert load_t5(folder).sha256 != before


def test_a_cached_prompt_needs_no_t5_any_more(folder: Path, tmp_path: Path) -> None:
    cache, wanted = PromptCache(tmp_path / "cache"), EncoderId("t5-3b")
    first = encode_prompts(["a person waves"], wanted, (50, 16), cache, lambda: load_t5(folder))
    missing = tmp_path / "nowhere"
    assert np.array_equal(encode_prompts(["a person waves"], wanted, (50, 16), cache, lambda: load_t5(missing)), first)
    with pytest.raises(ModelFailure, match="not in the folder"):
        encode_prompts(["a person walks"], wanted, (50, 16), cache, lambda: load_t5(missing))


def test_a_folder_without_t5_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelFailure, match="not in the folder") as caught:
        load_t5(tmp_path)
    assert caught.value.code == "t5_missing"


def test_damaged_weights_are_said(folder: Path) -> None:
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(300)
    with pytest.raises(ModelFailure, match="no T5 that can be read"):
        load_t5(folder)


def test_missing_weights_are_said_and_not_drawn_at_random(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["encoder.block.1.layer.0.SelfAttention.q.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelFailure, match="lacks weights"):
        load_t5(folder)


def test_an_engine_without_transformers_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModelFailure, match="transformers") as caught:
        load_t5(folder)
    assert caught.value.code == "transformers_missing"
