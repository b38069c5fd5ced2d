"""Damage of songs and prompts: as much as was asked, nested, and the same at every call."""

from __future__ import annotations

import numpy as np
import pytest

from genmo_blender.engine.conditions.sound_file import Sound
from genmo_blender.engine.evaluation.corruption import (
    first_words,
    last_words,
    mistyped,
    muffled,
    noisy,
    overdriven,
    with_gaps,
)

RATE = 8000
TIME = np.arange(4 * RATE) / RATE


def tone(hertz: float, loud: float = 0.5) -> Sound:
    return Sound((loud * np.sin(2 * np.pi * hertz * TIME)).astype(np.float32), RATE)


def loudness(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.mark.parametrize("decibels", [-20.0, 0.0, 20.0])
def test_noise_is_as_much_louder_as_asked_and_the_whole_as_loud_as_before(decibels: float) -> None:
    clean = tone(440.0)
    heard = noisy(clean, decibels, rng()).samples
    assert loudness(heard) == pytest.approx(loudness(clean.samples), rel=1e-5)
    music = clean.samples * (heard @ clean.samples) / (clean.samples @ clean.samples)
    assert 20 * np.log10(loudness(heard - music) / loudness(music)) == pytest.approx(decibels, abs=0.2)
    assert np.array_equal(heard, noisy(clean, decibels, rng()).samples)


def test_silence_stays_silent_and_no_sound_stays_none() -> None:
    for samples in (np.zeros(1000, dtype=np.float32), np.zeros(0, dtype=np.float32)):
        assert not noisy(Sound(samples, RATE), 0.0, rng()).samples.any()
        assert not overdriven(Sound(samples, RATE), 20.0).samples.any()
        assert len(with_gaps(Sound(samples, RATE), 0.5, rng()).samples) == len(samples)


def test_what_lies_above_the_cut_off_is_gone_and_what_lies_under_it_stays() -> None:
    assert loudness(muffled(tone(200.0), 1000.0).samples) == pytest.approx(loudness(tone(200.0).samples), rel=1e-3)
    assert loudness(muffled(tone(1000.0), 1000.0).samples) == pytest.approx(
        loudness(tone(1000.0).samples) / np.sqrt(2), rel=1e-2
    )
    assert loudness(muffled(tone(3000.0), 1000.0).samples) < 0.02 * loudness(tone(3000.0).samples)


def test_an_overdriven_sound_is_flat_at_the_top_and_the_rest_is_as_it_was() -> None:
    clean = tone(100.0)
    heard = overdriven(clean, 20.0).samples
    assert float(np.abs(heard).max()) == pytest.approx(0.05, rel=1e-3)
    low = np.abs(clean.samples) < 0.049
    assert np.allclose(heard[low], clean.samples[low], atol=1e-6)


def test_gaps_are_as_long_as_asked_and_what_is_lost_at_one_level_is_lost_at_the_next() -> None:
    clean = Sound(np.ones(100 * RATE, dtype=np.float32), RATE)
    lost = [with_gaps(clean, share, rng()).samples == 0 for share in (0.0, 0.2, 0.6)]
    assert [round(float(x.mean()), 1) for x in lost] == [0.0, 0.2, 0.6]
    assert not (lost[1] & ~lost[2]).any()
    assert set(np.diff(np.flatnonzero(np.diff(lost[1].astype(int)))) % (RATE // 4)) == {0}


def test_words_fall_away_from_either_end() -> None:
    text = "a person walks slowly forward"
    assert [first_words(text, s) for s in (1.0, 0.6, 0.25, 0.0)] == [text, "a person walks", "a", ""]
    assert [last_words(text, s) for s in (1.0, 0.6, 0.01, 0.0)] == [text, "walks slowly forward", "forward", ""]
    assert first_words("", 0.5) == last_words("", 0.5) == ""


def test_typos_are_as_many_as_asked_and_never_leave_nothing() -> None:
    text = "a person waves with the left hand " * 30
    assert mistyped(text, 0.0, rng()) == text.strip()
    few, many = (mistyped(text, share, rng()) for share in (0.05, 0.4))
    words = [sum(a != b for a, b in zip(x.split(), text.split(), strict=False)) for x in (few, many)]
    assert 0 < words[0] < words[1] and few == mistyped(text, 0.05, rng())
    assert all(mistyped("a", 1.0, np.random.default_rng(i)) for i in range(20))
