"""What whole sentences add to the sum of conditions; ours, not the release's (engine/network/sentence.py says why)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .layers import Array, Linear, Mlp, Parameters, gelu, softmax, softplus

KIND_WIDTH = 256
NEVER = np.float32(-1000.0)  # log odds of a kind that does not exist


def mean_token(features: Array) -> Array:
    """Texts (..., N, C), padding tokens zero, to the mean of their tokens (..., C); the null text stays zero."""
    words = np.maximum((features != 0).any(-1).sum(-1), 1).astype(np.float32)
    return features.sum(-2) / words[..., None]


@dataclass(frozen=True, eq=False)
class SentenceKinds:
    """Which of K kinds a sentence is of; ``side_of`` (K,) is 1 for kinds to the left, -1 to the right, 0 for others."""

    mlp: Mlp
    side: Linear
    side_of: Array

    @classmethod
    def read(cls, given: Parameters, text_dim: int, kinds: int) -> SentenceKinds:
        mlp = Mlp.read(given, text_dim, KIND_WIDTH, kinds)
        return cls(mlp, Linear.read(given.of("side"), text_dim, 2), given.sized("side_of", kinds))

    def __call__(self, features: Array) -> Array:
        """Log odds (..., K) of the kinds, from texts (..., N, C), padding tokens zero."""
        silent = ~(features != 0).any(-1, keepdims=True)
        loud = np.logaddexp.reduce(np.where(silent, NEVER, self.side(features)), axis=-2)
        leftness = loud[..., :1] - loud[..., 1:]
        side = -softplus(-self.side_of * leftness)  # log sigmoid
        return self.mlp(mean_token(features)) + side * (self.side_of != 0)


@dataclass(frozen=True, eq=False)
class SentenceEmbedder:
    """An MLP of the mean token, and the mean of learned `values` of the kinds of sentences it may be, by their odds.

    The null text, all zeros, adds nothing.
    """

    fc1: Linear
    fc2: Linear
    kinds: SentenceKinds | None
    values: Linear | None

    @classmethod
    def read(cls, given: Parameters, text_dim: int, width: int, kinds: int) -> SentenceEmbedder:
        fc1 = Linear.read(given.of("fc1"), text_dim, 2 * width, bias=False)
        fc2 = Linear.read(given.of("fc2"), 2 * width, width, bias=False)
        if not kinds:
            return cls(fc1, fc2, None, None)
        values = Linear.read(given.of("values"), kinds, width, bias=False)
        return cls(fc1, fc2, SentenceKinds.read(given.of("kinds"), text_dim, kinds), values)

    def __call__(self, features: Array, weights: Array) -> Array:
        """`features` (B, K, N, C), padding tokens zero; `weights` (B, K, L); to (B, L, D)."""
        sentence = mean_token(features)
        embedded = self.fc2(gelu(self.fc1(sentence)))
        if self.kinds is not None and self.values is not None:
            spoken = (sentence != 0).any(-1, keepdims=True)
            embedded = embedded + self.values(softmax(self.kinds(features)) * spoken)
        return weights.transpose(0, 2, 1) @ embedded
