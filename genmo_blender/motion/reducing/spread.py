"""How coefficients of keys spread over frames, to first order: a sparse matrix that is never laid out.

Channels come first and numbers are those of ``by``, float32 in the fit: this is multiplied hundreds of times.
Coefficients are (4, C, K), curves (C, J, T).
"""

from __future__ import annotations

import numpy as np

from ..rotations import Array
from .hermite import Basis


class Spread:
    """The derivatives ``by`` (6, J, T, C) of `Basis.linear`; one channel stands for all."""

    def __init__(self, basis: Basis, by: Array, dtype: type = np.float32) -> None:
        self.basis = basis
        self.by: Array = np.ascontiguousarray(np.moveaxis(by, -1, 1), dtype=dtype)
        self.left = basis.left.ravel()
        self.right = self.left + 1
        self.shape = by.shape[1:3]

    def apply(self, coefficients: Array) -> Array:
        """Change of the curves (C, J, T) with that of coefficients."""
        channels = coefficients.shape[1]
        one = np.take(coefficients[:3], self.left, axis=2, mode="clip").reshape(3, channels, *self.shape)
        two = np.take(coefficients[[0, 1, 3]], self.right, axis=2, mode="clip").reshape(3, channels, *self.shape)
        out = self.by[0] * one[0]
        for i, part in ((1, one[1]), (2, two[0]), (3, two[1]), (4, one[2]), (5, two[2])):
            part *= self.by[i]
            out += part
        return out

    def gather(self, values: Array) -> Array:
        """The transpose of `apply`."""
        return gathered(self.basis, self.by * values)

    def squares(self, values: Array) -> Array:
        """What `gather` gives for derivatives times themselves: the diagonal of the transpose's product."""
        return gathered(self.basis, self.by * self.by * values)


def gathered(basis: Basis, product: Array) -> Array:
    """Sums over segments of (6, C, J, T), each to its key: (4, C, K)."""
    channels = product.shape[1]
    sums = np.add.reduceat(product.reshape(6, channels, -1), basis.starts, axis=2)
    out = np.zeros((4, channels, len(basis.all_times)), dtype=product.dtype)
    here, there = basis.segments, basis.segments + 1
    out[:2, :, here] = sums[:2]
    out[:2, :, there] += sums[2:4]
    out[2, :, here], out[3, :, there] = sums[4].T, sums[5].T
    return out
