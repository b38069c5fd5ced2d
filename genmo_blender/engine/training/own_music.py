"""Simple music of our own, played on given beats: drums, a bass and chords, another piece for each seed.

It is made for pairing with motion (mini_model.md, music): what matters is where its beats are, and that no two pieces
have the same sound, key, density and balance. Where it is told which beats are danced, most pieces stress these, for
that is what a dancer hears of them: more is struck at once, since strength is measured in dB over all bands.
"""

from __future__ import annotations

import numpy as np

from ...sound.music import FPS, RATE

Array = np.ndarray
BEATS_A_BAR = 4
_SCALE = (0, 2, 4, 5, 7, 9, 11)
_ROOTS = (0, 3, 4, 5)  # steps of the scale that chords stand on
STRESSED = 0.75
"""Share of the pieces that stress the beats which are danced; the others have a pattern of their own."""


def render(beats: Array, frames: int, seed: int, danced: Array | None = None) -> Array:
    """A piece of ``frames`` / 30 s at 15360 Hz (N,) float32 under full scale, with its beats at ``beats`` (K,), in
    frames; ``danced`` (K,) bool: those to stress."""
    rng = np.random.default_rng(seed)
    out = np.zeros(round(frames / FPS * RATE))
    times = np.asarray(beats, dtype=np.float64) / FPS  # those outside the piece are not heard
    drums, harmony = rng.choice([0.2, 0.6, 1.0]), rng.choice([0.0, 0.3, 0.7])
    # Drawn in any case: a seed means the same sounds with and without stresses.
    stress = danced if rng.random() < STRESSED else None
    _drums(out, times, drums, rng, stress)
    if harmony > 0:
        _harmony(out, times, harmony, rng, stress)
    out += rng.choice([0.0, 0.0005, 0.005]) * rng.standard_normal(len(out))
    loudest = np.abs(out).max()
    return (out / max(loudest, 1e-6) * rng.uniform(0.2, 0.95)).astype(np.float32)


def _drums(out: Array, times: Array, level: float, rng: np.random.Generator, stress: Array | None) -> None:
    """Kick on the beat or on two of four, snare on the others or none, a cymbal that divides the beat by 1, 2 or 4.
    With a stress kick, snare and an open cymbal fall together on it, and elsewhere there is a kick or the cymbal alone.
    """
    kick = _drum(rng.uniform(45, 90), rng.uniform(0.08, 0.25), 0.05, rng)
    snare = _drum(rng.uniform(150, 260), rng.uniform(0.06, 0.18), rng.uniform(0.5, 1.0), rng)
    cymbal = _drum(0.0, rng.uniform(0.02, 0.06), 1.0, rng)
    every, backbeat, parts = rng.random() < 0.6, rng.random() < 0.7, int(rng.choice([1, 2, 2, 4]))
    first = int(rng.integers(BEATS_A_BAR))
    for i, at in enumerate(times):
        odd = (i + first) % 2
        strong = stress is not None and bool(stress[i])
        if strong or (every if stress is not None else every or not odd or not backbeat):
            _add(out, kick, at, level if strong or stress is None else 0.4 * level)
        if strong or (stress is None and odd and backbeat):
            _add(out, snare, at, 0.8 * level)
        if strong:
            _add(out, cymbal, at, 0.6 * level)
        gap = times[min(i + 1, len(times) - 1)] - at
        for k in range(parts):
            _add(out, cymbal, at + gap * k / parts, level * (0.3 if k == 0 else 0.15))


def _drum(hz: float, seconds: float, noise: float, rng: np.random.Generator) -> Array:
    """A falling tone and a share of noise, dying away."""
    time = np.arange(round(4 * seconds * RATE)) / RATE
    fall = np.exp(-time / seconds)
    tone = np.sin(2 * np.pi * hz * (time + 0.02 * (1 - np.exp(-time / 0.02))))
    return fall * ((1 - noise) * tone + noise * rng.standard_normal(len(time)))


def _harmony(out: Array, times: Array, level: float, rng: np.random.Generator, stress: Array | None) -> None:
    """A chord for each bar, struck once, on each beat or, with a stress, on that; its root as the bass on the beat."""
    key, bright = int(rng.integers(12)), rng.uniform(0.2, 0.8)
    on_each, bass = rng.random() < 0.5, rng.random() < 0.7
    order = rng.choice(_ROOTS, size=len(times) // BEATS_A_BAR + 1)
    for i, at in enumerate(times):
        root = int(order[i // BEATS_A_BAR])
        until = times[min(i + 1, len(times) - 1)]
        struck = bool(stress[i]) if stress is not None else on_each or i % BEATS_A_BAR == 0
        if i % BEATS_A_BAR == 0 and not on_each and stress is None:
            until = times[min(i + BEATS_A_BAR, len(times) - 1)]
        length = max(until - at, 0.1)
        if bass:
            _add(out, _note(36 + key + _SCALE[root], min(length, 0.4), 0.3), at, level)
        if struck:
            for step in (0, 2, 4):
                octave, degree = divmod(root + step, len(_SCALE))
                _add(out, _note(60 + key + _SCALE[degree] + 12 * octave, length, bright), at, 0.4 * level)


def _note(pitch: int, seconds: float, bright: float) -> Array:
    """Six harmonics with a soft beginning and end; ``pitch`` as MIDI counts."""
    time = np.arange(round(seconds * RATE)) / RATE
    hz = 440.0 * 2.0 ** ((pitch - 69) / 12)
    wave = sum(bright ** (k - 1) / k * np.sin(2 * np.pi * hz * k * time) for k in range(1, 7) if hz * k < RATE / 2)
    return wave * np.minimum(1.0, np.minimum(time, seconds - time) / 0.01) * np.exp(-time / max(seconds, 0.3))


def _add(out: Array, sound: Array, at: float, level: float) -> None:
    start = round(at * RATE)
    if 0 <= start < len(out):
        end = min(len(out), start + len(sound))
        out[start:end] += level * sound[: end - start]
