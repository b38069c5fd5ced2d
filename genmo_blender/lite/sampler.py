"""From noise to motion: guided DDIM, and the single regression pass (spec 5.2, 5.3).

Both branches of guidance go through the network as one batch, and where there is nothing to guide only one is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..model.config import BETAS
from ..model.schedule import NoiseSchedule
from ..protocol.cancellation import CancelCheck, raise_if_cancelled
from .denoiser import Denoiser, Prepared
from .heads import NetworkOutput
from .imposing import Imposed
from .layers import Array
from .text_attention import TextContext

Progress = Callable[[int, int], None]
LAST_TIMESTEP = 999  # what the network is told in the regression pass


@dataclass(frozen=True)
class Guidance:
    """Scales of out = u + scale (c - u): of the motion without betas, and of all other outputs."""

    motion: float
    others: float

    @classmethod
    def everything(cls, scale: float) -> Guidance:
        """The release's rule: one scale on every output."""
        return cls(scale, scale)

    @classmethod
    def pose(cls, scale: float) -> Guidance:
        """Ours: shape, camera and contacts are those of the conditional branch."""
        return cls(scale, 1.0)

    def combine(self, both: NetworkOutput) -> NetworkOutput:
        """The guided output from conditional samples and, behind them, the same ones unconditional."""
        scale = np.full(both.pred_x.shape[-1], self.motion, dtype=np.float32)
        scale[BETAS] = self.others
        others = np.float32(self.others)
        return NetworkOutput(
            _toward(both.pred_x, scale),
            _toward(both.pred_cam, others),
            _toward(both.static_conf_logits, others),
            _toward(both.pred_context, others),
        )


def _toward(both: Array, scale: Array | np.float32) -> Array:
    c, u = np.split(both, 2)
    return u + scale * (c - u)


@dataclass(frozen=True, eq=False)
class SamplerInputs:
    """What a job gives the sampler; B takes of L frames.

    `f_cond` (B, L, D); `f_uncond` the sum without music, None where there is none (it would equal `f_cond`); `text`
    None for no text; `length` (B,) valid frames; `observed` and `observed_mask` (B, L, 151) impose motion; `between`
    (B, L, 198) is what interpolation between keys says, `impose` makes every answer meet the keys.
    """

    f_cond: Array
    text: TextContext | None
    length: Array
    f_uncond: Array | None = None
    observed: Array | None = None
    observed_mask: Array | None = None
    between: Array | None = None
    impose: Imposed | None = None

    @property
    def has_words(self) -> bool:
        """Whether any frame attends to a text that is not the null text."""
        return self.text is not None and bool(self.text.features.any()) and bool(self.text.weights.any())


class GuidedNetwork:
    """The denoiser with everything of a job that does not depend on the step (spec 5.2)."""

    def __init__(self, denoiser: Denoiser, inputs: SamplerInputs, guidance: Guidance) -> None:
        idle = guidance == Guidance.everything(1.0)
        guided = not idle and (inputs.f_uncond is not None or inputs.has_words)
        self._denoiser, self._guidance = denoiser, guidance if guided else None
        self._prepared = _prepare_both(denoiser, inputs) if guided else _prepare(denoiser, inputs)
        self._impose = inputs.impose
        self._observed = self._for_branches(inputs.observed)
        self._observed_mask = self._for_branches(inputs.observed_mask)

    def _for_branches(self, x: Array | None) -> Array | None:
        return x if x is None or self._guidance is None else np.concatenate([x, x])

    def __call__(self, x_t: Array, t: Array, cancelled: CancelCheck | None = None) -> NetworkOutput:
        """Guided prediction for x_t (B, L, 151) at original timesteps t (B,). Raises `Cancelled` between blocks."""
        output = self._guided(x_t, t, cancelled)
        return output if self._impose is None else replace(output, pred_x=self._impose(output.pred_x))

    def _guided(self, x_t: Array, t: Array, cancelled: CancelCheck | None) -> NetworkOutput:
        imposed = self._observed, self._observed_mask
        if self._guidance is None:
            return self._denoiser(x_t, t, self._prepared, *imposed, cancelled)
        both = np.concatenate([x_t, x_t]), np.concatenate([t, t])
        return self._guidance.combine(self._denoiser(*both, self._prepared, *imposed, cancelled))


