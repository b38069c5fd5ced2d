"""Keyed poses in a request, and what is refused of them, each with its sentence.

Space is that of the answer: Y up, metres, radians, at any place and heading; the floor is at y = 0. Times are seconds
from the range's start and stay as they are here: which frame of the model a key goes to is `model/keys.py`'s matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .failures import RequestFailure

Array = np.ndarray
JOINTS = 22
FASTEST = 12.0
"""m/s: above this nobody gets from one keyed root to the next (a sprinter's top is 12.4)."""
_NEAR = 0.25  # m that two neighbouring keys may be apart however short the time
_FARTHEST = 1e4  # m from the origin: more is centimetres or a mistake
SHAPES: Mapping[str, tuple[int, ...]] = {"root_orient": (3,), "pose_body": (63,), "trans": (3,)}


@dataclass(frozen=True, eq=False)
class KeyedPoses:
    """K poses, of which the joints of ``joint_mask`` are law.

    ``time`` (K,) seconds; ``root_orient`` (K, 3) and ``pose_body`` (K, 63) rotation vectors, radians, local to the
    parent joint as in SMPL-X; ``trans`` (K, 3) where the pelvis joint is, metres; ``betas`` (10,) the shape.
    ``joint_mask`` (K, 22) bool: given; joint 0 stands for the root's rotation and its place. What is not given is
    never read.
    """

    time: Array
    root_orient: Array
    pose_body: Array
    trans: Array
    betas: Array
    joint_mask: Array

    @staticmethod
    def read(arrays: Mapping[str, Any]) -> KeyedPoses:
        """From named arrays or lists of numbers; what is not given becomes zero.

        ``betas`` may be missing, and may come once or for each pose (then their mean counts). Raises RequestFailure
        for an array that is missing or has another shape.
        """
        missing = [name for name in ("time", *SHAPES, "joint_mask") if arrays.get(name) is None]
        if missing:
            raise RequestFailure("keys_incomplete", f"The keys lack {' and '.join(missing)}.", _CONTENT)
        time = _numbers(arrays["time"], "time")
        if time.ndim != 1:
            raise _shape("time", time.shape, "(K,)")
        count = len(time)
        poses = {name: _numbers(arrays[name], name) for name in SHAPES}
        for name, shape in SHAPES.items():
            if poses[name].shape != (count, *shape):
                raise _shape(name, poses[name].shape, str((count, *shape)))
        mask = _numbers(arrays["joint_mask"], "joint_mask")
        if mask.shape != (count, JOINTS):
            raise _shape("joint_mask", mask.shape, str((count, JOINTS)))
        if not np.isin(mask, (0.0, 1.0)).all():
            raise RequestFailure("keys_mask", "joint_mask of the keys holds something other than yes and no.", _CONTENT)
        given = arrays.get("betas")
        betas = np.zeros(10) if given is None else _numbers(given, "betas")
        if betas.shape == (count, 10) and count:
            betas = betas.mean(axis=0)
        if betas.shape != (10,):
            raise _shape("betas", betas.shape, "(10,)")
        known = mask.astype(bool)
        root, body = known[:, :1], known[:, 1:].repeat(3, axis=1)
        return KeyedPoses(
            time,
            np.where(root, poses["root_orient"], 0.0),
            np.where(body, poses["pose_body"], 0.0),
            np.where(root, poses["trans"], 0.0),
            betas,
            known,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeyedPoses) and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in ARRAYS
        )

    def __hash__(self) -> int:
        return hash(self.time.tobytes())

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, the inverse of `read`."""
        return {name: getattr(self, name).tolist() for name in ARRAYS}

    @property
    def roots(self) -> Array:
        """(K,) bool: the root is given."""
        known: Array = self.joint_mask[:, 0]
        return known


ARRAYS = tuple(KeyedPoses.__dataclass_fields__)
_CONTENT = "Give time, root_orient, pose_body, trans, betas and joint_mask of every keyed pose."


def validate_keys(keys: KeyedPoses, duration: float, start: tuple[float, float, float] | None = None) -> None:
    """Refuse keys that nobody could follow. ``start`` is where the character stands at time 0, None where that is free.

    Raises RequestFailure.
    """
    validate_values(keys)
    outside = (keys.time < -_TINY) | (keys.time > duration + _TINY)
    if outside.any():
        raise RequestFailure(
            "key_outside_range",
            f"The key at {keys.time[outside][0]:g} s lies outside the range (0–{duration:g} s).",
            "Move the key into the range, or make the range longer.",
        )
    _validate_doubles(keys)
    if np.abs(keys.trans).max() > _FARTHEST:
        raise RequestFailure(
            "key_far_away",
            f"A key stands {np.abs(keys.trans).max() / 1000:.0f} km from the origin.",
            "Give trans in metres.",
        )
    _validate_speed(keys, start)


def validate_values(keys: KeyedPoses) -> None:
    """Refuse keys that hold nothing, or no numbers. Raises RequestFailure."""
    if not len(keys.time) or not keys.joint_mask.any():
        raise RequestFailure("no_keys", "No joint of any pose is keyed.", "Mark in joint_mask what is given.")
    arrays = (keys.time, keys.root_orient, keys.pose_body, keys.trans, keys.betas)
    if not all(np.isfinite(x).all() for x in arrays):
        raise RequestFailure("keys_not_finite", "The keys hold values that are not numbers.", "Key those poses again.")


_TINY = 1e-4  # s


def _validate_doubles(keys: KeyedPoses) -> None:
    moments, slot = np.unique(np.round(keys.time / _TINY), return_inverse=True)
    count = np.zeros((len(moments), JOINTS), dtype=int)
    np.add.at(count, slot, keys.joint_mask)
    double = (count > 1).any(axis=1)
    if double.any():
        at = moments[double][0] * _TINY
        raise RequestFailure("keys_double", f"Two keys at {at:g} s hold the same joint.", "Remove one of them.")


def _validate_speed(keys: KeyedPoses, start: tuple[float, float, float] | None) -> None:
    order = np.argsort(keys.time, kind="stable")
    order = order[keys.roots[order]]
    time, place = keys.time[order], keys.trans[order]
    if start is not None and len(time) and time[0] > _TINY:
        first = np.array([start[0], place[0, 1], start[2]])  # its height is the model's
        time, place = np.concatenate([[0.0], time]), np.concatenate([first[None], place])
    way, span = np.linalg.norm(np.diff(place, axis=0), axis=1), np.maximum(np.diff(time), _TINY)
    fast = (way / span > FASTEST) & (way > _NEAR)
    if fast.any():
        i = int(np.argmax(fast))
        raise RequestFailure(
            "keys_too_far_apart",
            f"From {time[i]:.2f} s to {time[i + 1]:.2f} s the keys go {way[i]:.1f} m, which is {way[i] / span[i]:.0f} "
            f"m/s: nobody is that fast.",
            "Give the way more time, or bring the keys closer together.",
        )


def _numbers(values: Any, name: str) -> Array:
    try:
        return np.asarray(values).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise RequestFailure("keys_not_numbers", f"{name} of the keys does not hold numbers.", _CONTENT) from error


def _shape(name: str, found: tuple[int, ...], wanted: str) -> RequestFailure:
    return RequestFailure("keys_shape", f"{name} of the keys has the shape {found}, not {wanted}.", _CONTENT)
