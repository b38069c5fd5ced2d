"""The normal random numbers that torch draws on a processor, from numpy's Mersenne twister.

So a take of `lite` begins with the very noise of the engine's take of that seed. torch seeds the twister (Matsumoto and
Nishimura 1998) as numpy's legacy seeding does, makes uniform numbers of the lowest 24 bits of each draw, and takes
them by sixteens: the first eight give the radius and the last eight the angle of the Box-Muller transform.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .layers import Array

_BLOCK = 16
_BITS = 24


class TorchNormal:
    """The stream of one seed, 0 to 2^32 - 1."""

    def __init__(self, seed: int) -> None:
        self._twister = np.random.RandomState(seed)

    def draw(self, *shape: int) -> Array:
        """Standard normal float32 numbers, at least sixteen of them (torch draws fewer in another way)."""
        count = int(np.prod(shape))
        if count < _BLOCK:
            raise ValueError(f"at least {_BLOCK} numbers are drawn at once")
        uniform = self._uniform(count)
        whole = count // _BLOCK * _BLOCK
        out = np.empty(count, dtype=np.float32)
        out[:whole] = _normal(uniform[:whole])
        if whole < count:  # the last sixteen are drawn anew
            out[-_BLOCK:] = _normal(self._uniform(_BLOCK))
        return out.reshape(shape)

    def _uniform(self, count: int) -> Array:
        bits = self._twister.randint(0, 1 << 32, size=count, dtype=np.uint32)
        return (bits & np.uint32((1 << _BITS) - 1)).astype(np.float32) * np.float32(2.0**-_BITS)


def _normal(uniform: Array) -> Array:
    pairs = uniform.reshape(-1, 2, _BLOCK // 2)
    radius = np.sqrt(np.float32(-2.0) * np.log(np.float32(1.0) - pairs[:, 0]))
    angle = np.float32(2.0 * np.pi) * pairs[:, 1]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)


class TakeNoise:
    """Noise of a batch of takes, each with a stream of its own made from its seed."""

    def __init__(self, seeds: Sequence[int], frames: int, channels: int) -> None:
        self._streams = [TorchNormal(seed) for seed in seeds]
        self._shape = (frames, channels)

    def draw(self) -> Array:
        """(B, L, C) standard normal."""
        return np.stack([stream.draw(*self._shape) for stream in self._streams])
