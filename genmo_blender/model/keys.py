"""Keys of a request -> the frames of the model, in the world and as the network is told them, and the way back.

A key goes to the frame nearest to its time; where two keys of a joint meet there, the nearer one holds. Keys that
follow one another as frames do are a motion, told as it is at the frames' own times: at 24 frames a second, poses on
the nearest of 30 would stumble. The network's windows begin over the origin, facing +z: the keys are turned and moved
there, and the answer is turned and moved back.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..motion import rotations as rot
from ..motion.easing import eased
from ..motion.fitting import Poses
from ..motion.floor import sole_level
from ..motion.keyed import KeyFrames
from ..motion.kinematics import joint_positions
from ..motion.skeleton import canonical
from ..protocol.failures import RequestFailure
from ..protocol.keys import KeyedPoses
from ..protocol.requests import MODEL_FPS, GenerateRequest
from .config import NetworkConfig

Array = np.ndarray
_DENSE = 2.0 + 1e-6  # frames: keys no further apart are a motion
_SAME = 1e-4  # frames
_APART = 0.1  # m: from here on one place lies in a direction from another


def refuse_unheard(request: GenerateRequest, config: NetworkConfig) -> None:
    """Raises RequestFailure for music where the network has no ear for it.

    Keys need none: a network that was not trained with key masks has them imposed at every step of the sampler
    (engine/diffusion/imposing.py), and the fitting pass makes them exact.
    """
    if request.music and "music" not in config.strips:
        raise RequestFailure("no_music_model", "This model hears no music.", "Use the bundled model.")


def key_frames(request: GenerateRequest) -> KeyFrames | None:
    """Keys on the request's frames, in its world; None without keys."""
    keys, frames = request.keys, request.frames
    if keys is None:
        return None
    poses = poses_of(keys).rotations
    at, frame, order = _on_frames(keys, frames)
    rotations, path = np.tile(rot.IDENTITY, (frames, poses.shape[1], 1)), np.zeros((frames, 3))
    known = np.zeros((frames, poses.shape[1]), dtype=bool)
    for key in order:
        given = keys.joint_mask[key]
        rotations[frame[key], given] = poses[key, given]
        known[frame[key]] |= given
        if given[0]:
            path[frame[key]] = keys.trans[key]
    _tell_motion(at, poses, keys, (rotations, path, known))
    start = None
    if request.start is not None and known[:, 0].any() and not known[0, 0]:
        x, _, z = request.start.position
        start = (x, z, request.start.heading)
    return KeyFrames(rotations, path, known, start)


def _on_frames(keys: KeyedPoses, frames: int) -> tuple[Array, Array, Array]:
    """Of K keys their times in frames, the nearest of so many ``frames``, and the order in which to put them there: of
    two that meet on a frame the nearer comes last and stays."""
    at = keys.time * MODEL_FPS
    frame = np.clip(np.floor(at + 0.5).astype(int), 0, frames - 1)
    return at, frame, np.lexsort((-keys.time, -np.abs(at - frame)))


def moved_on(keys: KeyFrames, request: GenerateRequest, rotations: Array, path: Array) -> KeyFrames:
    """The keys of a request as a motion (T, 22, 4), (T, 3) that passes them at their own times has them on the frames
    beside: a key that is half a frame early is passed at the speed which the motion has there.

    Keys on a frame, and those that are a motion themselves, stay as they are.
    """
    given, last = request.keys, len(path) - 1
    if given is None or last < 1:
        return keys
    at, frame, order = _on_frames(given, last + 1)
    before, after = np.maximum(frame - 1, 0), np.minimum(frame + 1, last)
    share = ((frame - at) / (after - before))[:, None]  # of the step from the one to the other
    turn = rot.multiply(rotations[after], rot.conjugate(rotations[before]))
    turn = rot.from_rotation_vector(share[..., None] * rot.to_rotation_vector(turn))
    poses = rot.multiply(turn, poses_of(given).rotations)
    places = given.trans + share * (path[after] - path[before])
    alone = _alone(at, given.joint_mask) & (np.abs(at - frame) > _SAME)[:, None]
    turned, way = keys.rotations.copy(), keys.path.copy()
    for key in order:
        joints = np.flatnonzero(given.joint_mask[key] & alone[key])
        turned[frame[key], joints] = poses[key, joints]
        if given.joint_mask[key, 0] and alone[key, 0]:
            way[frame[key]] = places[key]
    return replace(keys, rotations=turned, path=way)


def _alone(at: Array, mask: Array) -> Array:
    """Which joints (K, 22) of keys at frames ``at`` (K,) have no other key within `_DENSE` frames."""
    out = np.ones(mask.shape, dtype=bool)
    order = np.argsort(at, kind="stable")
    for joint in range(mask.shape[1]):
        own = order[mask[order, joint]]
        close = np.diff(at[own]) <= _DENSE
        out[own[1:], joint] &= ~close
        out[own[:-1], joint] &= ~close
    return out


