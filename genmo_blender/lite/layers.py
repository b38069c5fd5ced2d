"""Primitives of the network in float32 (spec 3.1, 3.2, 3.4): products, norms, activations, tables, filters over frames.

Hidden states are (B, T, D); products flatten the leading axes, because numpy multiplies a batch sample by sample.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..model.record import mismatch

Array = np.ndarray


class Parameters(Mapping[str, Array]):
    """Parameters whose names begin with a prefix; remembers for all prefixes which were read."""

    def __init__(self, state: Mapping[str, Array], prefix: str = "", read: set[str] | None = None) -> None:
        self._state, self._prefix = state, prefix
        self.read: set[str] = set() if read is None else read

    def __getitem__(self, name: str) -> Array:
        key = self._prefix + name
        if key not in self._state:
            raise mismatch("lacks", [key])
        self.read.add(key)
        return self._state[key]

    def __iter__(self) -> Iterator[str]:
        return (k.removeprefix(self._prefix) for k in self._state if k.startswith(self._prefix))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def of(self, name: str) -> Parameters:
        """Those of a part."""
        return Parameters(self._state, f"{self._prefix}{name}.", self.read)

    def sized(self, name: str, *shape: int) -> Array:
        """A parameter of a known shape. Raises ModelFailure where it is missing or has another."""
        value = self[name]
        if value.shape != shape:
            raise mismatch("has in another size", [self._prefix + name])
        return value


@dataclass(frozen=True, eq=False)
class Linear:
    """x @ weight + bias: `weight` (inputs, outputs), `bias` (outputs,) or None."""

    weight: Array
    bias: Array | None

    @classmethod
    def read(cls, given: Parameters, inputs: int, outputs: int, bias: bool = True) -> Linear:
        """From the (outputs, inputs) matrix of a file. Raises ModelFailure."""
        weight = np.ascontiguousarray(given.sized("weight", outputs, inputs).T)
        return cls(weight, given.sized("bias", outputs) if bias else None)

    def __call__(self, x: Array) -> Array:
        y = x.reshape(-1, x.shape[-1]) @ self.weight
        if self.bias is not None:
            y += self.bias
        return y.reshape(*x.shape[:-1], self.weight.shape[1])


@dataclass(frozen=True, eq=False)
class LayerNorm:
    """Over the last axis."""

    weight: Array
    bias: Array
    epsilon: float

    @classmethod
    def read(cls, given: Parameters, width: int, epsilon: float) -> LayerNorm:
        return cls(given.sized("weight", width), given.sized("bias", width), epsilon)

    def __call__(self, x: Array) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        variance = np.einsum("...i,...i->...", centred, centred)[..., None] / np.float32(x.shape[-1])
        centred /= np.sqrt(variance + np.float32(self.epsilon))
        centred *= self.weight
        centred += self.bias
        return centred


@dataclass(frozen=True, eq=False)
class Mlp:
    """Linear, GELU, Linear; the release uses the exact GELU everywhere but inside blocks (tanh)."""

    fc1: Linear
    fc2: Linear
    tanh: bool = False

    @classmethod
    def read(
        cls, given: Parameters, inputs: int, hidden: int, outputs: int, tanh: bool = False, bias: bool = True
    ) -> Mlp:
        first, second = given.of("fc1"), given.of("fc2")
        return cls(Linear.read(first, inputs, hidden, bias), Linear.read(second, hidden, outputs, bias), tanh)

    def __call__(self, x: Array) -> Array:
        hidden = self.fc1(x)
        return self.fc2(tanh_gelu(hidden) if self.tanh else gelu(hidden))


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)); far on the negative side the exponential may be infinite, and the answer 0."""
    with np.errstate(over="ignore"):
        y = np.exp(-x)
    y += 1.0
    return np.reciprocal(y, out=y)


def silu(x: Array) -> Array:
    """x sigmoid(x)."""
    return x * sigmoid(x)


def softplus(x: Array) -> Array:
    """log(1 + exp(x)); by exponential and logarithm, which numpy has vectorised as it has not `logaddexp`."""
    y = np.exp(-np.abs(x))
    y += 1.0
    return np.log(y, out=y) + np.maximum(x, 0.0)


