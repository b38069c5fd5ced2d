"""What a request tells the network frame by frame: where the character stands, keys, music."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from ..model.direction import told_frames
from ..model.keys import as_told, key_frames
from ..model.music import heard
from ..protocol.requests import GenerateRequest
from .conditions.keys import KeyedMotion, keyed_motion
from .conditions.root_goals import within_window
from .conditions.sound_file import read_sound
from .diffusion.imposing import Imposing
from .diffusion.sampler import SamplerInputs
from .models import Model
from .network.conditions import ConditionInputs
from .representation.rotations import quaternion_to_matrix
from .solve import imposing, standing_start


@dataclass(frozen=True, eq=False)
class Told:
    """``inputs`` of one sample; ``keys`` of one sample, None without keys."""

    inputs: ConditionInputs
    keys: KeyedMotion | None

    def sampler_inputs(self, model: Model, frames: int, takes: int) -> SamplerInputs:
        """For so many takes of ``frames``, without text."""
        conditions, f_uncond = model.network.conditions, None
        if self.inputs.encoded_music is None:
            f_cond = conditions.f_cond(self.inputs, 1, frames)
        else:
            sums = conditions.sums(self.inputs, 1, frames)
            f_cond, f_uncond = sums.f_cond, sums.f_uncond.expand(takes, frames, -1)
        length = torch.full((takes,), frames, device=model.device)
        told = SamplerInputs(f_cond.expand(takes, frames, -1), None, length, f_uncond)
        if self.keys is None:
            return told
        keys = self.keys.of(takes)
        between = keys.between if model.network.config.between else None
        impose: Imposing = imposing(keys, model.statistics)
        return replace(told, observed=keys.observed, observed_mask=keys.mask, between=between, impose=impose)


def told_of(model: Model, request: GenerateRequest, frames: int) -> Told:
    """All of a request but its texts, on ``frames`` whole tokens. Raises RequestFailure or StorageFailure for music
    that cannot be heard."""
    keys = _keys(model, request, frames)
    inputs = ConditionInputs(root_goal=standing_start(model, frames))
    if keys is not None:
        goals = within_window(keys.goals, model.network.config.window)
        between = keys.between if model.network.config.between else None
        inputs = ConditionInputs(key_mask=keys.mask.to(keys.observed.dtype), root_goal=goals, between=between)
    if request.music:
        features, present = heard(request, frames, read_sound, raw=model.record.official)
        inputs = replace(
            inputs,
            encoded_music=torch.from_numpy(features)[None].to(model.device),
            has_music=torch.from_numpy(present)[None].to(model.device),
        )
    return Told(inputs, keys)


def _keys(model: Model, request: GenerateRequest, frames: int) -> KeyedMotion | None:
    world = told_frames(request, key_frames(request))
    if world is None or (request.keys is None and not model.network.config.root_goal):
        return None
    told = as_told(world, frames)
    rotations, path, known = (torch.from_numpy(x)[None] for x in (told.rotations, told.path, told.known))
    standing = torch.from_numpy(told.placed & ~told.roots)[None].to(model.device)
    facing = torch.from_numpy(told.told_headings)[None].to(model.device)
    return keyed_motion(
        quaternion_to_matrix(rotations).float().to(model.device),
        path.float().to(model.device),
        known.to(model.device),
        model.statistics,
        standing,
        facing,
    )
