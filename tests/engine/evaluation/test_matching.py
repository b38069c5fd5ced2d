"""The text-motion evaluator: what it sees, what it is told, and that it learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from genmo_blender.engine.__main__ import main
from genmo_blender.engine.conditions.minilm import load_minilm
from genmo_blender.engine.evaluation.matching.network import (
    Evaluator,
    embed_motions,
    embed_texts,
    load_evaluator,
    save_evaluator,
    window_of,
)
from genmo_blender.engine.evaluation.matching.rows import WIDTH, motion_rows
from genmo_blender.engine.evaluation.matching.training import Settings, contrast, train_evaluator
from genmo_blender.engine.training.corpus import build
from genmo_blender.engine.training.paraphrases import mirror_words
from genmo_blender.motion import rotations
from genmo_blender.motion.skeleton import assets_folder, canonical
from genmo_blender.protocol.failures import ModelFailure
from tests.engine.evaluation.clips import FOLDER, clips, joints

FEW = ("cmu_16_15", "cmu_16_05", "qcy_wave", "idle_002_acted_0", "cmu_60_03", "qcy_kick_right")


@pytest.fixture(scope="module")
def corpus():
    return build([clips()[name] for name in FEW])


@pytest.fixture(scope="module")
def features(corpus):
    """Every wording of a caption sounds like the caption itself, so that a few sentences are encoded."""
    encoder = load_minilm(assets_folder() / "text_encoder")
    table = torch.zeros(len(corpus.sentences), 32, 384)
    for texts, rows_of in ((corpus.texts, lambda r: r), (map(mirror_words, corpus.texts), lambda r: corpus.twin[r])):
        for encoded, rows in zip(encoder.encode(list(texts)), corpus.choices, strict=True):
            table[rows_of(rows)] = encoded
    return table


def test_rows_do_not_depend_on_place_and_heading() -> None:
    motion = joints("cmu_16_17")
    turn = np.broadcast_to(rotations.about_y(2.1), (*motion.shape[:-1], 4))
    moved = rotations.rotate(turn, motion) + [3.0, 0.0, -4.0]
    np.testing.assert_allclose(motion_rows(moved), motion_rows(motion), atol=1e-4)


def test_rows_by_hand() -> None:
    """Somebody glides ahead at 0.6 m/s in the rest pose."""
    rest = canonical().rest
    rows = motion_rows(rest + np.arange(10)[:, None, None] / 30 * np.array([0.0, 0.0, 0.6]))
    assert rows.shape == (10, WIDTH)
    np.testing.assert_allclose(rows[:, 0], rest[0, 1], atol=1e-6)
    np.testing.assert_allclose(rows[:, 1:5], np.broadcast_to([0.0, 0.0, 0.6, 0.0], (10, 4)), atol=1e-5)
    np.testing.assert_allclose(rows[3, 5:71].reshape(22, 3), rest - rest[0] * [1.0, 0.0, 1.0], atol=1e-5)
    np.testing.assert_allclose(
        rows[:, 71:].reshape(10, 22, 3), np.broadcast_to([0.0, 0.0, 0.6], (10, 22, 3)), atol=1e-5
    )


def test_frames_after_the_end_and_unused_words_do_not_count() -> None:
    torch.manual_seed(0)
    evaluator = Evaluator().eval()
    rows, count = window_of(motion_rows(joints("cmu_16_35")))
    assert count == 21 and rows.shape == (60, WIDTH) and not rows[21:].any()
    other = rows.clone()
    other[21:] = 5.0
    with torch.no_grad():
        first, second = evaluator.motions(torch.stack([rows, other]), torch.tensor([21, 21]))
        torch.testing.assert_close(first, second)
        assert float(first.norm()) == pytest.approx(8.0, rel=1e-5), "unit vectors times the root of their size"
        words = torch.randn(2, 32, 384)
        words[:, 5:] = 0.0
        torch.testing.assert_close(evaluator.texts(words[:1]), evaluator.texts(words)[:1], atol=1e-4, rtol=0)


def test_the_contrast_of_pairs_by_hand() -> None:
    axes = 8.0 * torch.eye(64)[:4]
    right, wrong = contrast(axes, axes, torch.eye(4).bool()), contrast(axes, axes.roll(1, 0), torch.eye(4).bool())
    assert float(right) == pytest.approx(np.log(1 + 3 * np.exp(-10)), rel=1e-3)
    assert float(wrong) == pytest.approx(10 + np.log(1 + 3 * np.exp(-10)), rel=1e-3)
    # two pairs that mean the same are no wrong answers for one another
    twice = axes[[0, 0, 1, 2]]
    same = torch.eye(4).bool()
    assert float(contrast(twice, twice, same)) > 0.3
    same[0, 1] = same[1, 0] = True
    assert float(contrast(twice, twice, same)) < 1e-3


def test_it_learns_which_sentence_tells_which_motion(corpus, features) -> None:
    said: list[str] = []
    evaluator = train_evaluator(corpus, features, 0, Settings(steps=40, batch=32), said.append)
    encoder = load_minilm(assets_folder() / "text_encoder")
    texts = embed_texts(evaluator, ["a person walks forward", "a person waves", "a person dances salsa"], encoder)
    motions = embed_motions(evaluator, [joints(n) for n in ("cmu_16_15", "qcy_wave", "cmu_60_03")])
    near = motions @ texts.T
    assert near.argmax(axis=1).tolist() == [0, 1, 2]
    assert said[-1].startswith("step 40: loss ")


def test_the_same_seed_gives_the_same_weights_and_a_file_gives_them_back(corpus, features, tmp_path: Path) -> None:
    first, second = (train_evaluator(corpus, features, 3, Settings(steps=3, batch=16), str) for _ in range(2))
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name
    save_evaluator(tmp_path / "evaluator.safetensors", first, {"seed": 3})
    back, record = load_evaluator(tmp_path / "evaluator.safetensors")
    assert record["seed"] == 3 and (tmp_path / "evaluator.safetensors").stat().st_size < 3e6
    motions = [joints("cmu_16_15"), joints("qcy_wave")]
    np.testing.assert_allclose(embed_motions(back, motions), embed_motions(first, motions), atol=0.05)


def test_a_file_that_is_no_evaluator_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    for path in (tmp_path / "x.safetensors", tmp_path / "missing.safetensors"):
        with pytest.raises(ModelFailure, match="train-evaluator"):
            load_evaluator(path)


def test_the_command_needs_held_out_motion_to_report_its_score(tmp_path: Path, capsys) -> None:
    assert main(["train-evaluator", "--data", str(FOLDER), "--out", str(tmp_path / "e.safetensors")]) == 1
    assert "val" in capsys.readouterr().err
