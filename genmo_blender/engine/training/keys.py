"""Which joints of a training sample are known at which frames; what that tells the network is in conditions/keys.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..conditions.keys import JOINTS
from ..constants import constant
from .draws import Draws

_LEFT_LEG, _RIGHT_LEG = (1, 4, 7, 10), (2, 5, 8, 11)
_LEFT_ARM, _RIGHT_ARM = (13, 16, 18, 20), (14, 17, 19, 21)
_TORSO, _HEAD = (3, 6, 9), (12, 15)
# What animators key together. Joint 0 is the root, place and orientation.
GROUPS = (
    _LEFT_ARM,
    _RIGHT_ARM,
    (*_LEFT_ARM, *_RIGHT_ARM),
    _LEFT_LEG,
    _RIGHT_LEG,
    (*_LEFT_LEG, *_RIGHT_LEG),
    (0, *_LEFT_LEG, *_RIGHT_LEG),
    (*_TORSO, *_HEAD),
    (*_TORSO, *_HEAD, *_LEFT_ARM, *_RIGHT_ARM),
    (0, *_TORSO),
    # a hand with all that carries it
    (0, *_TORSO, *_LEFT_ARM),
    (0, *_TORSO, *_RIGHT_ARM),
    # a foot likewise
    (0, *_LEFT_LEG),
    (0, *_RIGHT_LEG),
    _HEAD,
)
_BODY = tuple(range(1, JOINTS))
_DENSE_GROUPS = (_BODY, (0, *_BODY), (0,), GROUPS[8], GROUPS[6])


@dataclass(frozen=True)
class KeyRates:
    """Share of each family of patterns among the samples that get keys; they sum to one.

    ``in_between``: whole poses before and behind a gap; ``poses``: whole poses every 5 to 40 frames; ``singles``: 1 to
    5 whole poses anywhere; ``joints``: a group of joints (or, in 30 %, each joint with 30 %) at such poses or on every
    frame of a range; ``root``: the root alone, likewise; ``dense``: body, root or both on all frames or on half of them
    or more, as an estimation would give them.
    """

    in_between: float = 0.4
    poses: float = 0.2
    singles: float = 0.1
    joints: float = 0.15
    root: float = 0.05
    dense: float = 0.1


def draw_keys(
    length: Tensor,
    frames: int,
    rate: float,
    draws: Draws,
    rates: KeyRates | None = None,
    dense: Tensor | None = None,
) -> Tensor:
    """Keys for a share ``rate`` of the samples and for those of ``dense`` (B,) bool, whose keys say nearly everything:
    half of them around a gap, the others dense; none for the others. ``length`` (B,) valid frames, at least 3.

    Returns (B, L, 22) bool: the joint's local rotation is known, for joint 0 the root's orientation and place.
    """
    rates = rates or KeyRates()
    batch, device, uniform = len(length), length.device, draws.uniform
    frame = torch.arange(frames, device=device)
    valid = frame < length[:, None]
    poses = _pose_times(uniform(1), uniform(1), uniform(frames // _CLOSEST), frames)
    size = length[:, None] * (0.1 + 0.9 * uniform(1))
    begin = (length[:, None] - size) * uniform(1)
    stretch = (frame >= begin.floor()) & (frame < (begin + size).ceil())
    most = length[:, None] * (0.5 + 0.5 * uniform(1))
    most = (frame < most.ceil()) | (uniform(1) < 0.5)
    either = torch.where(uniform(1) < 0.5, poses, stretch)
    times = torch.stack([_around_gap(length, frames, uniform), poses, _few(valid, uniform), either, either, most], 1)

    whole = torch.ones(batch, JOINTS, dtype=torch.bool, device=device)
    only_root = whole & (torch.arange(JOINTS, device=device) == 0)
    scattered = uniform(JOINTS) < 0.3
    scattered |= ~scattered.any(-1, keepdim=True) & only_root
    group = torch.where(uniform(1) < 0.3, scattered, _pick(GROUPS, uniform(), device))
    which = torch.stack([whole, whole, whole, group, only_root, _pick(_DENSE_GROUPS, uniform(), device)], dim=1)

    shares = constant(tuple(float(getattr(rates, name)) for name in vars(rates)), device).cumsum(0)
    family = torch.searchsorted(shares, uniform() * shares[-1], right=True).clamp(max=len(shares) - 1)
    chosen = uniform(1) < rate
    if dense is not None:
        firm = torch.where(uniform() < 0.5, 0, len(shares) - 1)
        family, chosen = torch.where(dense, firm, family), chosen | dense[:, None]
    sample = torch.arange(batch, device=device)
    return (times[sample, family] & valid & chosen)[..., None] & which[sample, family][:, None]


def draw_gap(length: Tensor, frames: int, draws: Draws) -> Tensor:
    """Whole poses (B, L, 22) bool around a gap that fills the window: 4 to 16 before it, as far as eight frames are
    left for the gap, and behind it one (in 70 %) or two to four, the last at the end. ``length`` (B,), at least 13."""
    uniform = draws.uniform
    tail = torch.where(uniform(1) < 0.7, 1, (2 + 3 * uniform(1)).long())
    head = torch.minimum((4 + 13 * uniform(1)).long(), length[:, None] - tail - 8).clamp(min=1)
    frame = torch.arange(frames, device=length.device)
    known = (frame < head) | ((frame >= length[:, None] - tail) & (frame < length[:, None]))
    return known[..., None].expand(-1, -1, JOINTS)


_CLOSEST, _FARTHEST = 5, 40  # frames between keyed poses


def _pose_times(spread: Tensor, phase: Tensor, jitter: Tensor, frames: int) -> Tensor:
    """Frames (B, L) every 5 to 40, each up to a quarter of that early or late."""
    step = _CLOSEST + (_FARTHEST + 1 - _CLOSEST) * spread
    slot = torch.arange(jitter.shape[1], device=jitter.device)
    time = (step * (slot + phase + 0.5 * jitter - 0.25)).round().long()
    inside = (time >= 0) & (time < frames)
    known = torch.zeros(len(step), frames + 1, dtype=torch.bool, device=jitter.device)
    return known.scatter_(1, time.where(inside, frames), True)[:, :frames]


def _around_gap(length: Tensor, frames: int, uniform: Callable[..., Tensor]) -> Tensor:
    """Frames (B, L) outside a gap of 15 to 110: up to 20 before it (in 30 %: all), behind it one target pose (half), up
    to 20 (a quarter) or all. One in ten has nothing before the gap, one in seven nothing behind it, none neither."""
    total = length[:, None]
    gap = torch.minimum((15 + 96 * uniform(1)).long(), total - 2)
    room = total - gap - 1
    head = torch.where(uniform(1) < 0.3, 1 + room * uniform(1), 1 + 20 * uniform(1)).long()
    head = torch.minimum(head, room)
    kind = uniform(1)
    tail = torch.where(kind < 0.5, 1, torch.where(kind < 0.75, (2 + 19 * uniform(1)).long(), frames))
    has_head = uniform(1) < 0.9
    has_tail = ~has_head | (uniform(1) < 0.85)
    frame = torch.arange(frames, device=length.device)
    behind = frame - head - gap
    return (has_head & (frame < head)) | (has_tail & (behind >= 0) & (behind < tail))


def _few(valid: Tensor, uniform: Callable[..., Tensor]) -> Tensor:
    """1 to 5 frames (B, L) among the valid ones."""
    count = 1 + (5 * uniform(1)).long()
    scores = torch.where(valid, uniform(valid.shape[1]), 2.0)
    least = scores.sort(dim=1).values.gather(1, count - 1)
    return scores <= least


def _pick(groups: tuple[tuple[int, ...], ...], draw: Tensor, device: torch.device) -> Tensor:
    """One of the groups for each draw U(0, 1) (B,): (B, 22) bool."""
    table = constant(tuple(int(joint in group) for group in groups for joint in range(JOINTS)), device)
    return table.view(len(groups), JOINTS).bool()[(draw * len(groups)).long()]
