"""Gaps between keyed poses: what is made of a network's answers to them and to their mirror image.

The network was taught with every motion beside its mirror image, but answers the two a little differently. The mean of
both is nearer to the truth than either (flip testing, as in the release's estimation, spec 5.3). What linear prediction
says (motion/expected.py) errs elsewhere than a network does, so half of the answer is that, where whole poses are
known. And a mean of all that could follow leaves a pose more slowly than it was reached, so the answer goes on from
rows of known poses with the least jerk (motion/seams.py). Both engines use it, for keys alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from ..motion import rotations as rot
from ..motion.easing import smooth
from ..motion.expected import Covariances, expected
from ..motion.keyed import KeyFrames
from ..motion.mirroring import mirrored
from ..motion.seams import calmed
from ..motion.skeleton import LEFT_RIGHT, assets_folder
from ..protocol.keys import KeyedPoses
from ..protocol.motions import Take
from ..protocol.requests import GenerateRequest
from .config import NetworkConfig
from .keys import key_frames

Array = np.ndarray
_OTHER_SIDE = list(LEFT_RIGHT)
_FLIP = np.array([1.0, -1.0, -1.0])  # of rotation vectors in the plane x = 0
_ONE_WAY, _OTHER_WAY = 1.0, 2.2
"""Radians between two answers up to which both count, and from which on only the first does."""
_FADE = 12  # frames over which that changes
_MORE = 0.3
"""By how much more, in the middle of a gap, a mean of answers is made to leave what interpolation says: it moves less
than any of them does, and less than people do. Beside a key, and where the gap is short, too much is known for that.
(Of 0.15, 0.2, 0.3 and 0.4 training clips come out nearest with this.)"""
_SHORT, _LONG = 15, 30  # frames of a gap from which on some, and all of that
_CONTACTS = [2, 3, 0, 1, 5, 4]  # ankle and toe of the other side, the other wrist


def asked_twice(request: GenerateRequest, config: NetworkConfig) -> bool:
    """Whether the mirror image is asked too: keys alone, and a network that estimates between them. What is led along a
    path is not: it is bent there afterwards."""
    return request.keys_alone and config.between and request.direction is None


def mirror_image(request: GenerateRequest) -> GenerateRequest:
    """The same with left and right exchanged in the plane x = 0."""
    keys, start = request.keys, request.start
    if start is not None:
        x, y, z = start.position
        start = replace(start, position=(-x, y, z), heading=-start.heading)
    return replace(request, keys=None if keys is None else _mirrored_keys(keys), start=start)


def _mirrored_keys(keys: KeyedPoses) -> KeyedPoses:
    turns = np.concatenate([keys.root_orient[:, None], keys.pose_body.reshape(-1, 21, 3)], axis=1)
    turns = turns[:, _OTHER_SIDE] * _FLIP
    return replace(
        keys,
        root_orient=turns[:, 0],
        pose_body=turns[:, 1:].reshape(-1, 63),
        trans=keys.trans * [-1.0, 1.0, 1.0],
        joint_mask=keys.joint_mask[:, _OTHER_SIDE],
    )


def both_ways(request: GenerateRequest, takes: Sequence[Take], images: Sequence[Take]) -> list[Take]:
    """What is made of a request's takes and of those of its mirror image (`mean_with_image`)."""
    keys = key_frames(request)
    assert keys is not None
    return [_mean(take, image, keys) for take, image in zip(takes, images, strict=True)]


def _mean(take: Take, image: Take, keys: KeyFrames) -> Take:
    rotations, path = mean_with_image(take.rotations, take.transl, image.rotations, image.transl, keys)
    contacts = (take.contacts + image.contacts[:, _CONTACTS]) / 2
    rotations, path, contacts = (x.astype(np.float32) for x in (rot.continuous(rotations), path, contacts))
    return replace(take, rotations=rotations, transl=path, contacts=contacts)


