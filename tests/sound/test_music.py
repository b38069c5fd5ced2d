"""The 35 music features, against librosa's answers and against sounds whose features are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genmo_blender.protocol.failures import RequestFailure, StorageFailure
from genmo_blender.sound import music, music_beats, music_chroma
from tests.engine.conditions.sounds import RATE, busy_music, clicks, tone, write_wave

DATA = Path(__file__).parents[1] / "data" / "music"


@pytest.fixture(scope="module")
def busy() -> np.ndarray:
    return music.music_features(busy_music())


@pytest.fixture(scope="module")
def reference() -> dict[str, np.ndarray]:
    return dict(np.load(DATA / "reference.npz"))


def test_there_are_35_values_for_each_thirtieth_of_a_second(busy: np.ndarray):
    assert busy.shape == (241, 35) and busy.dtype == np.float32


def test_onset_strength_and_mfcc_equal_librosa(busy: np.ndarray, reference: dict[str, np.ndarray]):
    np.testing.assert_allclose(busy[:, music.ONSET], reference["onset"], atol=1e-5)
    np.testing.assert_allclose(busy[:, music.MFCC], reference["mfcc"], atol=5e-4)


def test_chroma_is_close_to_librosa(busy: np.ndarray, reference: dict[str, np.ndarray]):
    ours, theirs = busy[:, music.CHROMA], reference["chroma"]
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] >= 0.995
    assert np.mean(ours.argmax(1) == theirs.argmax(1)) >= 0.95


def test_peaks_beats_and_tempo_equal_librosa(busy: np.ndarray, reference: dict[str, np.ndarray]):
    np.testing.assert_array_equal(np.flatnonzero(busy[:, music.PEAK]), reference["peaks"])
    np.testing.assert_array_equal(np.flatnonzero(busy[:, music.BEAT]), reference["beats"])
    assert music_beats.tempo(busy[:, music.ONSET].astype(float)) == pytest.approx(float(reference["tempo"]))


@pytest.mark.parametrize("bpm", [90.0, 120.0, 150.0])
def test_beats_of_a_click_track_lie_on_its_clicks(bpm: float):
    features = music.music_features(clicks(bpm, 12.0))
    found = np.flatnonzero(features[:, music.BEAT]) / 30.0
    assert len(found) >= 12.0 * bpm / 60.0 - 3
    away = np.abs(found * bpm / 60.0 - np.round(found * bpm / 60.0)) * 60.0 / bpm
    assert away.max() <= 1.5 / 30.0
    np.testing.assert_allclose(np.diff(found).mean(), 60.0 / bpm, rtol=0.01)


@pytest.mark.parametrize(("hz", "pitch"), [(261.63, 0), (440.0, 9), (932.33, 10), (65.41, 0)])
def test_a_tone_has_its_pitch_class(hz: float, pitch: int):
    chroma = music.music_features(tone(hz, 4.0))[40:-40, music.CHROMA]
    assert bool((chroma.argmax(1) == pitch).all())
    np.testing.assert_allclose(np.linalg.norm(chroma, axis=1), 1.0, atol=1e-5)


def test_constant_q_equals_filters_applied_one_by_one():
    samples = busy_music()[:RATE].astype(np.float64)
    ours = music_chroma.constant_q(samples, RATE, 512, 31)
    padded = np.pad(samples, (RATE, RATE))
    for bin_, row in ((60, 10), (120, 0), (200, 17), (251, 30)):
        hz = music_chroma.LOWEST_HZ * 2 ** (bin_ / 36)
        length = music_chroma.Q * RATE / hz
        time = np.arange(-int(length / 2), int(length / 2) + 1)
        window = 0.5 + 0.5 * np.cos(2 * np.pi * time / length)
        wave = window / window.sum() * np.exp(-2j * np.pi * hz * time / RATE)
        direct = abs(np.sum(padded[RATE + row * 512 + time] * wave)) * np.sqrt(length)
        assert ours[row, bin_] == pytest.approx(direct, rel=0.02, abs=2e-3)


def test_silence_has_defined_features():
    features = music.music_features(np.zeros(RATE))
    assert bool(np.isfinite(features).all())
    assert not features[:, [music.ONSET, music.PEAK, music.BEAT]].any() and not features[:, music.CHROMA].any()
    assert np.ptp(features[:, music.MFCC], axis=0).max() < 1e-3
    assert bool(np.isfinite(music.music_features(clicks(120.0, 0.1))).all())
    with pytest.raises(RequestFailure, match="shorter than one frame"):
        music.music_features(np.zeros(100))


def test_a_piece_of_a_file_has_the_rows_of_the_whole(tmp_path: Path, busy: np.ndarray):
    path = write_wave(tmp_path / "busy.wav", busy_music(), RATE, width=4)
    piece = music.file_features(path, 2.0, 5.0, 90)
    assert piece.shape == (90, 35)
    np.testing.assert_allclose(piece, busy[60:150], atol=2e-2)


def test_a_piece_may_begin_between_two_rows(tmp_path: Path):
    path = write_wave(tmp_path / "clicks.wav", clicks(120.0, 8.0), RATE)
    features = music.file_features(path, 0.99, 4.99, 120)
    beats = np.flatnonzero(features[:, music.BEAT]) / 30.0 + 0.99
    assert np.abs(beats * 2 - np.round(beats * 2)).max() / 2 <= 1.5 / 30.0


def test_a_strip_of_another_length_plays_slower(tmp_path: Path):
    path = write_wave(tmp_path / "clicks.wav", clicks(120.0, 10.0, 44100), 44100)
    features = music.file_features(path, 1.0, 7.0, 225)  # 6 s heard during 7.5 s: 96 beats a minute
    spacing = np.diff(np.flatnonzero(features[:, music.BEAT]))
    np.testing.assert_allclose(spacing.mean(), 30.0 * 60.0 / 96.0, rtol=0.02)


def test_after_the_end_of_the_file_it_is_silent(tmp_path: Path):
    path = write_wave(tmp_path / "clicks.wav", clicks(120.0, 4.0), RATE)
    features = music.file_features(path, 2.0, 6.0, 120)
    assert features.shape == (120, 35)
    assert features[5:58, music.ONSET].any() and not features[66:, music.ONSET].any()


def test_pieces_that_cannot_be_heard_are_refused_with_one_sentence(tmp_path: Path):
    path = write_wave(tmp_path / "clicks.wav", clicks(120.0, 4.0), RATE)
    for arguments, code in (
        ((3.0, 3.0, 30), "empty_sound"),
        ((-1.0, 3.0, 30), "empty_sound"),
        ((0.0, float("nan"), 30), "empty_sound"),
        ((0.0, 3.0, 0), "empty_sound"),
        ((0.0, 3.0, 2), "sound_speed"),
        ((5.0, 6.0, 30), "sound_over"),
    ):
        with pytest.raises(RequestFailure) as caught:
            music.file_features(path, *arguments)
        assert caught.value.code == code and caught.value.remedy
    with pytest.raises(StorageFailure):
        music.file_features(tmp_path / "nowhere.wav", 0.0, 1.0, 30)


def test_the_clock_says_how_far_a_frame_is_from_a_beat_and_whether_that_is_a_strong_one():
    beats, strength = np.array([8, 20, 28, 40]), np.zeros(50)
    strength[beats] = [1.0, 3.0, 1.0, 3.0]
    cosine, sine, stressed = music_beats.clock(beats, strength).T
    np.testing.assert_allclose(cosine[beats], 1.0, atol=1e-6)
    np.testing.assert_allclose(cosine[[2, 14, 24, 34, 46]], -1.0, atol=1e-6)
    np.testing.assert_allclose(sine[[11, 22]], 1.0, atol=1e-6)
    np.testing.assert_allclose(stressed[beats], [-0.5, 0.5, -0.5, 0.5], atol=1e-6)
    assert not music_beats.clock(beats[:1], strength).any()


def test_standardised_features_have_the_clock_in_place_of_the_last_mfcc(busy: np.ndarray):
    features = busy
    out = music.standardised(features)
    beats = np.flatnonzero(features[:, music.BEAT])
    np.testing.assert_allclose(out[beats, music.CLOCK.start], 1.0, atol=1e-6)
    assert np.abs(out).max() < 20 and out.dtype == np.float32
    np.testing.assert_array_equal(music.standardised(np.stack([features, features]))[1], out)


def test_how_loud_and_bright_a_recording_is_does_not_matter(busy: np.ndarray):
    other = busy.copy()
    other[:, music.MFCC] += np.linspace(-80, 80, 20)
    np.testing.assert_allclose(music.standardised(other), music.standardised(busy), atol=1e-4)
