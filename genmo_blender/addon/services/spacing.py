"""Spacing that may move: keys between the outer ones go, in the take alone, to where the model passes their poses.

The model is asked for the range without them, every second one at a time, so that each is missed between two that are
told; how near it comes to each pose, and when, says by how many frames each moves (motion/spacing.py). Then the range
is made through the keys at their new times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import bpy
import numpy as np

from ...motion.resampling import resample
from ...motion.rotations import Array, from_rotation_vector
from ...motion.spacing import apart, room, shifts
from ...protocol.failures import RequestFailure
from ...protocol.keys import KeyedPoses
from ...protocol.motions import MotionResult
from ...protocol.requests import GenerateRequest, validate
from .. import character, keying, ownership, posing, reading
from ..paths import SAME_TIME, location_path, times_of, turn_channels


@dataclass(frozen=True)
class Move:
    """The animator's keys of some data paths at the frame ``was`` stand at ``now`` in a take."""

    was: float
    now: float
    paths: tuple[str, ...]

    def to_list(self) -> list[Any]:
        """For a recipe."""
        return [self.was, self.now, list(self.paths)]

    @staticmethod
    def from_list(record: Sequence[Any]) -> Move:
        """Inverse of `to_list`. Raises ValueError or TypeError for anything else."""
        was, now, paths = record
        return Move(float(was), float(now), tuple(str(path) for path in paths))


@dataclass(frozen=True, eq=False)
class Search:
    """Where keys would like to be, while the model is being asked.

    ``request`` has all keys at their own times; its time 0 is the scene's frame ``begins``. ``times`` (N,) are all
    keyed frames of the range and its ends, ``paths`` what may move of each, ``joints`` (N, 22) what of that the request
    knows. ``costs``: for each what each of its moves costs, none before the model was asked.
    """

    request: GenerateRequest
    begins: int
    fps: float
    times: Array
    paths: tuple[tuple[str, ...], ...]
    joints: Array
    costs: tuple[Array, ...] = ()

    @property
    def room(self) -> Array:
        """(N, 2) whole frames by which each may move."""
        return room(self.times, np.asarray(self.joints.any(axis=1)))

    @property
    def left_out(self) -> Array:
        """(N,) bool: the keys that the next request leaves out; none when all have been asked for."""
        out = np.zeros(len(self.times), dtype=bool)
        free = np.flatnonzero(self.room.any(axis=1))
        unknown = [group for group in (free[::2], free[1::2]) if any(not len(self.costs[k]) for k in group)]
        if unknown:
            out[unknown[0]] = True
        return out

    def rows(self, k: int) -> Array:
        """(K,) bool: the request's poses at the time of a key."""
        keys = self.request.keys
        assert keys is not None
        at: Array = np.abs(keys.time - (self.times[k] - self.begins) / self.fps) < 1e-6
        return at


def search(
    target: bpy.types.Object,
    own: character.OwnState,
    request: GenerateRequest,
    first: int,
    last: int,
    fps: float,
    begins: int,
) -> Search | None:
    """What may move between two frames: selected keys of the animator's; None where nothing can."""
    if request.keys is None:
        return None
    law = posing.own_keys(own.action, own.slot, first, last, eulers=own.pose.eulers)
    times = np.unique(np.concatenate([[first], law.frames, [last]]).astype(np.float64))
    times = times[np.concatenate([[True], np.diff(times) > SAME_TIME])]
    paths = _selected(target, own, times)
    names = character.body_names()
    turns = [turn_channels(name, name in own.pose.eulers)[0][0] for name in names]
    joints = np.array([[turn in told for turn in turns] for told in paths])
    told = tuple(tuple(sorted(at)) for at in paths)
    out = Search(request, begins, fps, times, told, joints)
    for k in range(len(times)):
        joints[k] &= request.keys.joint_mask[out.rows(k)].any(axis=0)
    moves = out.room
    if not moves.any():
        return None
    return replace(out, costs=tuple(np.zeros(0 if can.any() else 1) for can in moves))


def _selected(target: bpy.types.Object, own: character.OwnState, times: Array) -> list[set[str]]:
    """Data paths of the selected keys that are the animator's at each time; the outer ones stay."""
    paths: list[set[str]] = [set() for _ in times]
    curves = reading.curves_of(own.action, own.slot)
    closed, _ = keying.untouchable(target, curves.values())
    known = ownership.written(own.action)
    for channel, curve in curves.items():
        if curve.mute or channel in closed:
            continue
        at, chosen = times_of(curve), np.empty(len(curve.keyframe_points), bool)
        curve.keyframe_points.foreach_get("select_control_point", chosen)
        for frame in at[chosen & ownership.mine(own.action, curve, known)]:
            row = int(np.abs(times - frame).argmin())
            if 0 < row < len(times) - 1 and abs(times[row] - frame) <= SAME_TIME:
                paths[row].add(channel[0])
    name = character.body_names()[0]
    pelvis = {turn_channels(name, name in own.pose.eulers)[0][0], location_path(name)}  # turned and placed together
    return [told | pelvis if told & pelvis else told for told in paths]


