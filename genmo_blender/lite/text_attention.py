"""Cross-attention to several texts, each over its own frames (spec 3.4).

Scores are (x W_q)(t W_k)^T and outputs P (t W_v) W_o. The text side does not depend on the step, so W_q (t W_k)^T and
(t W_v) W_o are computed once a job, for each distinct text: takes of one job share their texts, and the unconditional
branch has one text for all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .layers import Array, Linear, Parameters, softmax


@dataclass(frozen=True, eq=False)
class TextContext:
    """Encoded texts and where they hold: `features` (B, K, N, C), `weights` (B, K, L), one weight for each frame.

    A weight is 1 inside an official window and 0 outside; cross-fades and the strength of a strip (0 to 2) are weights
    too. Samples with fewer than K texts have zero weights.
    """

    features: Array
    weights: Array

    @classmethod
    def everywhere(cls, features: Array, length: int) -> TextContext:
        """One text (B, N, C) for all frames."""
        return cls(features[:, None], np.ones((len(features), 1, length), dtype=np.float32))

    @classmethod
    def windows(cls, features: Array, starts: Array, ends: Array, length: int) -> TextContext:
        """The release's windows (spec 3.4): features (B, K, N, C), starts and ends (B, K) as fractions of `length`.

        The borders are rounded half to even; where windows overlap the texts add up.
        """
        first, end = np.rint(starts * length)[..., None], np.rint(ends * length)[..., None]
        frames = np.arange(length)
        return cls(features, ((frames >= first) & (frames < end)).astype(np.float32))

    def without_words(self) -> TextContext:
        """The unconditional branch of guidance: the windows stay, their texts become the null text (spec 5.2)."""
        total = np.minimum(self.weights, 1.0).sum(1, keepdims=True)
        batch, _, tokens, channels = self.features.shape
        return TextContext(np.zeros((batch, 1, tokens, channels), dtype=np.float32), total)


@dataclass(frozen=True, eq=False)
class TextRow:
    """Where one text holds: `tokens` (n,) of the flattened (B, T) axis, or all of them, and their `weights` (n, 1)."""

    tokens: Array | slice
    weights: Array


@dataclass(frozen=True, eq=False)
class TextPlan:
    """All distinct texts of a job; `total` (B, T, 1) is the sum of their weights."""

    rows: tuple[TextRow, ...]
    total: Array


def with_null(weights: Array) -> Array:
    """Append the null text, (B, K, T) to (B, K + 1, T): it takes what is missing to one."""
    rest = np.maximum(1.0 - np.minimum(weights, 1.0).sum(1, keepdims=True), 0.0)
    rest = rest * (rest > 1e-6)  # rounding in averaged weights is no uncovered frame
    return np.concatenate([weights, rest.astype(np.float32)], axis=1)


def plan_text(features: Array, weights: Array) -> tuple[Array, TextPlan]:
    """Texts (B, K, N, C) with weights (B, K, T) to the distinct ones that hold anywhere (M, N, C), and their plan."""
    batch, count, tokens = weights.shape
    texts: dict[bytes, Array] = {}
    strength: dict[bytes, Array] = {}
    for sample, place in zip(*np.nonzero(weights.any(-1)), strict=True):
        text = np.ascontiguousarray(features[sample, place])
        key = text.tobytes()
        texts[key] = text
        strength.setdefault(key, np.zeros((batch, tokens), dtype=np.float32))[sample] += weights[sample, place]
    rows = []
    for key in texts:
        row = strength[key].reshape(-1)
        where = np.nonzero(row)[0]
        rows.append(TextRow(slice(None) if len(where) == len(row) else where, row[where][:, None]))
    found = np.stack(list(texts.values())) if texts else np.zeros((0, *features.shape[2:]), dtype=np.float32)
    return found, TextPlan(tuple(rows), weights.sum(1)[..., None])


@dataclass(frozen=True, eq=False)
class AbsorbedText:
    """A text in one layer: `scores` (D, H N) and its bias (H N,), `outputs` (H N, D)."""

    scores: Array
    bias: Array
    outputs: Array


@dataclass(frozen=True, eq=False)
class TextAttention:
    """Cross-attention to texts, without positions and masks.

    The output is sum_k w_k CA_k, the bias of the output projection included: a frame without text gets exactly 0.
    """

    query: tuple[Array, Array]  # (D, H, dh), (H, dh)
    keys_values: Linear
    out: Linear
    heads: int

    @classmethod
    def read(cls, given: Parameters, width: int, heads: int) -> TextAttention:
        weight = given.sized("in_proj_weight", 3 * width, width)
        bias = given.sized("in_proj_bias", 3 * width)
        head = width // heads
        query = weight[:width].T.reshape(width, heads, head), bias[:width].reshape(heads, head)
        both = Linear(np.ascontiguousarray(weight[width:].T), bias[width:])
        return cls(query, both, Linear.read(given.of("out_proj"), width, width), heads)

    def absorbed(self, texts: Array) -> tuple[AbsorbedText, ...]:
        """The matrices of embedded texts (M, N, D), one record for each."""
        weight, bias = self.query
        width, _, head = weight.shape
        outputs = self.out.weight.reshape(self.heads, head, width)
        scale = np.float32(head**-0.5)
        records = []
        for both in self.keys_values(texts):
            k, v = both.reshape(len(both), 2, self.heads, head).transpose(1, 2, 0, 3)
            scores = np.matmul(weight.transpose(1, 0, 2), k.transpose(0, 2, 1)).transpose(1, 0, 2)
            shift = np.matmul(k, bias[..., None])[..., 0]
            records.append(
                AbsorbedText(
                    np.ascontiguousarray(scores).reshape(width, -1) * scale,
                    shift.reshape(-1) * scale,
                    np.matmul(v, outputs).reshape(-1, width),
                )
            )
        return tuple(records)

    def __call__(self, x: Array, texts: tuple[AbsorbedText, ...], plan: TextPlan) -> Array:
        """x (B, T, D) to (B, T, D)."""
        flat = x.reshape(-1, x.shape[-1])
        mixed = np.zeros_like(flat)
        for text, row in zip(texts, plan.rows, strict=True):
            scores = flat[row.tokens] @ text.scores
            scores += text.bias
            shares = softmax(scores.reshape(len(scores), self.heads, -1))
            shares *= row.weights[..., None]
            mixed[row.tokens] += shares.reshape(len(scores), -1) @ text.outputs
        mixed = mixed.reshape(x.shape)
        mixed += plan.total * self.out.bias
        return mixed
