"""Single steps of the diffusion process on tensors (spec 5.0, 5.2); the tables are those of `model.schedule`."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from ...model.schedule import TRAINING_STEPS, NoiseSchedule, Table, kept_timesteps

__all__ = ["TRAINING_STEPS", "DiffusionSchedule", "kept_timesteps"]


class DiffusionSchedule(NoiseSchedule):
    """A chain of N steps that noises motion and takes noise away."""

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
        sigma = self.ddim_sigma(eta)
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
