"""Sets of motions compared as distributions of features: Fréchet distance, kernel distance, diversity (spec 9)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray
Rng = np.random.Generator


def frechet(first: Array, second: Array) -> float:
    """FID (Heusel et al. 2017): between the Gaussians fitted to features (N, D) and (M, D).

    Of few rows it is an estimate with much bias: compare sets of one size. Raises ValueError for fewer than two.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError("a Fréchet distance needs two or more rows on each side")
    first, second = (np.asarray(rows, dtype=np.float64) for rows in (first, second))
    a, b = (np.atleast_2d(np.cov(rows, rowvar=False)) for rows in (first, second))
    # tr sqrt(AB) = sum of singular values of sqrt(A) sqrt(B), for symmetric A and B that are not negative.
    product = np.linalg.svd(_root(a) @ _root(b), compute_uv=False).sum()
    apart = first.mean(axis=0) - second.mean(axis=0)
    return float(np.dot(apart, apart) + np.trace(a) + np.trace(b) - 2.0 * product)


def _root(matrix: Array) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


@dataclass(frozen=True)
class Spread:
    """A figure's ``mean`` over draws and its 95 % ``interval`` (the mean's, 1.96 standard errors, as the field has it).

    Draws of one small set are not independent, so the interval says how exact the mean is, not how it would change
    with other recordings.
    """

    mean: float
    interval: tuple[float, float]

    @classmethod
    def over(cls, draws: Array) -> Spread:
        """Of draws (N,), at least one."""
        mean = float(np.mean(draws))
        half = 1.96 * float(np.std(draws)) / len(draws) ** 0.5
        return cls(mean, (mean - half, mean + half))


def kernel_distance(first: Array, second: Array, rng: Rng, draws: int = 100, most: int = 100) -> Spread:
    """KID (Binkowski et al. 2018): the unbiased squared maximum mean discrepancy of features (N, D) and (M, D) under
    the kernel (x·y / D + 1)^3, over ``draws`` subsets of at most ``most`` rows a side (and of nine tenths of them).

    Unbiased, so about zero, of either sign, for two samples of one distribution. Raises ValueError for fewer than
    three rows a side.
    """
    if min(len(first), len(second)) < 3:
        raise ValueError("a kernel distance needs three or more rows on each side")
    sizes = [max(2, min(most, round(0.9 * len(rows)))) for rows in (first, second)]
    kernels = [_kernel(a, b) for a, b in ((first, first), (second, second), (first, second))]
    found = np.empty(draws)
    for k in range(draws):
        i, j = (rng.choice(len(rows), size, replace=False) for rows, size in zip((first, second), sizes, strict=True))
        found[k] = (
            _off_diagonal_mean(kernels[0][np.ix_(i, i)])
            + _off_diagonal_mean(kernels[1][np.ix_(j, j)])
            - 2 * kernels[2][np.ix_(i, j)].mean()
        )
    return Spread.over(found)


def _kernel(a: Array, b: Array) -> Array:
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    return (a @ b.T / a.shape[1] + 1.0) ** 3


def _off_diagonal_mean(kernel: Array) -> float:
    n = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (n * (n - 1)))


def diversity(features: Array) -> float:
    """Mean distance between pairs of features (N, D), N at least 2."""
    rows = np.asarray(features, dtype=np.float64)
    distance = np.linalg.norm(rows[:, None] - rows, axis=-1)
    return float(distance.sum() / (len(rows) * (len(rows) - 1)))