def _tell_motion(at: Array, poses: Array, keys: KeyedPoses, told: tuple[Array, Array, Array]) -> None:
    """Put on the frames of ``told`` (rotations, path, known) what keys at ``at`` (K,) frames do between them, where
    two of a joint are no further apart than `_DENSE`."""
    rotations, path, known = told
    frames = np.arange(len(path), dtype=np.float64)
    order = np.argsort(at, kind="stable")
    for mask in np.unique(keys.joint_mask, axis=1).T:
        own = order[mask[order]]
        if len(own) < 2:
            continue
        joints = np.flatnonzero((keys.joint_mask == mask[:, None]).all(axis=0))
        after = np.clip(np.searchsorted(at[own], frames - _SAME, side="left"), 1, len(own) - 1)
        before, after = own[after - 1], own[after]
        span = at[after] - at[before]
        share = (frames - at[before]) / np.maximum(span, _SAME)
        row = np.flatnonzero((span <= _DENSE) & (span > _SAME) & (share > -_SAME) & (share < 1 + _SAME))
        here = np.ix_(row, joints)
        part = np.clip(share[row], 0.0, 1.0)[:, None]
        between = rot.slerp(poses[before[row]][:, joints], poses[after[row]][:, joints], part)
        # a key on the frame itself stays to the last bit
        held = np.abs(share[row] - np.rint(share[row]))[:, None, None] * span[row, None, None] < _SAME
        nearer = np.where(share[row] < 0.5, before[row], after[row])
        rotations[here] = np.where(held, poses[nearer][:, joints], between)
        known[here] = True
        if joints[0] == 0:
            way = keys.trans[before[row]] + part * (keys.trans[after[row]] - keys.trans[before[row]])
            path[row] = np.where(held[..., 0], keys.trans[nearer], way)


def poses_of(keys: KeyedPoses) -> Poses:
    """The keys at their true times."""
    vectors = np.concatenate([keys.root_orient[:, None], keys.pose_body.reshape(-1, 21, 3)], axis=1)
    return Poses(keys.time, rot.from_rotation_vector(vectors), keys.trans, keys.joint_mask)


def as_told(keys: KeyFrames, frames: int) -> KeyFrames:
    """The keys as the network is told them, filled up to ``frames``: the first root that is known stands over the
    origin and faces +z. A character whose root is never keyed stands there at the first frame."""
    missing = ((0, frames - len(keys.path)), (0, 0))
    known = np.pad(keys.known, missing)
    ways, facing = (None if x is None else np.pad(x, missing[0]) for x in (keys.ways, keys.facing))
    rotations, path = keys.rotations.copy(), keys.path.copy()
    start: tuple[float, float, float] | None
    if not keys.goals.any():
        rotations[:, 0], path[:] = rot.IDENTITY, 0.0
        start = (0.0, 0.0, 0.0)
    else:
        heading, pivot = _first(keys)
        around = rot.about_y(-heading)
        rotations[:, 0] = rot.multiply(np.broadcast_to(around, rotations[:, 0].shape), rotations[:, 0])
        path = rot.rotate(np.broadcast_to(around, (len(path), 4)), path - pivot)
        start = None if keys.start is None else (0.0, 0.0, 0.0)
        if start is not None:
            rotations[0, 0], path[0] = rot.IDENTITY, [0.0, path[np.argmax(keys.roots), 1], 0.0]
    return KeyFrames(
        np.pad(rotations, (*missing, (0, 0)), mode="edge"),
        np.pad(path, missing, mode="edge"),
        known,
        start,
        ways,
        facing,
    )


def on_keys(rotations: Array, path: Array, keys: KeyFrames) -> tuple[Array, Array]:
    """An answer to what `as_told` told, (T, 22, 4) and (T, 3), back in the world of the keys: their roots are met, and
    seen from above so are a path and waypoints. Only for keys with a root, a path or a waypoint."""
    heading, _ = _first(keys)
    around = rot.about_y(heading)
    turned = rotations.copy()
    turned[:, 0] = rot.multiply(np.broadcast_to(around, turned[:, 0].shape), turned[:, 0])
    path = rot.rotate(np.broadcast_to(around, (len(path), 4)), path)
    gap = keys.path - path
    bent = eased(gap, keys.roots)
    if not keys.roots.all() and keys.ways is not None:
        bent[:, ::2] = eased(gap, keys.placed if keys.start is None else keys.goals)[:, ::2]
        if not keys.roots.any():
            bent[:, 1] = -sole_level(joint_positions(canonical(), turned, path), MODEL_FPS)
    return keys.begun(turned, path + bent)


def _first(keys: KeyFrames) -> tuple[float, Array]:
    """Heading of the first known root and the point (3,) on the floor below it."""
    if keys.start is not None:
        x, z, heading = keys.start
        return heading, np.array([x, 0.0, z])
    first = int(np.argmax(keys.goals))
    if not keys.told_headings[first]:  # a place alone: whoever goes on from there looks there
        later = np.flatnonzero(keys.goals)[1:]
        way = keys.path[later] - keys.path[first]
        far = np.flatnonzero(np.hypot(way[:, 0], way[:, 2]) > _APART)
        heading = float(np.arctan2(way[far[0], 0], way[far[0], 2])) if len(far) else 0.0
        return heading, keys.path[first] * [1.0, 0.0, 1.0]
    w, _, y, _ = keys.rotations[first, 0]
    # the turn about the vertical that the network's goals tell (swing and twist), not the way of a body axis
    return 2.0 * float(np.arctan2(y, w)), keys.path[first] * [1.0, 0.0, 1.0]