def softmax(x: Array) -> Array:
    """Over the last axis, in place."""
    x -= x.max(-1, keepdims=True)
    np.exp(x, out=x)
    x /= x.sum(-1, keepdims=True)
    return x


def tanh_gelu(x: Array) -> Array:
    """The tanh-approximated GELU as x sigmoid(2u): the sigmoid is cheaper than the tangent."""
    scale = np.float32(2.0 * math.sqrt(2.0 / math.pi))
    u = x * x
    u *= np.float32(0.044715) * scale
    u += scale
    u *= x
    u = sigmoid(u)
    u *= x
    return u


def gelu(x: Array) -> Array:
    """The exact GELU x Phi(x); numpy has no erf, so by Abramowitz and Stegun 7.1.26, whose error is below 1.5e-7."""
    z = np.abs(x) * np.float32(math.sqrt(0.5))
    t = 1.0 / (1.0 + np.float32(0.3275911) * z)
    series = np.zeros_like(t)
    for factor in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series += np.float32(factor)
        series *= t
    tail = np.float32(0.5) * series * np.exp(-z * z)  # 1 - Phi(|x|)
    return x * np.where(x > 0, 1.0 - tail, tail)


def sinusoid(positions: Array, width: int) -> Array:
    """Rows of the sinusoidal table (spec 3.2): positions (N,) to (N, width).

    In float32 throughout: at position 999 the rounding of the product is part of the definition.
    """
    steps = np.arange(0, width, 2, dtype=np.float32)
    # rounded correctly, which torch's own exponential nearly does and numpy's in float32 does less
    frequencies = np.exp((steps * np.float32(-math.log(10000.0) / width)).astype(np.float64)).astype(np.float32)
    angles = np.asarray(positions, dtype=np.float32)[:, None] * frequencies
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(angles), width)


def rotary_angles(length: int, head_dim: int) -> Array:
    """Angle of each position and channel pair (spec 3.4): (length, head_dim / 2), base 10000."""
    pairs = np.arange(0, head_dim, 2, dtype=np.float32) / np.float32(head_dim)
    return np.arange(length, dtype=np.float32)[:, None] / np.power(np.float32(10000.0), pairs)


@lru_cache(maxsize=4)
def rotary_table(length: int, head_dim: int) -> Array:
    """Complex unit numbers that turn a channel pair at a position: (length, head_dim / 2), complex64."""
    angles = rotary_angles(length, head_dim)
    return (np.cos(angles) + 1j * np.sin(angles)).astype(np.complex64)


def rotate(x: Array, table: Array) -> Array:
    """Turn adjacent channel pairs (2i, 2i + 1) by the table; x (..., T, H, dh) contiguous, table (T, dh / 2)."""
    return (x.view(np.complex64) * table[:, None, :]).view(np.float32)


def filtered(x: Array, taps: Sequence[float | Array], stride: int = 1) -> Array:
    """Each channel of (B, L, C) over frames with its taps, numbers or (C,), ``stride`` frames apart; both ends are
    continued by their own values."""
    reach, frames = stride * (len(taps) // 2), x.shape[1]
    wide = np.concatenate([np.repeat(x[:, :1], reach, 1), x, np.repeat(x[:, -1:], reach, 1)], axis=1)
    out = wide[:, :frames] * np.asarray(taps[0], dtype=np.float32)
    for k, tap in enumerate(taps[1:], start=1):
        out += wide[:, k * stride : k * stride + frames] * np.asarray(tap, dtype=np.float32)
    return out


def over_frames(said: Array, per_token: int, frames: int, lengths: Array) -> Array:
    """What is said of tokens (B, T, C), said of their frames (B, ``frames``, C) and going over from token to token."""
    n = per_token
    taps = (1.0,) if n == 1 else (0.5 / n, *[1.0 / n] * (n - 1), 0.5 / n)
    return filtered(held(np.repeat(said, n, axis=1)[:, :frames], lengths), taps)


def held(motion: Array, lengths: Array) -> Array:
    """(B, L, C) with frames past the valid ones repeating the last valid one, so that padding cannot bleed back."""
    if (lengths >= motion.shape[1]).all():
        return motion
    index = np.minimum(np.arange(motion.shape[1]), np.maximum(lengths - 1, 0)[:, None])
    return np.take_along_axis(motion, index[..., None], axis=1)
