"""Where the root shall be and when: the network's `root_goal`, 14 numbers a frame (mini_model.md, "Recipe").

The code of a motion has no absolute position, so paths, waypoints and far keys reach the network this way. Between two
known roots nobody knows where the root is, so no number may depend on that: all of them come from the known roots and
their times alone, in training as at inference. At frame t, with p the last known root at or before t and n the first
one after t:

    0..2    the mean velocity from p to n, m/s          7..9    the displacement from p to n, metres
    3, 4    sine and cosine of p's heading              10, 11  those of n's heading
    5       log(1 + frames since p) / 4                 12      log(1 + frames until n) / 4
    6       1 where there is such a p                   13      1 where there is such an n

Vectors and headings are in the gravity-view axes of frame t, those in which the network says the root's orientation
there; a heading is the turn about the vertical from facing +z. Vectors are 0 without both p and n: one root alone says
nothing about a motion without a place. Their height is 0 unless both heights are known, a heading's two numbers are 0
where the facing is free. The velocity is there because on a dense path displacements are centimetres, too small beside
flags of 1; it is bounded to 10 m/s an axis, the displacement to 10 m. Times are logarithmic, so that a frame counts
near a key and a long range does not leave the range that training knew (120 frames: 1.2).

At a known frame p is that root itself: the displacement to the next known root starts where the body is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...model.config import ROOT_GOAL_DIM

FPS = 30.0
LIMIT = 10.0  # m and m/s, an axis
_TIME_SCALE = 4.0


@dataclass(frozen=True)
class RootKeys:
    """Known roots of B samples, K slots each, in order of time.

    ``time`` (B, K) frames of 1/30 s, whole or not, infinite in slots that hold nothing; ``position`` (B, K, 3) metres
    and ``heading`` (B, K) radians in a y-up world; ``has_heading`` and ``has_height`` (B, K) bool: what is not known of
    a root (a waypoint on the floor has no pelvis height) is never read.
    """

    time: Tensor
    position: Tensor
    heading: Tensor
    has_heading: Tensor
    has_height: Tensor

    @classmethod
    def at_frames(
        cls, known: Tensor, position: Tensor, heading: Tensor, has_heading: Tensor, has_height: Tensor
    ) -> RootKeys:
        """From values for every frame, (B, L) and (B, L, 3), of which only those at ``known`` (B, L) frames count."""
        frame = torch.arange(known.shape[1], device=known.device, dtype=position.dtype)
        time, order = torch.where(known, frame, torch.inf).sort(dim=1, stable=True)
        place = position.gather(1, order[..., None].expand(-1, -1, 3))
        return cls(time, place, *(x.gather(1, order) for x in (heading, has_heading, has_height)))


def heading_of(root: Tensor) -> Tensor:
    """Turn about the vertical nearest to a rotation (..., 3, 3) in a y-up world: (...) radians, 0 facing +z.

    The rotation about y of its swing-twist decomposition: unlike the direction of a body axis it holds for people who
    lie, whichever way; undefined only for one who stands on the head.
    """
    return torch.atan2(root[..., 0, 2] - root[..., 2, 0], root[..., 0, 0] + root[..., 2, 2])


def root_goals(keys: RootKeys, frames: int, to_gravity_view: Tensor | None = None) -> Tensor:
    """The condition (B, ``frames``, 14), see above.

    ``to_gravity_view`` (B, frames, 3, 3) turns the keys' world into the gravity view of each frame, a rotation about
    the vertical; None where they are the same (a camera that does not turn).
    """
    slots = keys.time.shape[1]
    frame = torch.arange(frames, device=keys.time.device, dtype=keys.time.dtype).expand(len(keys.time), -1)
    count = torch.searchsorted(keys.time.contiguous(), frame.contiguous(), right=True)
    first, second = (count - 1).clamp(min=0), count.clamp(max=slots - 1)
    before, after = keys.time.gather(1, first), keys.time.gather(1, second)
    has_before, has_after = count > 0, (count < slots) & torch.isfinite(after)
    both = has_before & has_after

    def at(index: Tensor) -> Tensor:
        return keys.position.gather(1, index[..., None].expand(-1, -1, 3))

    heights = keys.has_height.gather(1, first) & keys.has_height.gather(1, second)
    told = torch.stack([both, both & heights, both], dim=-1)
    way = torch.where(told, at(second) - at(first), 0.0)
    speed = way / torch.where(both, after - before, 1.0)[..., None] * FPS
    halves = []
    for vector, index, has, span in (
        (speed, first, has_before, frame - before),
        (way, second, has_after, after - frame),
    ):
        faces = (has & keys.has_heading.gather(1, index))[..., None]
        heading = keys.heading.gather(1, index)
        facing = torch.stack([heading.sin(), torch.zeros_like(heading), heading.cos()], dim=-1)
        facing = torch.where(faces, facing, 0.0)
        if to_gravity_view is not None:
            vector, facing = (torch.stack([vector, facing], dim=-2) @ to_gravity_view.transpose(-1, -2)).unbind(-2)
        time = torch.log1p(torch.where(has, span, 0.0)) / _TIME_SCALE
        halves += [vector.clamp(-LIMIT, LIMIT), facing[..., ::2], time[..., None], has[..., None].to(time.dtype)]
    goals = torch.cat(halves, dim=-1)
    assert goals.shape[-1] == ROOT_GOAL_DIM
    return goals


def within_window(goals: Tensor, window: int) -> Tensor:
    """Goals (B, L, 14) without a root that is alone and farther away than training windows of ``window`` frames: the
    network has never been told of one."""
    farthest = math.log1p(window - 0.5) / _TIME_SCALE
    alone = (goals[..., 6] > 0) ^ (goals[..., 13] > 0)
    far = torch.maximum(goals[..., 5], goals[..., 12]) > farthest
    return torch.where((alone & far)[..., None], 0.0, goals)


def start_goals(heading: Tensor, known: Tensor, frames: int) -> Tensor:
    """Goals (B, ``frames``, 14) of those who stand somewhere at the first frame, ``heading`` (B,) radians, and go
    anywhere; none where ``known`` (B,) is false.

    The code tells orientations in the axes of a camera whose yaw nobody knows, so without this a turn can be told only
    once the noise has gone far enough to see which way the person faces.
    """
    time = torch.where(known, 0.0, torch.inf)[:, None].to(heading.dtype)
    yes = torch.ones_like(known)[:, None]
    return root_goals(RootKeys(time, heading.new_zeros(len(heading), 1, 3), heading[:, None], yes, ~yes), frames)
