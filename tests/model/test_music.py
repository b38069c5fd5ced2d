"""Music spans of a request on the frames of the model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genmo_blender.model.music import heard
from genmo_blender.protocol.attachments import attachment_of
from genmo_blender.protocol.failures import StorageFailure
from genmo_blender.protocol.requests import GenerateRequest, MusicSpan, validate
from genmo_blender.sound.music import BEAT, CLOCK, ONSET, file_features, standardised
from genmo_blender.sound.wav import read_wave
from tests.engine.conditions.sounds import RATE, clicks, write_wave


@pytest.fixture
def song(tmp_path: Path):
    return attachment_of(write_wave(tmp_path / "clicks.wav", clicks(120.0, 20.0), RATE))


def request(song, *spans: MusicSpan, duration: float = 4.0) -> GenerateRequest:
    made = GenerateRequest(duration, music=spans, attachments=(song,))
    validate(made)
    return made


def test_a_song_over_the_range_is_heard_to_the_last_token(song):
    told = request(song, MusicSpan(song.sha256, 0.0, 4.0))
    features, present = heard(told, 124, read_wave)
    assert features.shape == (124, 35) and features.dtype == np.float32 and present.all()
    expected = file_features(Path(song.path), 0.0, 124 / 30, 124)
    np.testing.assert_array_equal(features, standardised(expected))
    raw, _ = heard(told, 124, read_wave, raw=True)
    np.testing.assert_array_equal(raw, expected)


def test_a_strip_plays_its_own_seconds_in_its_own_frames(song):
    features, present = heard(request(song, MusicSpan(song.sha256, 1.0, 3.0, 5.25)), 124, read_wave, raw=True)
    assert np.flatnonzero(present).tolist() == list(range(30, 90)) and not features[~present].any()
    beats = (np.flatnonzero(features[:, BEAT]) - 30) / 30 + 5.25
    assert len(beats) >= 3 and np.abs(beats * 2 - np.round(beats * 2)).max() / 2 <= 1.5 / 30


def test_a_strip_that_began_before_the_range_is_heard_from_there_on(song):
    early, _ = heard(request(song, MusicSpan(song.sha256, -2.25, 4.0)), 124, read_wave, raw=True)
    later, _ = heard(request(song, MusicSpan(song.sha256, 0.0, 4.0, 2.25)), 124, read_wave, raw=True)
    np.testing.assert_allclose(early, later, atol=1e-5)


def test_a_faster_strip_has_closer_beats(song):
    features, _ = heard(request(song, MusicSpan(song.sha256, 0.0, 8.0, 0.0, 10.0), duration=8.0), 244, read_wave)
    cosine = features[:, CLOCK][:, 0]
    tops = np.flatnonzero((cosine[1:-1] > cosine[:-2]) & (cosine[1:-1] >= cosine[2:]))
    assert np.diff(tops).mean() == pytest.approx(12.0, rel=0.03)  # 150 beats a minute


def test_two_songs_one_after_the_other(song):
    spans = MusicSpan(song.sha256, 0.0, 1.5), MusicSpan(song.sha256, 2.0, 4.0, 7.0)
    features, present = heard(request(song, *spans), 124, read_wave, raw=True)
    assert present[:45].all() and not present[45:60].any() and present[60:].all() and features[60:, ONSET].any()


def test_a_file_that_is_gone_is_refused(song):
    told = request(song, MusicSpan(song.sha256, 0.0, 4.0))
    Path(song.path).unlink()
    with pytest.raises(StorageFailure, match="no sound file"):
        heard(told, 124, read_wave)
    with pytest.raises(StorageFailure, match="could not be read"):
        attachment_of(Path(song.path))
