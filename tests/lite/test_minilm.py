"""Prompts are heard as the engine hears them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from genmo_blender.engine.conditions import minilm as torchs
from genmo_blender.lite import minilm
from genmo_blender.motion.skeleton import assets_folder
from genmo_blender.protocol.failures import ModelFailure

FOLDER = assets_folder() / "text_encoder"
PROMPTS = Path(__file__).parents[1] / "data" / "text" / "prompts.txt"


def test_features_equal_torchs() -> None:
    ours, torch_encoder = minilm.load_minilm(FOLDER), torchs.load_minilm(FOLDER)
    assert (ours.name, ours.sha256, ours.rows, ours.width) == (
        torch_encoder.name, torch_encoder.sha256, torch_encoder.rows, torch_encoder.width
    )  # fmt: skip
    prompts = ["", "jump", *PROMPTS.read_text(encoding="utf-8").splitlines()[:12], "word " * 40]
    np.testing.assert_allclose(ours.encode(prompts), torch_encoder.encode(prompts).numpy(), atol=1e-5)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "model.safetensors").unlink(),
        lambda folder: (folder / "model.safetensors").write_bytes(b"short"),
        lambda folder: (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n"),
    ],
)
def test_bad_files_are_told_in_the_engines_words(tmp_path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    folder = Path(shutil.copytree(FOLDER, tmp_path / "text_encoder"))
    damage(folder)
    told = []
    for load in (minilm.load_minilm, torchs.load_minilm):
        with pytest.raises(ModelFailure) as caught:
            load(folder)
        told.append(caught.value.to_dict())
    assert told[0] == told[1]
