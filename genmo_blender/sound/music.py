"""Music -> ``encoded_music``: 35 values for each frame of 1/30 s (spec 2.5, components.md 6).

| channels | feature |
|---|---|
| 0 | onset strength |
| 1..20 | MFCC |
| 21..32 | CENS chroma from C |
| 33 | onset peak, 0 or 1 |
| 34 | beat, 0 or 1 |

The release feeds these numbers raw. Their spreads lie between 0.2 (a beat) and 200 (the first MFCC), which a small
network with a short training does not get over, so ours is fed `standardised` features. Everything here is numpy.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..protocol.failures import RequestFailure
from . import music_beats, music_chroma
from .wav import Sound, read_wave, resampled

Array = np.ndarray
RATE, HOP, FPS = 15360, 512, 30
CHANNELS = 35
ONSET, MFCC, CHROMA, PEAK, BEAT = 0, slice(1, 21), slice(21, 33), 33, 34
CLOCK = slice(18, 21)
"""In `standardised` features alone: cosine and sine of the way from one beat to the next, and the cosine times how much
stronger than the others the nearest beat is."""
WINDOW, MELS = 2048, 128
CONTEXT = 10.0
"""Seconds of the song heard before and after the piece that is wanted: a beat is told by its neighbours."""
SLOWEST, FASTEST = 0.1, 10.0
_FLOOR_POWER, _RANGE_DB = 1e-10, 80.0
# About the middle and the spread of each channel over six songs of different kinds. Onsets and flags keep their zero.
_MIDDLE = np.array([0.0, -200.0, 50.0, 15.0, 20.0] + [0.0] * 16 + [0.25] * 12 + [0.0, 0.0], dtype=np.float32)
_SPREAD = np.array([5.0, 150.0, 55.0, 25.0, 20.0, 20.0] + [10.0] * 15 + [0.12] * 12 + [0.4, 0.25], dtype=np.float32)


def music_features(samples: Array) -> Array:
    """Mono sound (N,) at 15360 Hz, -1..1 -> (1 + N // 512, 35) float32; row k belongs to sample 512 k.

    Silence has defined features: nothing is ever NaN. Raises RequestFailure for a sound shorter than one frame.
    """
    samples = np.asarray(samples, dtype=np.float64)
    if len(samples) < HOP:
        raise RequestFailure("sound_too_short", "The sound is shorter than one frame.", "Choose a longer piece.")
    decibels = mel_decibels(samples)
    strength = music_beats.onset_strength(decibels)
    rows = len(decibels)
    out = np.zeros((rows, CHANNELS), dtype=np.float32)
    out[:, ONSET] = strength
    out[:, MFCC] = decibels @ _cosines(MELS, MFCC.stop - MFCC.start)
    out[:, CHROMA] = music_chroma.cens(music_chroma.constant_q(samples, RATE, HOP, rows))
    out[music_beats.onset_peaks(strength), PEAK] = 1.0
    out[music_beats.beats(strength), BEAT] = 1.0
    return out


def standardised(features: Array) -> Array:
    """Raw features (..., T, 35) on one scale for our own models; the official ones take them raw.

    The MFCC are those of the song less their mean over it: how loud and bright a recording is means nothing to a dance,
    and a song unlike those of training must not be danced to less. Channels `CLOCK`, the last of them, hold the
    beat's clock instead: a small network does not learn from flags alone how far from a beat a frame is.
    """
    features = np.asarray(features)
    out = ((features - _MIDDLE) / _SPREAD).astype(np.float32)
    out[..., MFCC] -= out[..., MFCC].mean(axis=-2, keepdims=True)
    songs = features.reshape(-1, *features.shape[-2:])
    clocks = [music_beats.clock(np.flatnonzero(song[:, BEAT] > 0), song[:, ONSET]) for song in songs]
    out[..., CLOCK] = np.stack(clocks).reshape(*features.shape[:-1], -1)
    return out


def mel_decibels(samples: Array) -> Array:
    """(N,) -> (T, 128) power in dB of the mel bands, at most 80 dB under the loudest."""
    half = WINDOW // 2
    padded = np.pad(samples, (half, half))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    filters = mel_filters()
    out = np.empty((len(frames), MELS))
    for first in range(0, len(frames), 1024):  # a long song's spectrogram would not fit
        spectrum = np.abs(np.fft.rfft(frames[first : first + 1024] * window, axis=1)) ** 2
        out[first : first + 1024] = spectrum @ filters
    decibels = 10.0 * np.log10(np.maximum(out, _FLOOR_POWER))
    return np.maximum(decibels, decibels.max() - _RANGE_DB)


def mel_filters() -> Array:
    """(1025, 128) triangles on Slaney's scale (linear under 1 kHz, then logarithmic), of equal area."""
    linear_step, corner, log_step = 200.0 / 3, 1000.0, np.log(6.4) / 27.0
    corner_mel = corner / linear_step
    top = corner_mel + np.log(RATE / 2 / corner) / log_step
    mel = np.linspace(0.0, top, MELS + 2)
    hz = np.where(mel < corner_mel, mel * linear_step, corner * np.exp(log_step * (mel - corner_mel)))
    frequency = np.fft.rfftfreq(WINDOW, 1.0 / RATE)[:, None]
    rising = (frequency - hz[:-2]) / (hz[1:-1] - hz[:-2])
    falling = (hz[2:] - frequency) / (hz[2:] - hz[1:-1])
    return np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (hz[2:] - hz[:-2]))