def mean_with_image(
    rotations: Array, path: Array, image_rotations: Array, image_path: Array, keys: KeyFrames
) -> tuple[Array, Array]:
    """The mean of an answer, local rotations (T, 22, 4) and path (T, 3), and of that to its mirror image; the mean of
    that and linear prediction, or this alone where the network turns round in a way that is far less likely; going on
    from the keys."""
    rotations, path = rotations.astype(np.float64), path.astype(np.float64)
    rotations, path = _middle((rotations, path), mirrored(image_rotations, image_path))
    linear = expected(rotations, path, keys, covariances())
    rotations, path = _middle((rotations, path), (linear.rotations, linear.path))
    rotations = np.where(linear.otherwise[:, None, None], linear.rotations, rotations)
    path = np.where(linear.otherwise[:, None], linear.path, path)
    if linear.inside.any():
        rotations = np.where(linear.inside[:, None, None], _livelier(rotations, keys), rotations)
    rotations = np.where(keys.known[..., None], keys.rotations, rotations)
    return calmed(rotations, np.where(keys.roots[:, None], keys.path, path), keys.known)


def _middle(one: tuple[Array, Array], other: tuple[Array, Array]) -> tuple[Array, Array]:
    """Halfway between two motions, rotations (T, 22, 4) and path (T, 3); ``one`` of them where they go different ways:
    halfway between left and right is nowhere, and would flip from the one to the other."""
    turn = rot.multiply(other[0], rot.conjugate(one[0]))
    vector = rot.to_rotation_vector(turn)
    apart = np.linalg.norm(vector, axis=-1)
    around = np.pad(apart, ((_FADE, _FADE), (0, 0)), mode="edge")
    most = np.lib.stride_tricks.sliding_window_view(around, 2 * _FADE + 1, axis=0).max(axis=-1)
    share = 0.5 * _same_way(most)
    share = np.pad(share, ((_FADE // 2, _FADE // 2), (0, 0)), mode="edge")
    share = np.lib.stride_tricks.sliding_window_view(share, _FADE // 2 * 2 + 1, axis=0).mean(axis=-1)[..., None]
    mixed = rot.multiply(rot.from_rotation_vector(share * vector), one[0])
    turned = np.where((vector != 0).any(axis=-1, keepdims=True), mixed, one[0])
    return turned, one[1] + share[:, 0] * (other[1] - one[1])


def _same_way(apart: Array) -> Array:
    """1 where rotations so many radians apart go the same way round, 0 where that cannot be told."""
    return np.asarray(1.0 - smooth(np.clip((apart - _ONE_WAY) / (_OTHER_WAY - _ONE_WAY), 0.0, 1.0)))


def _livelier(rotations: Array, keys: KeyFrames) -> Array:
    """Local rotations (T, 22, 4) between whole poses, farther from those that slerp gives there (`_MORE`)."""
    whole = np.flatnonzero(keys.known.all(axis=1))
    frame = np.arange(len(rotations))
    after = np.clip(np.searchsorted(whole, frame), 1, len(whole) - 1)
    first, last = whole[after - 1], whole[after]
    share = np.clip((frame - first) / (last - first), 0.0, 1.0)[:, None]
    plain = rot.slerp(keys.rotations[first], keys.rotations[last], np.broadcast_to(share, rotations.shape[:2]))
    vector = rot.to_rotation_vector(rot.multiply(rot.conjugate(plain), rotations))
    apart = np.linalg.norm(vector, axis=-1, keepdims=True)
    more = _MORE * np.clip((last - first - 1 - _SHORT) / (_LONG - _SHORT), 0.0, 1.0)[:, None, None]
    more = more * (4.0 * share * (1.0 - share))[..., None]  # beside a key it is known
    # what is nearly turned round is left as it is: a little more, and it would come from the other side
    more = more * _same_way(apart)
    return rot.multiply(plain, rot.from_rotation_vector((1.0 + more) * vector))


@lru_cache(maxsize=1)
def covariances() -> Covariances:
    """Those of the bundled model's training motion."""
    return Covariances.load(assets_folder() / "motion_covariances.npz")
