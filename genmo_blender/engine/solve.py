"""Conditions in, motion out, without a request: for evaluation; a request's own road is `pipeline.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..motion import rotations as rot
from .conditions.keys import KeyedMotion
from .conditions.root_goals import start_goals, within_window
from .diffusion.imposing import Imposing
from .diffusion.sampler import SamplerInputs, TakeNoise, regress, sample
from .models import Model
from .network.conditions import ConditionInputs
from .network.heads import NetworkOutput
from .precision import half_products
from .representation.codec import Statistics, decode_rotations
from .representation.rotations import matrix_to_quaternion

Array = np.ndarray


@dataclass(frozen=True)
class WorldMotion:
    """B motions, y up: local ``rotations`` (B, L, 22, 4) unit quaternions, w first; ``path`` (B, L, 3) metres from
    where the pelvis is at first; ``contacts`` (B, L, 6) 0..1; ``betas`` (B, 10)."""

    rotations: Array
    path: Array
    contacts: Array
    betas: Array


def whole_tokens(model: Model, frames: int) -> int:
    """Frames filled up to whole tokens: a token of one frame has never been trained on."""
    per_token = model.record.network.frames_per_token
    return -(-frames // per_token) * per_token


def standing_start(model: Model, frames: int) -> Tensor | None:
    """Goals (1, frames, 14) that say that the person faces straight ahead at the first frame, for as long as training
    windows are; None where the network knows no goals."""
    config = model.network.config
    if not config.root_goal:
        return None
    goals = start_goals(torch.zeros(1), torch.ones(1, dtype=torch.bool), frames)
    return within_window(goals, config.window).to(model.device)


@torch.inference_mode()
def solve(
    model: Model,
    inputs: ConditionInputs,
    frames: int,
    seeds: Sequence[int],
    *,
    steps: int,
    guidance: float,
    keys: KeyedMotion | None = None,
) -> NetworkOutput:
    """A motion of ``frames`` whole tokens for each seed, from ``inputs`` of one sample or of one for each seed.

    Sound is guided by ``guidance``; ``keys`` are imposed at every step and have to be announced in ``inputs`` too. Keys
    alone are estimated in one pass, as the pipeline does (`GenerateRequest.keys_alone`).
    """
    count, device = len(seeds), model.device
    with half_products(device, model.half):
        heard = inputs.encoded_music is not None
        conditions = model.network.conditions
        f_uncond = None
        if heard:
            sums = conditions.sums(inputs, count, frames)
            f_cond, f_uncond = sums.f_cond, sums.f_uncond
        else:
            f_cond = conditions.f_cond(inputs, count, frames)
        told = SamplerInputs(
            f_cond,
            None,
            torch.full((count,), frames, device=device),
            f_uncond,
            None if keys is None else keys.observed,
            None if keys is None else keys.mask,
            None if keys is None else keys.between,
            None if keys is None else imposing(keys, model.statistics),
        )
        if keys is not None and not heard and model.network.config.between:
            return regress(model.network.denoiser, told)
        noise = TakeNoise(seeds, frames, device)
        scales = model.guidance(guidance)
        return sample(model.network.denoiser, told, noise, scales, steps=steps, by_noise=model.record.steps_by_noise)


def imposing(keys: KeyedMotion, statistics: Statistics) -> Imposing:
    """What makes answers meet the keys."""
    return Imposing(keys.observed, keys.mask, keys.roots, keys.place, statistics, keys.standing)


def world_motion(model: Model, output: NetworkOutput) -> WorldMotion:
    """Decode an answer and roll out its steps. The camera of a text range does not move, so its gravity-view frame is
    the world (spec 4.8)."""
    parts = decode_rotations(output.pred_x.float(), model.statistics)
    root = model.upright @ parts.root_gv
    q = matrix_to_quaternion(torch.cat([root[..., None, :, :], parts.body], dim=-3))
    step = (root @ parts.local_transl_vel[..., None]).squeeze(-1)
    path = torch.cumsum(step, dim=1) - step
    contacts = torch.sigmoid(output.static_conf_logits.float())
    arrays = [_numpy(x) for x in (q, path, contacts, parts.betas.mean(dim=1))]
    return WorldMotion(np.stack([rot.continuous(x) for x in arrays[0]]), *arrays[1:])


def _numpy(x: Tensor) -> Array:
    return x.detach().cpu().double().numpy()