def asked(search: Search) -> GenerateRequest | None:
    """The next request, without every second of the keys that may move; None when all is known."""
    left_out = search.left_out
    return replace(search.request, keys=_keys(search, left_out, None), takes=1) if left_out.any() else None


def heard(search: Search, result: MotionResult) -> Search:
    """The search with what the answer to `asked` says."""
    take, costs, keys = result.takes[0], list(search.costs), search.request.keys
    assert keys is not None
    for k in np.flatnonzero(search.left_out):
        earlier, later = search.room[k]
        frames = search.times[k] + np.arange(-earlier, later + 1)
        motion = resample(take.rotations, take.transl, result.fps, (frames - search.begins) / search.fps)
        row = int(np.argmax(search.rows(k)))
        vectors = np.concatenate([keys.root_orient[row][None], keys.pose_body[row].reshape(-1, 3)])
        known = search.joints[k] & keys.joint_mask[row]
        costs[k] = apart(*motion, from_rotation_vector(vectors), keys.trans[row], known)
    return replace(search, costs=tuple(costs))


def settled(search: Search) -> tuple[GenerateRequest, tuple[Move, ...]]:
    """The request with the keys at their new times, and which moved. Where nobody could follow those, none has."""
    by = shifts(search.times, search.room, search.costs)
    moved = by != 0
    request = replace(search.request, keys=_keys(search, moved, by)) if moved.any() else search.request
    try:
        validate(request)
    except RequestFailure:
        return search.request, ()
    now = search.times + by
    return request, tuple(Move(float(search.times[k]), float(now[k]), search.paths[k]) for k in np.flatnonzero(moved))


def _keys(search: Search, taken: Array, by: Array | None) -> KeyedPoses | None:
    """The request's poses without those keys that are ``taken`` (N,), or, where ``by`` (N,) frames are given, with them
    that much later."""
    keys = search.request.keys
    assert keys is not None
    arrays = {name: [getattr(keys, name)] for name in ("time", "root_orient", "pose_body", "trans", "joint_mask")}
    mask = keys.joint_mask.copy()
    for k in np.flatnonzero(taken):
        rows = search.rows(k)
        mask[rows] &= ~search.joints[k]
        if by is None:
            continue
        for name, parts in arrays.items():
            parts.append(getattr(keys, name)[rows])
        arrays["time"][-1] = arrays["time"][-1] + by[k] / search.fps
        arrays["joint_mask"][-1] = arrays["joint_mask"][-1] & search.joints[k]
    arrays["joint_mask"][0] = mask
    joined = {name: np.concatenate(parts) for name, parts in arrays.items()}
    left = joined["joint_mask"].any(axis=1)
    if not left.any():
        return None
    return KeyedPoses.read({name: values[left] for name, values in joined.items()} | {"betas": keys.betas})


def move_keys(
    action: bpy.types.Action, slot: str, moves: Sequence[Move], first: int, last: int
) -> list[tuple[float, float]]:
    """Move keys of the animator's in time, handles along with them. Returns from when to when, for those that were
    still there: she may have moved or removed them while the model was asked. A curve whose keys would meet or pass
    another of hers stays as it is; ours in the range, which are made anew, make way."""
    known, done = ownership.written(action), set()
    for (path, _), curve in reading.curves_of(action, slot).items():
        fields = keying.fields_of(curve)
        times, mine = fields["co"][:, 0].astype(np.float64), ownership.mine(action, curve, known)
        by = np.zeros(len(times))
        for move in moves:
            if path in move.paths:
                by[mine & (np.abs(times - move.was) <= SAME_TIME)] = move.now - move.was
        stays = mine | (times < first - SAME_TIME) | (times > last + SAME_TIME)
        now = times + by
        if not by.any() or np.any(np.diff(now[stays]) <= SAME_TIME):
            continue
        for name in ("co", "handle_left", "handle_right"):
            fields[name][:, 0] += by.astype(np.float32)
        done |= {(m.was, m.now) for m in moves if (np.abs(times[by != 0] - m.was) <= SAME_TIME).any()}
        near = np.abs(now[:, None] - now[by != 0]).min(axis=1) <= SAME_TIME
        left = stays | ~near
        order = np.argsort(now[left], kind="stable")
        keying.put(curve, {name: rows[left][order] for name, rows in fields.items()})
    return sorted(done)
