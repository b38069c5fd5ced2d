"""What an estimate from footage is compared with: a mean pose, and the training window that looks most alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..representation.boxes import box_around, seen_corners
from ..representation.codec import BODY_POSE, Statistics
from ..representation.rotations import matrix_from_6d
from ..training.footage import SHAPES
from ..training.samples import Clip
from ..training.windows import WINDOW
from .scenes import Body, filmed

STRIDE = 6  # frames between those that are compared
LEAST = 3  # keypoints that a box needs are more than these


def mean_pose(statistics: Statistics, frames: int) -> Body:
    """The mean of all training poses, upright, facing the camera."""
    body = matrix_from_6d(statistics.mean[BODY_POSE].unflatten(-1, (21, 6)))
    facing = torch.diag(torch.tensor([1.0, -1.0, -1.0]))  # y goes down and z away before a camera
    turns = torch.cat([facing[None], body.cpu()])
    return Body(turns.expand(frames, 22, 3, 3), torch.zeros(SHAPES))


def looks(keypoints: Tensor) -> tuple[Tensor, Tensor]:
    """What is compared of (T, 17, 3) keypoints: places in the box (n, 17, 2) at every `STRIDE`-th frame, and which of
    them are seen (n, 17)."""
    seen = keypoints[..., 2] > 0
    box = box_around(seen_corners(keypoints[..., :2], seen, LEAST))
    place = 2 * (keypoints[..., :2] - box[:, None, :2]) / box[:, None, 2:].clamp(min=1.0)
    return place[::STRIDE], seen[::STRIDE]


@dataclass(frozen=True)
class Gallery:
    """N filmed training windows: ``places`` (N, n, 17, 2), ``seen`` (N, n, 17), ``bodies`` as the camera saw them."""

    places: Tensor
    seen: Tensor
    bodies: tuple[Body, ...]
    frames: int = WINDOW

    def nearest(self, keypoints: Tensor) -> Body:
        """The body of the window whose keypoints are nearest to (T, 17, 3), T frames long."""
        place, seen = looks(keypoints)
        n = len(place)
        both = (self.seen[:, :n] & seen).float()
        apart = ((self.places[:, :n] - place).square().sum(-1) * both).sum((1, 2)) / both.sum((1, 2)).clamp(min=1.0)
        # who shares few keypoints with it is not alike
        few = both.sum((1, 2)) < 0.5 * seen.sum()
        found = self.bodies[int(torch.where(few, torch.inf, apart).argmin())]
        return Body(found.rotations[: len(keypoints)], found.shape)


def gallery_of(clips: Sequence[Clip], seed: int, windows: int) -> Gallery:
    """About ``windows`` windows of four seconds, drawn from all clips by their length, each before three cameras."""
    long = [clip for clip in clips if clip.frames >= WINDOW]
    rng = np.random.default_rng((seed, 5))
    share = np.array([clip.frames for clip in long], dtype=np.float64)
    places, seen, bodies = list[Tensor](), list[Tensor](), list[Body]()
    for clip in rng.choice(len(long), size=windows, p=share / share.sum()):
        first = int(rng.integers(long[clip].frames - WINDOW + 1))
        for scene in filmed(long[clip], slice(first, first + WINDOW), int(rng.integers(2**31)), len(bodies)):
            place, visible = looks(scene.keypoints(len(bodies)))
            places.append(place)
            seen.append(visible)
            bodies.append(scene.body)
    return Gallery(torch.stack(places), torch.stack(seen), tuple(bodies))
