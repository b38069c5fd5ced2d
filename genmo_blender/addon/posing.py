"""What the animator has keyed in a range, and what the character does beside it -> the poses of a request.

A bone is keyed at a time where one of its rotation channels has a key of the animator's there; the pelvis also needs
one of its location's, since a request holds the root's rotation and place together. What that leaves out (a pelvis
that is turned but not placed) is met when the take is written (`services/takes.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import bpy
import numpy as np

from ..motion.rotations import Array, conjugate, multiply, to_rotation_vector
from ..protocol.keys import FASTEST, KeyedPoses
from . import character, ownership, reading
from .paths import SAME_TIME, Channel, bone_of, times_of

LEAD_SECONDS = 10 / 30
"""How much of what the character does before and after the range is told: as much as the model has learned with."""
JUMP_TURN = 1.0
"""Radians from frame to frame: more is a jump."""


@dataclass(frozen=True)
class OwnKeys:
    """The animator's keys in a range.

    ``frames`` (K,) times, ascending; ``turned`` (K, 22) bool: a rotation channel of the bone is keyed there; ``placed``
    (K,) bool: a location channel of the pelvis is; ``kept``: for each channel which keys of its curve they are;
    ``elsewhere``: names of what else is keyed in the range, which no motion moves.
    """

    frames: Array
    turned: Array
    placed: Array
    kept: Mapping[Channel, Array] = field(default_factory=dict)
    elsewhere: tuple[str, ...] = ()

    @property
    def mask(self) -> Array:
        """(K, 22) bool: what a request can hold of them."""
        out = self.turned.copy()
        out[:, 0] &= self.placed
        return out


def own_keys(
    action: bpy.types.Action | None,
    slot: str,
    first: float,
    last: float,
    selected: bool = False,
    eulers: Collection[str] = (),
) -> OwnKeys:
    """The animator's keys at frames ``first`` .. ``last`` of an action's slot; with ``selected`` the selected ones.
    ``eulers`` names bones that turn by Euler angles."""
    names = character.body_names()
    bone = reading.keyed_channels(names, eulers)
    known = ownership.written(action) if action is not None else None
    times: dict[Channel, Array] = {}
    kept: dict[Channel, Array] = {}
    elsewhere: dict[str, None] = {}
    for channel, curve in reading.curves_of(action, slot).items():
        at = times_of(curve)
        inside = (at >= first - SAME_TIME) & (at <= last + SAME_TIME)
        if not inside.any():
            continue
        if selected:
            chosen = np.empty(len(at), bool)
            curve.keyframe_points.foreach_get("select_control_point", chosen)
            inside &= chosen
        else:
            inside &= ownership.mine(action, curve, known)
        if not inside.any():
            continue
        if channel in bone:
            kept[channel] = inside
            if not curve.mute:  # a muted one stays as it is, but moves nothing
                times[channel] = at[inside]
        else:
            elsewhere.setdefault(_said(channel[0]))
    frames = _distinct(np.concatenate(list(times.values()))) if times else np.zeros(0)
    turned, placed = np.zeros((len(frames), len(names)), bool), np.zeros(len(frames), bool)
    for channel, at in times.items():
        rows = np.abs(frames[:, None] - at).argmin(axis=0)
        if bone[channel] < 0:
            placed[rows] = True
        else:
            turned[rows, bone[channel]] = True
    return OwnKeys(frames, turned, placed, kept, tuple(elsewhere))


def without(keys: OwnKeys) -> OwnKeys:
    """As if the animator had keyed nothing that a motion moves."""
    return OwnKeys(np.zeros(0), np.zeros((0, keys.turned.shape[1]), bool), np.zeros(0, bool), {}, keys.elsewhere)


def _distinct(times: Array) -> Array:
    """Ascending times of which none is nearer than `SAME_TIME` to the one before."""
    times = np.unique(times.astype(np.float64))
    return times[np.concatenate([[True], np.diff(times) > SAME_TIME])]


def _said(path: str) -> str:
    """A curve as an animator knows it: ``left_index1 scale``, ``location``."""
    return f"{bone_of(path)} {path.rpartition('.')[2].replace('_', ' ')}".strip()


@dataclass(frozen=True)
class Beside:
    """How far what the character does outside the range is told: ``lead`` frames before it and ``tail`` after it;
    ``before`` and ``after`` (22,) bool: which bones move there by curves that reach beyond the range (joint 0: rotation
    and location)."""

    lead: int = 0
    tail: int = 0
    before: Array = field(default_factory=lambda: np.zeros(0, bool))
    after: Array = field(default_factory=lambda: np.zeros(0, bool))


def beside(target: bpy.types.Object, own: character.OwnState, first: int, last: int, fps: float) -> Beside:
    """What there is to be told beside a range: of bones with a key before it, and with one after it; of all where NLA
    strips reach beyond it."""
    names = character.body_names()
    bones, placed = np.zeros((2, len(names)), bool), np.zeros(2, bool)
    curves = reading.curves_of(own.action, own.slot)
    for channel, bone in reading.keyed_channels(names, own.pose.eulers).items():
        curve = curves.get(channel)
        if curve is not None and not curve.mute and len(curve.keyframe_points):
            keys = curve.keyframe_points
            reaches = np.array([keys[0].co[0] < first - SAME_TIME, keys[-1].co[0] > last + SAME_TIME])
            if bone < 0:
                placed |= reaches
            else:
                bones[:, bone] |= reaches
    bones[:, 0] &= placed
    strips = reading.layered(target)
    bones[0] |= any(strip.frame_start < first - SAME_TIME for strip in strips)
    bones[1] |= any(strip.frame_end > last + SAME_TIME for strip in strips)
    frames = max(1, round(LEAD_SECONDS * fps))
    return Beside(frames * bool(bones[0].any()), frames * bool(bones[1].any()), bones[0], bones[1])


def poses(
    scene: bpy.types.Scene,
    target: bpy.types.Object,
    own: character.OwnState,
    keys: OwnKeys,
    around: Beside,
    first: int,
    last: int,
    fps: float,
    held: Sequence[str] = (),
) -> KeyedPoses | None:
    """The poses of a request whose time 0 is the first told frame before the range; None where nothing is known.

    ``held`` are bones that follow their own curves over the whole range.
    """
    begins = first - around.lead
    told: dict[float, Array] = {}
    for row, frame in enumerate(keys.frames):
        told[float(frame)] = keys.mask[row].copy()
    # the range's own ends too: where a curve goes on beyond them, what is made begins and ends in its pose
    _tell(told, np.arange(begins, first + 1), around.before)
    _tell(told, np.arange(last, last + around.tail + 1), around.after)
    names = character.body_names()
    if held:
        _tell(told, np.arange(first, last + 1), np.isin(names, list(held)))
    told = {frame: mask for frame, mask in told.items() if mask.any()}
    if not told:
        return None
    frames = np.array(sorted(told))
    if reading.layered(target):
        motion = reading.seen_at(scene, target, own, frames)
    else:
        motion = reading.motion_at(target, own, frames)
    mask = np.stack([told[float(frame)] for frame in frames])
    whole = _unbroken(motion, frames, first, last, fps)
    motion = reading.Motion(motion.rotations[whole], motion.path[whole])
    frames, mask, turns = frames[whole], mask[whole], to_rotation_vector(motion.rotations)
    return KeyedPoses.read(
        {
            "time": np.maximum((frames - begins) / fps, 0.0),
            "root_orient": turns[:, 0],
            "pose_body": turns[:, 1:].reshape(len(frames), -1),
            "trans": motion.path,
            "joint_mask": mask,
        }
    )


def _unbroken(motion: reading.Motion, frames: Array, first: int, last: int, fps: float) -> Array:
    """(K,) bool: all frames of the range, and those beside it up to where the motion jumps: a stepped key or the end of
    an NLA strip is no motion that anything could go on from."""
    apart = multiply(conjugate(motion.rotations[:-1]), motion.rotations[1:])
    turn = np.linalg.norm(to_rotation_vector(apart), axis=-1).max(axis=-1, initial=0.0)
    way = np.linalg.norm(np.diff(motion.path, axis=0), axis=-1)
    jumps = ((turn > JUMP_TURN) | (way * fps > FASTEST)) & (np.diff(frames) <= 1.0)
    early = np.flatnonzero(jumps & (frames[1:] <= first))
    late = np.flatnonzero(jumps & (frames[:-1] >= last))
    begin = early[-1] + 1 if len(early) else 0
    end = late[0] + 1 if len(late) else len(frames)
    row = np.arange(len(frames))
    out: Array = (row >= begin) & (row < end)
    return out


def _tell(told: dict[float, Array], frames: Array, bones: Array) -> None:
    """Add bones (22,) at whole frames to what is told there already."""
    if len(bones) and bones.any():
        for frame in frames:
            at = float(frame)
            told[at] = told[at] | bones if at in told else bones.copy()
