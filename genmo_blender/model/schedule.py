"""The cosine noise schedule and its respacing (spec 5.0): tables in float64. Steps are taken by who has tensors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

Table = np.ndarray[Any, Any]

TRAINING_STEPS = 1000
MAX_BETA = 0.999
NOISIEST, CLEANEST = 996, 50
"""Where `NoiseSchedule.by_noise` begins and ends. Nearer to pure noise steps change nothing, and less noise than at the
end decides nothing any more (docs/developers/evaluation.md, "Steps")."""
SPACING = 7.0
"""Its power of the noise, Karras et al.'s rho."""


def kept_timesteps(total: int, respacing: str) -> list[int]:
    """Which of `total` steps a respacing keeps, ascending.

    "50" spreads 50 steps over the whole range; "20,10,5" cuts the range into three sections with 20, 10 and 5 steps;
    "ddim25" takes the whole-number stride that gives 25. Raises ValueError where that cannot be done.
    """
    if respacing.startswith("ddim"):
        count = int(respacing.removeprefix("ddim"))
        strided = [range(0, total, stride) for stride in range(1, total) if len(range(0, total, stride)) == count]
        if not strided:
            raise ValueError(f"No whole stride makes {count} of {total} steps.")
        return list(strided[0])
    counts = [int(part) for part in respacing.split(",")]
    kept: list[int] = []
    start = 0
    for i, count in enumerate(counts):
        size = total // len(counts) + (i < total % len(counts))
        if not 1 <= count <= size:
            raise ValueError(f"A section of {size} steps cannot give {count}.")
        stride = (size - 1) / (count - 1) if count > 1 else 1.0
        position = 0.0
        for _ in range(count):
            kept.append(start + round(position))
            position += stride  # accumulated in floating point, as in the release: other sums round differently
        start += size
    return kept


@dataclass(frozen=True, eq=False)
class NoiseSchedule:
    """A chain of N steps. `betas` (N,) are its noise increments, `timestep_map` (N,) the original timesteps 0..999 that
    the network is told."""

    betas: Table
    timestep_map: np.ndarray[Any, np.dtype[np.int64]]

    @classmethod
    def cosine(cls, steps: int = TRAINING_STEPS) -> Self:
        """beta_i = min(1 - abar((i+1)/T) / abar(i/T), 0.999), abar(s) = cos^2((s + 0.008) / 1.008 * pi / 2)."""
        abar = np.cos((np.arange(steps + 1) / steps + 0.008) / 1.008 * np.pi / 2) ** 2
        return cls(np.minimum(1.0 - abar[1:] / abar[:-1], MAX_BETA), np.arange(steps))

    def respaced(self, respacing: str) -> Self:
        """The chain over the steps that a respacing keeps (`kept_timesteps`)."""
        return self._at(np.array(kept_timesteps(len(self.betas), respacing)))

    @classmethod
    def sampling(cls, steps: int, by_noise: bool) -> Self:
        """The chain of so many steps that a sampler walks: those of `by_noise`, or even in time as the release's."""
        full = cls.cosine()
        return full.by_noise(steps) if by_noise else full.respaced(str(steps))

    def by_noise(self, steps: int) -> Self:
        """A chain of so many of this chain's 1000 steps, even in a root of the noise beside the signal (Karras et al.
        2022, eq. 5).

        Even in time, as the release's, half of fifteen steps fall where the motion is decided already, and the first
        goes past half of what decides it. More steps than lie between the two ends are spread evenly in time. Raises
        ValueError for fewer than 1 or more than there are.
        """
        most = NOISIEST - CLEANEST + 1
        if steps < 1 or steps > most:
            return self.respaced(str(steps))
        level = (1.0 / self.alphas_cumprod - 1.0) ** (0.5 / SPACING)
        wanted = np.linspace(level[NOISIEST], level[CLEANEST], steps)
        kept = np.abs(level - wanted[:, None]).argmin(axis=1)
        # noise grows fast at the noisy end: where two steps would be one, the later one goes on below
        lowest = np.arange(steps)
        kept = np.minimum.accumulate(kept + lowest) - lowest
        kept = np.maximum(kept, CLEANEST + lowest[::-1])
        return self._at(kept[::-1])

    def _at(self, kept: np.ndarray[Any, np.dtype[np.int64]]) -> Self:
        """The chain over some steps alone, ascending; its alphas_cumprod are this chain's at those steps."""
        abar = self.alphas_cumprod[kept]
        return type(self)(1.0 - abar / np.append(1.0, abar[:-1]), self.timestep_map[kept])

    def __len__(self) -> int:
        return len(self.betas)

    @cached_property
    def alphas_cumprod(self) -> Table:
        """Share of the clean signal's variance after each step, alphabar."""
        table: Table = np.cumprod(1.0 - self.betas)
        return table

    @cached_property
    def alphas_cumprod_prev(self) -> Table:
        """alphabar one step earlier; 1 before the first."""
        return np.append(1.0, self.alphas_cumprod[:-1])

    @cached_property
    def posterior_variance(self) -> Table:
        """Variance of q(x_{t-1} | x_t, x_0)."""
        return self.betas * (1.0 - self.alphas_cumprod_prev) / (1.0 - self.alphas_cumprod)

    @cached_property
    def posterior_log_variance_clipped(self) -> Table:
        """Its logarithm; the first entry, minus infinity, is replaced by the second."""
        return np.log(np.append(self.posterior_variance[1], self.posterior_variance[1:]))

    @cached_property
    def posterior_mean_coefficients(self) -> tuple[Table, Table]:
        """Weights of x_0 and x_t in the mean of q(x_{t-1} | x_t, x_0)."""
        rest = 1.0 - self.alphas_cumprod
        clean = self.betas * np.sqrt(self.alphas_cumprod_prev) / rest
        noised = (1.0 - self.alphas_cumprod_prev) * np.sqrt(1.0 - self.betas) / rest
        return clean, noised

    def ddim_sigma(self, eta: float) -> Table:
        """Spread of the noise that each DDIM step adds (spec 5.2)."""
        abar, before = self.alphas_cumprod, self.alphas_cumprod_prev
        sigma: Table = eta * np.sqrt((1.0 - before) / (1.0 - abar)) * np.sqrt(1.0 - abar / before)
        return sigma
