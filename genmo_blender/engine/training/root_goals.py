"""Which roots a training sample is told: paths, waypoints, the roots of keyed poses (conditions/root_goals.py)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..conditions.root_goals import RootKeys, heading_of, root_goals
from .draws import Draws


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
