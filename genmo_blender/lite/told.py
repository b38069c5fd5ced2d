"""What a request tells the network frame by frame: where the character stands, keys, music."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..model.direction import told_frames
from ..model.keys import as_told, key_frames
from ..model.music import heard
from ..protocol.requests import GenerateRequest
from ..sound.wav import read_wave
from .checkpoint import Checkpoint
from .codec import Statistics
from .conditions import ConditionEmbedder, ConditionInputs
from .imposing import Imposing
from .keys import KeyedMotion, keyed_motion
from .layers import Array
from .root_goals import start_goals, within_window
from .sampler import SamplerInputs


@dataclass(frozen=True, eq=False)
class Told:
    """``inputs`` and ``keys`` of one sample; ``keys`` None without keys."""

    inputs: ConditionInputs
    keys: KeyedMotion | None
    statistics: Statistics

    def sampler_inputs(self, conditions: ConditionEmbedder, frames: int, takes: int) -> SamplerInputs:
        """For so many takes of ``frames``, without text."""

        def all_takes(x: Array) -> Array:
            return np.broadcast_to(x, (takes, *x.shape[-2:]))

        f_uncond = None
        if self.inputs.encoded_music is not None:
            f_uncond = all_takes(conditions.f_cond(self.inputs, 1, frames, silent=True))
        f_cond = all_takes(conditions.f_cond(self.inputs, 1, frames))
        told = SamplerInputs(f_cond, None, np.full(takes, frames), f_uncond)
        if self.keys is None:
            return told
        between = all_takes(self.keys.between) if conditions.between is not None else None
        return replace(
            told,
            observed=all_takes(self.keys.observed),
            observed_mask=all_takes(self.keys.mask),
            between=between,
            impose=Imposing(self.keys, self.statistics),
        )


def told_of(checkpoint: Checkpoint, request: GenerateRequest, frames: int) -> Told:
    """All of a request but its texts, on ``frames`` whole tokens. Raises RequestFailure or StorageFailure for music
    that cannot be heard."""
    config, statistics = checkpoint.record.network, Statistics(checkpoint.mean, checkpoint.std)
    goals = start_goals(frames, config.window) if config.root_goal else None
    world, keys = told_frames(request, key_frames(request)), None
    if request.keys is None and not config.root_goal:
        world = None  # a network without ears for roots: the pass after it alone leads the motion
    inputs = ConditionInputs(root_goal=None if goals is None else goals[None])
    if world is not None:
        keys = keyed_motion(as_told(world, frames), statistics)
        goals = within_window(keys.goals, config.window)
        between = keys.between[None] if config.between else None
        inputs = ConditionInputs(key_mask=keys.mask[None], root_goal=goals[None], between=between)
    if request.music:
        features, present = heard(request, frames, read_wave, raw=checkpoint.record.official)
        inputs = replace(inputs, encoded_music=features[None], has_music=present[None])
    return Told(inputs, keys, statistics)
