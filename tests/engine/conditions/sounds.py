"""Sounds made by formulas, for the tests of music."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

RATE = 15360


def clicks(bpm: float, seconds: float, rate: int = RATE, first: float = 0.0) -> np.ndarray:
    """A click of 20 ms on each beat."""
    out = np.zeros(round(seconds * rate))
    length = round(0.02 * rate)
    click = np.sin(2 * np.pi * 1000.0 * np.arange(length) / rate) * np.exp(-np.arange(length) / (0.004 * rate))
    for beat in np.arange(first, seconds - 0.02, 60.0 / bpm):
        start = round(beat * rate)
        out[start : start + length] += 0.8 * click[: len(out) - start]
    return out


def tone(hz: float, seconds: float, rate: int = RATE) -> np.ndarray:
    """A sine of half of full scale."""
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


def busy_music() -> np.ndarray:
    """Eight seconds of drums at 100 beats a minute, chords and noise; the sound of ``data/music/reference.npz``."""
    seconds = 8.0
    rng = np.random.default_rng(7)
    time = np.arange(round(seconds * RATE)) / RATE
    out = clicks(100.0, seconds, first=0.31) + 0.02 * rng.standard_normal(len(time))
    for bar, notes in enumerate(((48, 55, 64), (53, 60, 69), (55, 62, 71), (48, 52, 67))):
        inside = (time >= 2.0 * bar) & (time < 2.0 * bar + 1.7)
        for note in notes:
            out += 0.1 * inside * np.sin(2 * np.pi * 440.0 * 2 ** ((note - 69) / 12) * time)
    return out.astype(np.float32)


def write_wave(path: Path, samples: np.ndarray, rate: int, width: int = 2) -> Path:
    """Samples (N,) or (N, channels) as a PCM file of ``width`` bytes a sample."""
    samples = samples[:, None] if samples.ndim == 1 else samples
    if width == 1:
        data = np.round(samples * 127 + 128).astype(np.uint8).tobytes()
    else:
        whole = np.round(samples * (2 ** (8 * width - 1) - 1)).astype("<i4")
        data = whole.reshape(-1).view(np.uint8).reshape(-1, 4)[:, :width].tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data)
    return path
