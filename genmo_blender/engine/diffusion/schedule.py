"""The cosine noise schedule, its respacing, and single steps of the process (spec 5.0, 5.2). Tables are float64."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

Table = np.ndarray[Any, Any]

TRAINING_STEPS = 1000
MAX_BETA = 0.999


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
class DiffusionSchedule:
    """A chain of N steps. `betas` (N,) are its noise increments, `timestep_map` (N,) the original timesteps 0..999 that
    the network is told."""

    betas: Table
    timestep_map: np.ndarray[Any, np.dtype[np.int64]]

    @classmethod
    def cosine(cls, steps: int = TRAINING_STEPS) -> DiffusionSchedule:
        """beta_i = min(1 - abar((i+1)/T) / abar(i/T), 0.999), abar(s) = cos^2((s + 0.008) / 1.008 * pi / 2)."""
        abar = np.cos((np.arange(steps + 1) / steps + 0.008) / 1.008 * np.pi / 2) ** 2
        return cls(np.minimum(1.0 - abar[1:] / abar[:-1], MAX_BETA), np.arange(steps))

    def respaced(self, respacing: str) -> DiffusionSchedule:
        """The chain over the kept steps alone; its alphas_cumprod are this chain's at those steps."""
        kept = np.array(kept_timesteps(len(self.betas), respacing))
        abar = self.alphas_cumprod[kept]
        return DiffusionSchedule(1.0 - abar / np.append(1.0, abar[:-1]), self.timestep_map[kept])

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

    def q_sample(self, x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """Noise clean motion: sqrt(abar) x_0 + sqrt(1 - abar) noise; x0 (B, L, C), t (B,) indices of this chain."""
        signal, spread = (table[t].view(-1, *[1] * (x0.dim() - 1)) for table in self._noising(x0.device, x0.dtype))
        return signal * x0 + spread * noise

    @cache  # noqa: B019 - there are two or three schedules a process; a training step must not wait for a copy
    def _noising(self, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """sqrt(abar) and sqrt(1 - abar) on a device."""
        abar = self.alphas_cumprod
        tables = (np.sqrt(abar), np.sqrt(1.0 - abar))
        signal, spread = (torch.as_tensor(table, device="cpu").to(dtype).to(device) for table in tables)
        return signal, spread

    def q_posterior_mean(self, x0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """Mean of q(x_{t-1} | x_t, x_0)."""
        clean, noised = self.posterior_mean_coefficients
        return _at(clean, t, x0) * x0 + _at(noised, t, x0) * x_t

    def ddim_step(self, x_t: Tensor, x0: Tensor, t: Tensor, eta: float = 0.0, noise: Tensor | None = None) -> Tensor:
        """One DDIM step from x_t (B, L, C) with the predicted x_0 to the step before; t (B,) indices of this chain.

        eta 0 is deterministic; otherwise `noise` (B, L, C) is added with the variance that eta asks for.
        """
        abar, before = self.alphas_cumprod, self.alphas_cumprod_prev
        sigma = eta * np.sqrt((1.0 - before) / (1.0 - abar)) * np.sqrt(1.0 - abar / before)
        epsilon = (_at(np.sqrt(1.0 / abar), t, x_t) * x_t - x0) / _at(np.sqrt(1.0 / abar - 1.0), t, x_t)
        x = _at(np.sqrt(before), t, x_t) * x0 + _at(np.sqrt(1.0 - before - sigma**2), t, x_t) * epsilon
        if noise is not None and eta > 0.0:
            x = x + _at(sigma, t, x_t) * noise  # sigma is 0 at the first step of the chain: no noise is left there
        return x


def _at(table: Table, t: Tensor, like: Tensor) -> Tensor:
    """Entries of a float64 table at t, shaped to multiply (B, L, C)."""
    # float64 stays on the CPU: some devices do not have it
    entries = torch.as_tensor(table, device="cpu").to(like.dtype).to(t.device)[t]
    return entries.view(-1, *[1] * (like.dim() - 1))