def _cosines(size: int, kept: int) -> Array:
    """(size, kept): orthonormal DCT-II as a matrix."""
    angle = np.pi * (np.arange(size)[:, None] + 0.5) * np.arange(kept) / size
    matrix = np.cos(angle) * np.sqrt(2.0 / size)
    matrix[:, 0] /= np.sqrt(2.0)
    return matrix


def file_features(
    path: Path, start: float, end: float, frames: int, read: Callable[[Path, float], Sound] = read_wave
) -> Array:
    """What a strip sounds like: seconds ``start`` to ``end`` of a file, heard during ``frames`` frames, (frames, 35).

    Where the two lengths differ the strip plays faster or slower (and higher or lower), as a speed factor in the host
    does. Past the end of the file it is silent. ``read`` gives a file up to some second: with the engine's `read_sound`
    every kind of file, without it wav. Raises StorageFailure for an unreadable file, RequestFailure for a
    piece that is empty, outside the file or retimed more than tenfold.
    """
    _speed(path.name, start, end, frames)
    return piece_features(read(path, end + CONTEXT), path.name, start, end, frames)


def piece_features(sound: Sound, name: str, start: float, end: float, frames: int) -> Array:
    """The same of a sound that has been read, from its beginning to `CONTEXT` seconds after ``end`` at least; ``name``
    is for what goes wrong."""
    speed = _speed(name, start, end, frames)
    if start >= sound.seconds:
        raise RequestFailure(
            "sound_over",
            f"{name} is over at {sound.seconds:.1f} s, before the music strip begins.",
            "Move the strip's start back.",
        )
    before = int(min(start, CONTEXT) / speed * FPS)  # whole frames, so that the piece begins on a row
    first = round((start - before / FPS * speed) * sound.rate)
    samples = resampled(sound.samples[max(first, 0) :], RATE / (sound.rate * speed))
    missing = (before + frames) * HOP - len(samples)
    return music_features(np.pad(samples, (0, max(missing, 0))))[before : before + frames]


def _speed(name: str, start: float, end: float, frames: int) -> float:
    """How many times its own speed a piece plays at. Raises RequestFailure."""
    if not (np.isfinite(start) and np.isfinite(end) and 0.0 <= start < end) or frames < 1:
        raise RequestFailure("empty_sound", f"The piece of {name} is empty.", "Make the music strip longer.")
    speed = (end - start) * FPS / frames
    if abs(frames - (end - start) * FPS) < 1.0:
        return 1.0  # a strip's length in seconds is rounded to frames
    if not SLOWEST <= speed <= FASTEST:
        raise RequestFailure(
            "sound_speed", f"{name} would play at {speed:.2g} times its speed.", "Use a speed from 0.1 to 10."
        )
    return speed
