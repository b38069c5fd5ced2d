"""From noise to motion: guided DDIM, and the single regression pass (spec 5.2, 5.3).

Both branches of guidance go through the network as one batch, and where there is nothing to guide only one is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from ...model.config import BETAS, MOTION_DIM
from ...protocol.cancellation import CancelCheck, raise_if_cancelled
from ..network.denoiser import Denoiser, NetworkOutput, Prepared, TextContext
from .imposing import Imposed
from .schedule import DiffusionSchedule

Progress = Callable[[int, int], None]
LAST_TIMESTEP = 999  # what the network is told in the regression pass


@dataclass(frozen=True)
class Guidance:
    """Scales of out = u + scale (c - u), one an output: motion without betas, betas, camera, contacts, context."""

    motion: float
    betas: float
    camera: float
    contacts: float
    context: float

    @classmethod
    def everything(cls, scale: float) -> Guidance:
        """The release's rule: one scale on every output."""
        return cls(scale, scale, scale, scale, scale)

    @classmethod
    def pose(cls, scale: float) -> Guidance:
        """Ours: shape, camera and contacts are those of the conditional branch."""
        return cls(scale, 1.0, 1.0, 1.0, 1.0)

    @property
    def idle(self) -> bool:
        """Whether the unconditional branch would have no effect."""
        return self == Guidance.everything(1.0)

    def combine(self, c: NetworkOutput, u: NetworkOutput) -> NetworkOutput:
        """The guided output."""
        scale = c.pred_x.new_full((MOTION_DIM,), self.motion)
        scale[BETAS] = self.betas
        return NetworkOutput(
            torch.lerp(u.pred_x, c.pred_x, scale),
            torch.lerp(u.pred_cam, c.pred_cam, self.camera),
            torch.lerp(u.static_conf_logits, c.static_conf_logits, self.contacts),
            torch.lerp(u.pred_context, c.pred_context, self.context),
        )


@dataclass(frozen=True)
class SamplerInputs:
    """What a job gives the sampler; B takes or samples of L frames.

    `f_cond` (B, L, D); `f_uncond` the sum without music and speech, None where there are none (it would equal
    `f_cond`); `text` None for no text; `length` (B,) valid frames; `observed` and `observed_mask` (B, L, 151) impose
    motion, `between` (B, L, 198) is what interpolation between keys says, `impose` makes every answer meet the keys.
    """

    f_cond: Tensor
    text: TextContext | None
    length: Tensor
    f_uncond: Tensor | None = None
    observed: Tensor | None = None
    observed_mask: Tensor | None = None
    between: Tensor | None = None
    impose: Imposed | None = None

    @property
    def has_words(self) -> bool:
        """Whether any frame attends to a text that is not the null text."""
        return self.text is not None and bool(self.text.features.any()) and bool(self.text.weights.any())


class NoiseSource(Protocol):
    """Where the sampler gets its noise: the start first, then one draw a step where it needs them."""

    def draw(self) -> Tensor:
        """(B, L, 151) standard normal."""
        ...


class TakeNoise:
    """Noise of a batch of takes: each take has a generator of its own, on the CPU, made from its seed.

    So a take is the same whichever other takes are drawn beside it and whatever device computes it.
    """

    def __init__(self, seeds: Sequence[int], frames: int, device: torch.device | str = "cpu") -> None:
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.frames, self.device = frames, device

    def draw(self) -> Tensor:
        """(B, L, 151) standard normal."""
        rows = [
            torch.randn(self.frames, MOTION_DIM, generator=generator, device=generator.device)
            for generator in self.generators
        ]
        return torch.stack(rows).to(self.device)


class GuidedNetwork:
    """The denoiser with everything of a job that does not depend on the step (spec 5.2)."""

    def __init__(self, denoiser: Denoiser, inputs: SamplerInputs, guidance: Guidance) -> None:
        guided = not guidance.idle and (inputs.f_uncond is not None or inputs.has_words)
        self.denoiser, self.guidance = denoiser, guidance if guided else None
        self.prepared = _prepare_both(denoiser, inputs) if guided else _prepare(denoiser, inputs)
        self.impose = inputs.impose
        self.observed = self._for_branches(inputs.observed)
        self.observed_mask = self._for_branches(inputs.observed_mask)

    def _for_branches(self, x: Tensor | None) -> Tensor | None:
        return x if x is None or self.guidance is None else torch.cat([x, x])

    def __call__(self, x_t: Tensor, t: Tensor, cancelled: CancelCheck | None = None) -> NetworkOutput:
        """Guided prediction for x_t (B, L, 151) at original timesteps t (B,). Raises `Cancelled` between blocks."""
        output = self._guided(x_t, t, cancelled)
        return output if self.impose is None else replace(output, pred_x=self.impose(output.pred_x))

    def _guided(self, x_t: Tensor, t: Tensor, cancelled: CancelCheck | None) -> NetworkOutput:
        if self.guidance is None:
            return self.denoiser(x_t, t, self.prepared, self.observed, self.observed_mask, cancelled)
        both = self.denoiser(
            torch.cat([x_t, x_t]), torch.cat([t, t]), self.prepared, self.observed, self.observed_mask, cancelled
        )
        half = len(x_t)
        outputs = (both.pred_x, both.pred_cam, both.static_conf_logits, both.pred_context)
        return self.guidance.combine(
            NetworkOutput(*(o[:half] for o in outputs)), NetworkOutput(*(o[half:] for o in outputs))
        )


