"""The network's answer, moved toward the noised motion by as much as it can be trusted more: a Wiener filter whose
variances the network says (engine/network/skip.py says why)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .layers import Array, Linear, Parameters, filtered, held, over_frames, sigmoid, softplus

LOW_PASS = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
BANDS = 3  # above 5, 2 to 5 and below 2 Hz
LARGEST_LOG_VARIANCE = np.float32(1.0)  # motion itself, normalised, varies by 1
SIGNAL = 1e-10, 1.0 - 1e-6


def cosine_signal(t: Array) -> Array:
    """abar of the cosine schedule (spec 5.0) at original timesteps, bounded; the last, where hardly anything is left,
    as 0."""
    angle = ((t.astype(np.float32) + 1.0) / 1000.0 + 0.008) / 1.008 * (math.pi / 2)
    signal = (np.cos(angle) / math.cos(0.008 / 1.008 * math.pi / 2)) ** 2 * (t < 999)
    return np.clip(signal, *SIGNAL).astype(np.float32)


@dataclass(frozen=True, eq=False)
class WienerSkip:
    """`log_variance` says the variance of the network's error, for each channel and three bands of frequency."""

    log_variance: Linear
    per_token: int

    @classmethod
    def read(cls, given: Parameters, width: int, channels: int, per_token: int) -> WienerSkip:
        return cls(Linear.read(given.of("log_variance"), width, BANDS * channels), per_token)

    def __call__(self, motion: Array, h: Array, x_t: Array, t: Array, lengths: Array, seen: Array | None) -> Array:
        """`motion` (B, L, C) the network's answer, `h` (B, T, D) its last hidden state, `x_t` (B, L, C) what it was
        given at timesteps `t` (B,), `lengths` (B,) valid frames. Where `seen` (B, L, C) is 1, x_t is clean."""
        signal = cosine_signal(t)[:, None, None]
        told = x_t / np.sqrt(signal)
        if seen is not None:
            told = np.where(seen.astype(bool), x_t, told)
        said = over_frames(self.log_variance(h), self.per_token, motion.shape[1], lengths)
        log_variance = LARGEST_LOG_VARIANCE - softplus(LARGEST_LOG_VARIANCE - said)
        gains = sigmoid(log_variance + np.log(signal / (1.0 - signal)))
        for band, gain in zip(_bands(told - motion, lengths), np.split(gains, BANDS, axis=-1), strict=True):
            motion = motion + band * gain
        return motion


def _bands(x: Array, lengths: Array) -> list[Array]:
    """Fast, middling and slow parts of (B, L, C), which add up to it on the valid frames."""
    x = held(x, lengths)
    slower = held(filtered(x, LOW_PASS), lengths)
    slowest = filtered(slower, LOW_PASS, stride=2)
    return [x - slower, slower - slowest, slowest]
