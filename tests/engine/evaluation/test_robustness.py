"""Robustness: what is tried, how it is judged, and motions of many texts at once against the product's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genmo_blender.engine.checkpoint import save_checkpoint
from genmo_blender.engine.conditions.sound_file import read_sound
from genmo_blender.engine.evaluation.evaluate import robust_sound, robust_words
from genmo_blender.engine.evaluation.rules_report import grounded_joints
from genmo_blender.engine.evaluation.worded import everywhere, motions
from genmo_blender.engine.pipeline import Pipeline
from genmo_blender.protocol.requests import GenerateRequest, TextSpan
from genmo_blender.sound.music import file_features, piece_features
from tests.engine.conditions.sounds import RATE, clicks, write_wave
from tests.engine.test_pipeline import checkpoint


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory) -> Pipeline:
    folder = tmp_path_factory.mktemp("worded")
    save_checkpoint(folder / "tiny.safetensors", checkpoint())
    return Pipeline.load(folder / "tiny.safetensors", folder / "cache")


def test_many_texts_at_once_move_as_each_of_them_alone(pipeline: Pipeline) -> None:
    two = (TextSpan("a person walks", 0.0, 0.5), TextSpan("a person waves", 0.5, 1.0))
    said = [two, everywhere("a person sits down"), everywhere(" ")]
    together = motions(pipeline, said, 31, [4, 5, 6], steps=3, guidance=2.5)
    for joints, spans, seed in zip(together, said, (4, 5, 6), strict=True):
        texts = tuple(TextSpan(s.text, s.start, min(s.end, 1.0)) for s in spans)
        request = GenerateRequest(1.0, texts, seed=seed, steps=3, guidance=2.5, clean_up=False)
        alone = grounded_joints(pipeline.generate(request).takes[0])
        apart = [np.linalg.norm(x[:, :, None] - x[:, None], axis=-1) for x in (joints, alone)]
        assert np.allclose(*apart, atol=2e-3), "but for where a take is turned to"
        assert np.allclose(joints[..., 1], alone[..., 1], atol=2e-3)
    assert motions(pipeline, [], 31, [], steps=3, guidance=2.5).shape == (0, 31, 22, 3)


def test_every_damage_leaves_as_many_prompts_and_is_the_same_at_every_call() -> None:
    prompts = ["a person walks forward", "she backs away step by step"]
    texts = robust_words.damaged(prompts, 0)
    assert texts == robust_words.damaged(prompts, 0) and all(len(said) == 2 for said in texts.values())
    assert texts[robust_words.WHOLE, 0.0] == prompts
    assert texts[robust_words.END, 0.5][0] == "a person" and texts[robust_words.BEGINNING, 0.5][0] == "walks forward"
    assert texts[robust_words.CAPITALS, 0.0][0] == "A PERSON WALKS FORWARD"
    few = robust_words.damaged(prompts, 0, 2)
    assert set(few) < set(texts) and (robust_words.LETTERS, 0.1) in few and (robust_words.END, 0.5) in few


def test_curves_begin_with_the_whole_prompt_and_end_without_words() -> None:
    keys = [(robust_words.WHOLE, 0.0), (robust_words.NOTHING, 0.0)]
    keys += [(kind, 0.5) for kind in (robust_words.END, robust_words.BEGINNING)] + [(robust_words.LETTERS, 0.1)]
    keys += [(kind, 0.0) for kind in (robust_words.CAPITALS, robust_words.SENTENCE)]
    shares = {key: (0.1 * i, None) for i, key in enumerate(keys)}
    found = robust_words.Words(shares, (0.05, None), 3, 1)
    end = robust_words.plots(found)[0]
    assert end.lines[0].points == ((0.0, pytest.approx(10.0)), (0.5, pytest.approx(20.0)), (1.0, 0.0))
    assert end.lines[2].points[0] == (0.0, 5.0) and end.lines[1].points == ()
    figures = robust_words.figures(found)
    assert figures[0].value == pytest.approx(20.0) and figures[0].baselines[robust_words.CHANCE] == 5.0
    assert figures[1].value is None


def test_beats_count_as_found_within_two_frames() -> None:
    true = np.array([10, 30, 50, 70])
    assert robust_sound.beats_found(true + 2, true) == 1.0
    assert robust_sound.beats_found(true + 3, true) == 0.0
    assert robust_sound.beats_found(true[:2], true) == pytest.approx(2 / 3)
    assert robust_sound.beats_found(true[:0], true) == 0.0 and robust_sound.beats_found(true[:0], true[:0]) == 1.0


def test_a_dance_has_moved_as_far_as_its_joints_have_from_the_pelvis() -> None:
    rest = np.zeros((5, 22, 3))
    other = rest.copy()
    other[:, 1:, 0] += 0.1
    assert robust_sound.moved(rest, rest + 7.0) == 0.0
    assert robust_sound.moved(rest, other) == pytest.approx(0.1)


def test_a_song_that_was_read_sounds_like_its_file(tmp_path: Path) -> None:
    path = tmp_path / "clicks.wav"
    write_wave(path, clicks(120.0, 8.0), RATE)
    read = piece_features(read_sound(path), path.name, 1.0, 4.0, 90)
    assert np.array_equal(read, file_features(path, 1.0, 4.0, 90))


@pytest.mark.parametrize("kind", robust_sound.KINDS, ids=lambda kind: kind.name)
def test_every_kind_of_damage_has_a_figure_of_its_own_and_more_is_worse(kind: robust_sound.Kind) -> None:
    from genmo_blender.engine.conditions.sound_file import Sound

    assert kind.middle in kind.levels[::2] and list(kind.levels) == sorted(kind.levels)
    song = Sound(np.random.default_rng(1).standard_normal(4 * RATE).astype(np.float32), RATE)
    lost = [
        float(np.mean((kind.damage(song, level, np.random.default_rng(0)).samples - song.samples) ** 2))
        for level in kind.levels
    ]
    assert lost == sorted(lost) and lost[0] > 0
