import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from genmo_blender.engine.conditions.text import EncoderId, PromptCache, encode_prompts, load_minilm
from genmo_blender.protocol.failures import ModelFailure

ASSET = Path(__file__).resolve().parents[3] / "assets/text_encoder"


class Letters:
    """An encoder small enough to check by hand: row i holds the code of letter i."""

    name, rows, width = "letters", 4, 2

    def __init__(self, sha256: str = "c" * 64) -> None:
        self.sha256 = sha256
        self.asked: list[str] = []

    def encode(self, prompts: Sequence[str]) -> torch.Tensor:
        self.asked += prompts
        features = torch.zeros(len(prompts), self.rows, self.width)
        for row, prompt in enumerate(prompts):
            for place, letter in enumerate(prompt[: self.rows]):
                features[row, place] = ord(letter)
        return features


def never() -> Letters:
    raise AssertionError("the encoder was opened although every prompt is cached")


def ask(prompts: list[str], cache: PromptCache, opened: Callable[[], Letters], sha256: str = "c" * 64) -> np.ndarray:
    return encode_prompts(prompts, EncoderId("letters", sha256), (4, 2), cache, opened)


def test_each_prompt_is_encoded_once_in_its_normal_form(tmp_path: Path) -> None:
    encoder = Letters()
    features = ask(["ab", "", " ab ", "abcdef"], PromptCache(tmp_path), lambda: encoder)
    assert encoder.asked == ["ab", "abcdef"]
    assert features[:, :, 0].tolist() == [[97, 98, 0, 0], [0, 0, 0, 0], [97, 98, 0, 0], [97, 98, 99, 100]]


def test_a_cached_prompt_never_opens_the_encoder(tmp_path: Path) -> None:
    first = ask(["ab", "c"], PromptCache(tmp_path), Letters)
    assert np.array_equal(ask(["ab", "c"], PromptCache(tmp_path), never), first)
    assert np.array_equal(ask(["c", ""], PromptCache(tmp_path), never, sha256="")[0], first[1])


def test_a_prompt_of_the_users_cache_is_laid_beside_the_file_too(tmp_path: Path) -> None:
    ask(["ab"], PromptCache(tmp_path / "user"), Letters)
    ask(["ab"], PromptCache(tmp_path / "user", (tmp_path / "shot",)), never)
    ask(["ab"], PromptCache(tmp_path / "elsewhere", (tmp_path / "shot",)), never)


def test_empty_prompts_alone_need_no_encoder(tmp_path: Path) -> None:
    assert not ask(["", "  "], PromptCache(tmp_path), never).any()


def test_the_encoder_must_be_the_one_of_the_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ModelFailure, match="another text encoder") as caught:
        ask(["ab"], PromptCache(tmp_path), Letters, sha256="d" * 64)
    assert caught.value.code == "text_encoder_mismatch"
    with pytest.raises(ModelFailure, match="another text encoder"):
        encode_prompts(["ab"], EncoderId("letters"), (5, 2), PromptCache(tmp_path), Letters)


def test_features_stay_the_same_when_the_encoders_folder_is_gone(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(ASSET, tmp_path / "text_encoder"))
    encoder = load_minilm(folder)
    wanted, prompts = EncoderId(encoder.name, encoder.sha256), ["a person walks", "someone jumps twice"]
    cache = PromptCache(tmp_path / "cache")
    first = encode_prompts(prompts, wanted, (32, 384), cache, lambda: load_minilm(folder))
    shutil.rmtree(folder)
    again = encode_prompts(prompts[::-1], wanted, (32, 384), cache, lambda: load_minilm(folder))
    assert np.array_equal(again, first[::-1])
    with pytest.raises(ModelFailure, match="missing"):
        encode_prompts(["a new prompt"], wanted, (32, 384), cache, lambda: load_minilm(folder))


def test_a_prompts_features_do_not_depend_on_its_company(tmp_path: Path) -> None:
    encoder = load_minilm(ASSET)
    wanted = EncoderId(encoder.name, encoder.sha256)
    alone = encode_prompts(["jump"], wanted, (32, 384), PromptCache(tmp_path / "a"), lambda: encoder)
    company = ["a person walks far along a line", "jump"]
    both = encode_prompts(company, wanted, (32, 384), PromptCache(tmp_path / "b"), lambda: encoder)
    assert np.array_equal(both[1], alone[0])
