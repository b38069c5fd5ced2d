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

from dataclasses import dataclass

import torch
from torch import Tensor

from ..network.config import ROOT_GOAL_DIM
from .draws import Draws

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


@dataclass(frozen=True)
class Waypoints:
    """Roots asked for without a pose: ``known`` (B, L) and ``has_heading`` (B, L) bool; their height is free."""

    known: Tensor
    has_heading: Tensor


def draw_waypoints(length: Tensor, frames: int, rate: float, draws: Draws) -> Waypoints:
    """Paths and waypoints for a share ``rate`` of the samples; ``length`` (B,) valid frames.

    Of these samples 40 % get a path (a root every 1 to 10 frames), 40 % waypoints (15 to 90 frames apart), 20 % only
    where to start and where to end. Half of them hold from the first to the last frame, the others over a part of at
    least a third; in 80 % the place of the first frame is given as well, as a character stands somewhere. The facing is
    given at all of a sample's roots (40 %), at none (40 %) or at about half (20 %).
    """
    uniform = draws.uniform
    kind, chosen = uniform(1), uniform(1) < rate
    last = length[:, None] - 1
    part = last * (1 / 3 + 2 / 3 * uniform(1))
    whole = uniform(1) < 0.5
    begin = torch.where(whole, 0.0, (last - part) * uniform(1)).floor()
    end = torch.where(whole, last, begin + part).ceil()
    path_step, way_step = 1 + 10 * uniform(1), 15 + 76 * uniform(1)
    step = torch.where(kind < 0.4, path_step, torch.where(kind < 0.8, way_step, (end - begin).clamp(min=1))).floor()
    frame = torch.arange(frames, device=length.device)
    known = (frame >= begin) & (frame <= end) & ((frame - begin) % step == 0)
    known |= (frame == 0) & (uniform(1) < 0.8)
    known &= chosen & (frame <= last)
    facing, some = uniform(1), uniform(frames) < 0.5
    return Waypoints(known, known & ((facing < 0.4) | ((facing < 0.6) & some)))


def training_goals(
    root: Tensor, position: Tensor, keyed: Tensor, waypoints: Waypoints, to_gravity_view: Tensor | None = None
) -> Tensor:
    """Goals (B, L, 14) of motions whose roots are known at ``keyed`` (B, L) frames and at waypoints.

    ``root`` (B, L, 3, 3) and ``position`` (B, L, 3) metres are the true ones in the world; a keyed root is known with
    its heading and height.
    """
    keys = RootKeys.at_frames(keyed | waypoints.known, position, heading_of(root), keyed | waypoints.has_heading, keyed)
    return root_goals(keys, root.shape[1], to_gravity_view)
