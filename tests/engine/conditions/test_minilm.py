import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from genmo_blender.engine.conditions.text import MiniLM, encode_many, load_minilm
from genmo_blender.protocol.failures import ModelFailure

ROOT = Path(__file__).resolve().parents[3]
ASSET = ROOT / "assets/text_encoder"


@pytest.fixture(scope="module")
def encoder() -> MiniLM:
    return load_minilm(ASSET)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ASSET, tmp_path / "text_encoder"))


def test_token_features_equal_the_original_networks(encoder: MiniLM) -> None:
    """Reference: transformers' BertModel on the unpruned float32 weights; what remains is half precision."""
    reference = np.load(ROOT / "tests/data/text/minilm_reference.npz")
    sentences = reference["sentences"].tolist()
    features = encoder.encode(sentences).numpy()
    vectors = encoder.sentence_vectors(sentences).numpy()
    for place in range(len(sentences)):
        hidden = reference[f"hidden_{place}"]
        pieces = len(hidden) - 2
        np.testing.assert_allclose(features[place, :pieces], hidden[1:-1], atol=5e-3)
        assert not features[place, pieces:].any()
        mean = hidden.mean(0)
        np.testing.assert_allclose(vectors[place], mean / np.linalg.norm(mean), atol=1e-3)


def test_shapes_and_types_are_what_the_network_takes(encoder: MiniLM) -> None:
    features = encoder.encode(["a person walks", "walk " * 100])
    assert features.shape == (2, 32, 384) and features.dtype == torch.float32
    assert features[0, :3].any(dim=1).all() and not features[0, 3:].any()
    assert features[1].any(dim=1).all()


def test_what_lies_beyond_32_pieces_is_not_heard(encoder: MiniLM) -> None:
    assert torch.equal(encoder.encode(["walk " * 32]), encoder.encode(["walk " * 32 + "and jump"]))


@pytest.mark.parametrize("prompt", ["", "   ", "\u200b"])
def test_an_empty_prompt_is_no_text(encoder: MiniLM, prompt: str) -> None:
    assert not encoder.encode([prompt]).any() and not encoder.sentence_vectors([prompt]).any()


def test_a_batch_equals_its_prompts_one_by_one(encoder: MiniLM) -> None:
    prompts = ["jump", "a person walks forward and turns left", "", "someone waves with the right hand"] * 20
    alone = {prompt: encoder.encode([prompt])[0] for prompt in set(prompts)}
    expected = torch.stack([alone[prompt] for prompt in prompts])
    torch.testing.assert_close(encoder.encode(prompts), expected, atol=2e-5, rtol=0)


def test_left_and_right_differ_in_their_tokens(encoder: MiniLM) -> None:
    left, right = encoder.encode(["a person waves with the left hand", "a person waves with the right hand"])
    nearness = torch.cosine_similarity(left[:7], right[:7], dim=1)
    assert nearness.argmin() == 5 and nearness[5] < 0.9


def test_nearness_of_sentences_follows_the_action(encoder: MiniLM) -> None:
    walk, stroll, cat = encoder.sentence_vectors(["a person walks", "a person strolls", "the cat sleeps"])
    assert walk @ stroll > 0.7 > 0.3 > walk @ cat


def test_encode_many_gives_halves_and_rows_in_use(encoder: MiniLM) -> None:
    prompts = ["jump", "", "a person walks forward"]
    features, lengths = encode_many(encoder, prompts)
    assert features.dtype == np.float16 and lengths.tolist() == [1, 0, 4]
    np.testing.assert_array_equal(features, encoder.encode(prompts).half().numpy())


def test_the_asset_stays_under_35_megabytes_and_its_card_names_it(encoder: MiniLM) -> None:
    assert sum(path.stat().st_size for path in ASSET.iterdir()) <= 35_000_000
    assert encoder.sha256 in (ASSET / "README.md").read_text(encoding="utf-8")


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelFailure, match="missing") as caught:
        load_minilm(tmp_path / "nowhere")
    assert caught.value.code == "text_encoder_missing" and caught.value.remedy


def test_truncated_weights_are_said(copied: Path) -> None:
    with (copied / "model.safetensors").open("r+b") as file:
        file.truncate(1_000_000)
    with pytest.raises(ModelFailure, match="damaged"):
        load_minilm(copied)


def test_another_vocabulary_is_said(copied: Path) -> None:
    with (copied / "vocab.txt").open("a", encoding="utf-8") as file:
        file.write("sidestepping\n")
    with pytest.raises(ModelFailure, match="does not belong"):
        load_minilm(copied)
