"""A take onto the frames of the scene: through the animator's keys, and by how much."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import bpy
import numpy as np

from ...motion import rotations as rot
from ...motion.contacts import Bars, detect
from ...motion.fitting import Poses, fitted
from ...motion.resampling import resample
from ...motion.rotations import Array
from ...motion.skeleton import BODY_JOINTS, canonical
from ...protocol.motions import Take
from .. import character, keying, posing, reading, sentences
from . import added, contact_bars, spacing

EVERYWHERE = 0.6
"""From this part of the frames on, the animator's own keys leave hardly anything to be made."""


@dataclass(frozen=True)
class Placement:
    """Where and how a result is written: scene frames ``first`` .. ``last`` at ``fps``; ``recipe`` is common to all
    takes; ``prompts`` name them."""

    first: int
    last: int
    fps: float
    prompts: tuple[str, ...]
    recipe: dict[str, Any]
    begins: int | None = None
    """The frame of the motion's first one, where that is before ``first``."""
    bones: tuple[str, ...] = ()
    """Which bones are written; none named: all."""
    amount: float = 1.0
    """0 writes what the character's own curves do, 1 the motion."""
    keep_keys: bool = True
    moves: tuple[spacing.Move, ...] | None = None
    """Keys of the animator's that stand at another time in the take."""


def key_take(
    target: bpy.types.Object,
    own: character.OwnState,
    action: bpy.types.Action,
    take: Take,
    motion_fps: float,
    placement: Placement,
) -> list[str]:
    """Key a take into its action, a copy of the animator's own one. Returns sentences on what was kept."""
    names = canonical(take.rotations.shape[1]).names
    first, last, fps = placement.first, placement.last, placement.fps
    animators, moved = own, []
    if placement.moves:
        own = replace(own, action=action, slot=action.slots[0].identifier)
        moved = spacing.move_keys(action, own.slot, placement.moves, first, last)
    keys = posing.own_keys(own.action, own.slot, first, last, eulers=own.pose.eulers)
    if not placement.keep_keys:
        keys = posing.without(keys)
    frames = np.arange(first, last + 1)
    begins = first if placement.begins is None else placement.begins
    rotations, path = resample(take.rotations, take.transl, motion_fps, (frames - begins) / fps)
    rotations, fingers = rotations[:, :BODY_JOINTS], rotations[:, BODY_JOINTS:]
    if placement.amount < 1.0:
        rotations, path = _mixed(reading.motion_at(target, own, frames), rotations, path, placement.amount)
    rotations, path = through_keys(target, own, keys, rotations, path, first, fps)
    contacts = _contacts(take, motion_fps, rotations, path, fps, first - begins)
    rotations = np.concatenate([rotations, fingers], axis=1)
    curves = keying.pose_curves(character.rest_pose(target, names), names, rotations, path, fps, fps, first, last)
    curves = replace(curves, eulers=character.euler_orders(target, names))
    skipped, said = keying.untouchable(target, reading.curves_of(action, action.slots[0].identifier).values())
    keyed = reading.keyed_channels(names, character.euler_orders(target, names))
    if placement.bones:
        written = [names[max(j, 0)] in placement.bones for j in keyed.values()]
        skipped |= {channel for channel, wanted in zip(keyed, written, strict=True) if not wanted}
    keying.write(action, action.slots[0], curves, keys.kept, skipped)
    # It began as a copy: what was known of the old motion does not hold for this one.
    action.genmo.dense = None
    if placement.moves:  # a key that moved is no new one: Drop has it where it was
        added.count_as_known(animators, action)
    contact_bars.put(action, first, last, contacts)
    if len(keys.frames) > EVERYWHERE * len(frames):
        said.append(sentences.keys_everywhere(first, last))
    if placement.moves is not None:
        said.insert(0, sentences.spacing_moved(moved))
    return [*sentences.keys_kept(len(keys.frames), keys.elsewhere), *said]


def through_keys(
    target: bpy.types.Object,
    own: character.OwnState,
    keys: posing.OwnKeys,
    rotations: Array,
    path: Array,
    first: int,
    fps: float,
) -> tuple[Array, Array]:
    """A motion on the scene's frames, (N, 22, 4) and (N, 3), bent to meet the animator's keys (motion/fitting.py).

    The engine has met most of them; what remains are those that a request cannot hold, keys that were moved meanwhile,
    and engines that know no keys. Rotations and the path one after the other, since either may be keyed alone.
    """
    if not len(keys.frames):
        return rotations, path
    held = reading.motion_at(target, own, keys.frames)
    time = (keys.frames - first) / fps
    still = np.zeros_like(held.path)
    rotations, _ = fitted(rotations, np.zeros_like(path), fps, Poses(time, held.rotations, still, keys.turned))
    if keys.placed.any():
        at = keys.placed
        alone, mask = np.tile(rot.IDENTITY, (len(path), 1, 1)), np.ones((int(at.sum()), 1), bool)
        poses = Poses(time[at], np.tile(rot.IDENTITY, (int(at.sum()), 1, 1)), held.path[at], mask)
        _, path = fitted(alone, path, fps, poses)
    return rotations, path


def _contacts(take: Take, motion_fps: float, rotations: Array, path: Array, fps: float, lead: int) -> Bars:
    """Where the take stands, of motion on the scene's frames; its own word on contacts counts."""
    nearest = np.rint((np.arange(len(path)) + lead) * motion_fps / fps).astype(int)
    confidence = take.contacts[np.clip(nearest, 0, len(take.contacts) - 1)]
    return detect(contact_bars.joints(rotations, path), fps, confidence)


def _mixed(own: reading.Motion, rotations: Array, path: Array, amount: float) -> tuple[Array, Array]:
    return rot.slerp(own.rotations, rotations, np.full(rotations.shape[:-1], amount)), own.path + amount * (
        path - own.path
    )