def _prepare(denoiser: Denoiser, inputs: SamplerInputs) -> Prepared:
    return denoiser.prepare(inputs.f_cond, inputs.text, inputs.length, between=inputs.between)


def _prepare_both(denoiser: Denoiser, inputs: SamplerInputs) -> Prepared:
    """Conditional samples first, then the same ones without words and sound."""
    f_uncond = inputs.f_cond if inputs.f_uncond is None else inputs.f_uncond
    text = inputs.text
    if text is not None:
        blank = text.without_words()
        missing = text.features.shape[1] - 1
        features = functional.pad(blank.features, (0, 0, 0, 0, 0, missing))
        weights = functional.pad(blank.weights, (0, 0, 0, missing))
        text = TextContext(torch.cat([text.features, features]), torch.cat([text.weights, weights]))
    between = None if inputs.between is None else torch.cat([inputs.between, inputs.between])
    length = torch.cat([inputs.length, inputs.length])
    return denoiser.prepare(torch.cat([inputs.f_cond, f_uncond]), text, length, between=between)


def ddim_steps(
    network: GuidedNetwork,
    chain: DiffusionSchedule,
    noise: Tensor,
    eta: float = 0.0,
    draw: Callable[[], Tensor] | None = None,
    cancelled: CancelCheck | None = None,
) -> Iterator[tuple[Tensor, NetworkOutput]]:
    """Walk a chain from its last step to its first; yields after each step the new state and the guided output.

    `noise` (B, L, 151) is the start; `draw` gives the noise of each step for eta > 0.
    """
    x = noise
    for k in reversed(range(len(chain))):
        raise_if_cancelled(cancelled)
        index = torch.full((len(x),), k, device=x.device)
        t = torch.full_like(index, int(chain.timestep_map[k]))
        output = network(x, t, cancelled)
        x = chain.ddim_step(x, output.pred_x, index, eta, None if draw is None else draw())
        yield x, output


@torch.no_grad()
def sample(
    denoiser: Denoiser,
    inputs: SamplerInputs,
    noise: NoiseSource,
    guidance: Guidance,
    steps: int = 50,
    eta: float = 0.0,
    unused_noise_draw: bool = False,
    by_noise: bool = False,
    progress: Progress | None = None,
    cancelled: CancelCheck | None = None,
) -> NetworkOutput:
    """Generate by DDIM, a take for each row of `noise`; `pred_x` is the normalised motion, (B, L, 151).

    `progress(done, of)` is called after each step; `cancelled()` is asked between blocks. `unused_noise_draw` is the
    quirk of that name: noise is drawn at every step even where eta is 0. ``by_noise``: the steps are those of
    `NoiseSchedule.by_noise`, not even in time as the release's. Raises `Cancelled`.
    """
    chain = DiffusionSchedule.sampling(steps, by_noise)
    draw = noise.draw if eta > 0.0 or unused_noise_draw else None
    network = GuidedNetwork(denoiser, inputs, guidance)
    output: NetworkOutput | None = None
    for done, (_, output) in enumerate(ddim_steps(network, chain, noise.draw(), eta, draw, cancelled), start=1):  # noqa: B007
        if progress is not None:
            progress(done, len(chain))
    assert output is not None
    return output  # after the last step the state is the prediction itself


@torch.no_grad()
def regress(denoiser: Denoiser, inputs: SamplerInputs, cancelled: CancelCheck | None = None) -> NetworkOutput:
    """The single un-guided pass of estimation: zero motion at t = 999 (spec 5.3)."""
    network = GuidedNetwork(denoiser, inputs, Guidance.everything(1.0))
    batch, frames = inputs.f_cond.shape[:2]
    t = torch.full((batch,), LAST_TIMESTEP, device=inputs.f_cond.device)
    return network(inputs.f_cond.new_zeros(batch, frames, MOTION_DIM), t, cancelled)