def _prepare(denoiser: Denoiser, inputs: SamplerInputs) -> Prepared:
    return denoiser.prepare(inputs.f_cond, inputs.text, inputs.length, between=inputs.between)


def _prepare_both(denoiser: Denoiser, inputs: SamplerInputs) -> Prepared:
    """Conditional samples first, then the same ones without words and sound."""
    f_uncond = inputs.f_cond if inputs.f_uncond is None else inputs.f_uncond
    text = inputs.text
    if text is not None:
        blank = text.without_words()
        missing = text.features.shape[1] - 1
        features = np.pad(blank.features, ((0, 0), (0, missing), (0, 0), (0, 0)))
        weights = np.pad(blank.weights, ((0, 0), (0, missing), (0, 0)))
        text = TextContext(np.concatenate([text.features, features]), np.concatenate([text.weights, weights]))
    lengths = np.concatenate([inputs.length, inputs.length])
    between = None if inputs.between is None else np.concatenate([inputs.between, inputs.between])
    return denoiser.prepare(np.concatenate([inputs.f_cond, f_uncond]), text, lengths, between=between)


def ddim_step(
    chain: NoiseSchedule, x_t: Array, x0: Array, k: int, eta: float = 0.0, noise: Array | None = None
) -> Array:
    """One DDIM step from x_t (B, L, C) with the predicted x_0, from step k of the chain to the one before.

    eta 0 is deterministic; otherwise `noise` (B, L, C) is added with the variance that eta asks for.
    """
    abar, before, sigma = chain.alphas_cumprod[k], chain.alphas_cumprod_prev[k], chain.ddim_sigma(eta)[k]
    epsilon = np.float32(np.sqrt(1.0 / abar)) * x_t
    epsilon -= x0
    epsilon /= np.float32(np.sqrt(1.0 / abar - 1.0))
    epsilon *= np.float32(np.sqrt(1.0 - before - sigma**2))
    epsilon += np.float32(np.sqrt(before)) * x0
    if noise is not None and eta > 0.0:
        epsilon += np.float32(sigma) * noise
    return epsilon


def ddim_steps(
    network: GuidedNetwork,
    chain: NoiseSchedule,
    noise: Array,
    eta: float = 0.0,
    draw: Callable[[], Array] | None = None,
    cancelled: CancelCheck | None = None,
) -> Iterator[tuple[Array, NetworkOutput]]:
    """Walk a chain from its last step to its first; yields after each step the new state and the guided output.

    `noise` (B, L, 151) is the start; `draw` gives the noise of each step for eta > 0.
    """
    x = noise
    for k in reversed(range(len(chain))):
        raise_if_cancelled(cancelled)
        output = network(x, np.full(len(x), chain.timestep_map[k]), cancelled)
        x = ddim_step(chain, x, output.pred_x, k, eta, None if draw is None else draw())
        yield x, output


def sample(
    denoiser: Denoiser,
    inputs: SamplerInputs,
    noise: Array,
    guidance: Guidance,
    steps: int,
    by_noise: bool = False,
    progress: Progress | None = None,
    cancelled: CancelCheck | None = None,
) -> NetworkOutput:
    """Generate by deterministic DDIM, a take for each row of `noise` (B, L, 151); `pred_x` is the normalised motion.

    `progress(done, of)` is called after each step; `cancelled()` is asked between blocks. ``by_noise``: the steps are
    those of `NoiseSchedule.by_noise`, not even in time as the release's. Raises `Cancelled`.
    """
    chain = NoiseSchedule.sampling(steps, by_noise)
    output: NetworkOutput | None = None
    walk = ddim_steps(GuidedNetwork(denoiser, inputs, guidance), chain, noise, cancelled=cancelled)
    for done, (_, output) in enumerate(walk, start=1):  # noqa: B007
        if progress is not None:
            progress(done, len(chain))
    assert output is not None
    return output  # after the last step the state is the prediction itself


def regress(denoiser: Denoiser, inputs: SamplerInputs, cancelled: CancelCheck | None = None) -> NetworkOutput:
    """The single un-guided pass of estimation: zero motion at t = 999 (spec 5.3)."""
    network = GuidedNetwork(denoiser, inputs, Guidance.everything(1.0))
    batch, frames = inputs.f_cond.shape[:2]
    zero = np.zeros((batch, frames, denoiser.config.motion_dim), dtype=np.float32)
    return network(zero, np.full(batch, LAST_TIMESTEP), cancelled)
