"""Motion that nobody recorded, made of motion that somebody did: retimed, played backwards, held otherwise above.

A gap between keyed poses is filled on unseen performers a good deal worse than on those of the training data: so many
windows of so few clips are learned by heart. Over one or two seconds a motion may be faster or slower, most can be
played backwards, and arms, head and back may be turned by as much as one likes, without its legs losing the floor. They
may also do at another pace, or backwards, what they did while the legs walked: whoever learns which arm swings with
which leg of forty performers has learned these performers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ..body.kinematics import PARENTS_22, canonical_offsets, forward_kinematics
from ..representation.rollout import roll_out_translation
from ..representation.rotations import axis_angle_to_matrix, matrix_from_6d, matrix_to_6d, product, turned
from .draws import Draws

FASTEST = 1.3
"""And as much slower; evenly by its logarithm."""
BACKWARDS = 0.3  # of the samples that are varied
TURNED = 0.5  # likewise
APART = 0.5  # likewise: back and head, left and right arm each in a time of its own
SHORTEST = 14  # frames that retiming leaves at least
BACK, NECK, COLLAR, ARM = 0.06, 0.15, 0.08, 0.3
"""Radians, standard deviation about each axis."""
_PARTS = ((3, 6, 9, 12, 15), (13, 16, 18, 20), (14, 17, 19, 21))
"""Joints that keep together when limbs go apart; legs and root are the fourth part."""
_SPREAD = {3: BACK, 6: BACK, 9: BACK, 12: NECK, 15: NECK, 13: COLLAR, 14: COLLAR} | dict.fromkeys(range(16, 22), ARM)


@dataclass(frozen=True)
class Frames:
    """Windows of a corpus before they are turned: ``pose`` (B, L, 126), ``root`` (B, L, 3, 3), ``velocity`` (B, L, 3)
    metres a frame in the root's frame, ``joints`` (B, L, 22, 3) metres from the pelvis, ``contacts`` (B, L, 6);
    ``length`` (B,) frames that count, the last one is repeated behind them."""

    pose: Tensor
    root: Tensor
    velocity: Tensor
    joints: Tensor
    contacts: Tensor
    length: Tensor


def varied(frames: Frames, share: float, draws: Draws) -> Frames:
    """The same with a ``share`` of them varied. Contacts are taken from the nearest frame."""
    count, total = frames.pose.shape[:2]
    chosen = draws.uniform(1) < share
    pace = torch.exp(draws.either_way(1) * math.log(FASTEST))
    backwards = chosen & (draws.uniform(1) < BACKWARDS)
    bent = chosen & (draws.uniform(1) < TURNED)
    angles = draws.normal(21, 3) * _spread(frames.pose.device)

    last = (frames.length - 1)[:, None].to(pace.dtype)
    frame = torch.arange(total, device=pace.device)
    pace = torch.where(chosen, torch.minimum(pace, last / (SHORTEST - 1)).clamp(min=1 / FASTEST), 1.0)
    length = torch.minimum((last / pace).floor().long() + 1, last.new_tensor(total).long())
    at = _times(frame, last, pace, backwards)
    at = torch.where(chosen, at, torch.minimum(frame, last))

    path = roll_out_translation(frames.velocity, frames.root)
    whole = frames.pose.unflatten(-1, (21, 6))
    pose = _between(frames.pose, at).unflatten(-1, (21, 6))
    apart = chosen & (draws.uniform(1) < APART)
    for part in _PARTS:
        # No faster than the whole lasts, or the part would stand still at the end.
        own_pace = torch.minimum(torch.exp(draws.either_way(1) * math.log(FASTEST)), last / (length - 1))
        own = _times(frame, last, own_pace, draws.uniform(1) < BACKWARDS)
        rows = [joint - 1 for joint in part]
        told = _between(whole[:, :, rows].flatten(-2), own).unflatten(-1, (len(part), 6))
        pose[:, :, rows] = _choose(apart[:, 0], told, pose[:, :, rows])
    pose = matrix_from_6d(pose)
    root = matrix_from_6d(_between(matrix_to_6d(frames.root), at))
    turn = axis_angle_to_matrix(angles * bent[..., None])[:, None].expand(-1, total, -1, -1, -1)
    pose = product(pose, turn)
    way = _between(path, at)
    step = torch.cat([way.diff(dim=1), way.new_zeros(count, 1, 3)], dim=1)
    inside = frame < length - 1
    step = torch.where(inside[..., None], step, _at(step, (length - 2).expand(-1, total)))
    _, joints = forward_kinematics(
        torch.cat([root[:, :, None], pose], dim=2), canonical_offsets(pace.device), PARENTS_22
    )
    made = Frames(
        matrix_to_6d(pose).flatten(-2),
        root,
        turned(root.mT, step),
        joints,
        _at(frames.contacts, at.round().long()),
        length[:, 0],
    )
    return Frames(*(_choose(chosen[:, 0], getattr(made, name), getattr(frames, name)) for name in vars(made)))


def _times(frame: Tensor, last: Tensor, pace: Tensor, backwards: Tensor) -> Tensor:
    """Where each ``frame`` (L,) is taken from, (B, L); ``last``, ``pace`` and ``backwards`` (B, 1)."""
    at = torch.minimum(frame * pace, last)
    return torch.where(backwards, last - at, at)


def _choose(rows: Tensor, one: Tensor, other: Tensor) -> Tensor:
    return torch.where(rows.view(-1, *[1] * (one.dim() - 1)), one, other)


def _at(values: Tensor, frame: Tensor) -> Tensor:
    """Values (B, L, ...) of frames (B, L)."""
    index = frame.view(*frame.shape, *[1] * (values.dim() - 2)).expand(-1, -1, *values.shape[2:])
    return values.gather(1, index)


def _between(values: Tensor, at: Tensor) -> Tensor:
    """Values (B, L, C) at times (B, L), straight between two frames."""
    before = at.floor().clamp(max=values.shape[1] - 1)
    part = (at - before)[..., None]
    low = before.long()
    return torch.lerp(_at(values, low), _at(values, (low + 1).clamp(max=values.shape[1] - 1)), part)


@lru_cache(maxsize=4)
def _spread(device: torch.device) -> Tensor:
    """(21, 1) radians for joints 1 to 21."""
    return torch.tensor([_SPREAD.get(joint, 0.0) for joint in range(1, 22)], device=device)[:, None]
