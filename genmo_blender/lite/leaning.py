"""Where keys are near, the answer leans on what interpolation says (engine/network/leaning.py says why)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..model.config import BETAS, BETWEEN_PARTS, MOTION_DIM
from .layers import Array, Linear, Parameters, over_frames, sigmoid


def said_by(between: Array) -> Array:
    """Which channels (B, L, 151) of the code the condition (B, L, 198) says something about."""
    near = between[..., MOTION_DIM:-1]
    parts = np.repeat((near[..., :BETWEEN_PARTS] > 0) | (near[..., BETWEEN_PARTS:] > 0), 6, axis=-1)
    step = np.repeat(between[..., -1:] > 0, 3, axis=-1)
    nothing = np.zeros_like(parts[..., BETAS])
    return np.concatenate([parts[..., : BETAS.start], nothing, parts[..., BETAS.start :], step], axis=-1)


@dataclass(frozen=True, eq=False)
class Leaning:
    """`trust` says how far the answer goes to the interpolated motion, for each token and channel."""

    trust: Linear
    per_token: int

    @classmethod
    def read(cls, given: Parameters, width: int, channels: int, per_token: int) -> Leaning:
        return cls(Linear.read(given.of("trust"), width, channels), per_token)

    def __call__(self, motion: Array, h: Array, between: Array, lengths: Array) -> Array:
        """`motion` (B, L, C) the answer, `h` (B, T, D) the last hidden state, `between` (B, L, 198), `lengths` (B,)."""
        said = over_frames(self.trust(h), self.per_token, motion.shape[1], lengths)
        share = sigmoid(said) * said_by(between)
        return motion + share * (between[..., :MOTION_DIM] - motion)
