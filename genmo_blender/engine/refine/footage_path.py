"""The root through the world of a body that is fitted before the camera (`reprojection`).

The network's way is the sum of its steps and drifts. Before a camera that stands still the body's place is known at
every frame that is seen, so there the way is that place, slowly corrected: quick changes remain the network's, as depth
shakes from frame to frame. Of a camera that moves nobody knows how far, so there only the fitted root turns the steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..representation.known import around
from ..representation.rollout import STILL, roll_out_translation
from ..representation.rotations import matrix_from_6d, matrix_to_6d, rotation_angle
from ..representation.smoothing import gaussian_smooth_onward
from .reprojection import SeenBody

SLOW = 8.0  # frames at 30 a second


@dataclass(frozen=True)
class WorldPath:
    """``root`` (L, 3, 3) and ``path`` (L, 3) metres from the start, in the y-up world."""

    root: Tensor
    path: Tensor


def stands_still(cam_angvel: Tensor) -> bool:
    """Whether a camera never turns, (L, 6) from frame to frame: whoever holds one in the hand does turn it."""
    return bool((rotation_angle(matrix_from_6d(cam_angvel)) < STILL).all())


def steady_camera(root: Tensor, root_camera: Tensor, still: bool) -> Tensor:
    """(L, 3, 3) from the camera to the world, of the root in both, (L, 3, 3) each: one for all frames of a ``still``
    camera, else smooth.

    The network says both of each frame. The one in the world is smooth, the one before the camera follows the boxes of
    single frames and shakes five times as much; their quotient is the camera, which does not.
    """
    to_world = root @ root_camera.mT
    if still:
        return _mean(to_world).expand_as(to_world)
    return matrix_from_6d(gaussian_smooth_onward(matrix_to_6d(to_world)))


def path_of_footage(
    root: Tensor, path: Tensor, to_world: Tensor, seen: SeenBody, known: Tensor, still: bool
) -> WorldPath:
    """Root and path of a fitted body ``seen``, whose place is ``known`` (L,) bool at some frames.

    ``root`` (L, 3, 3) and ``path`` (L, 3) are what the network said, ``to_world`` (L, 3, 3) is the `steady_camera`.
    Between frames that are known the correction goes on straight.
    """
    turned = to_world @ seen.rotations[:, 0]
    if len(path) < 2:
        return WorldPath(turned, path)
    steps = (root.mT[:-1] @ path.diff(dim=0).unsqueeze(-1)).squeeze(-1)
    way = roll_out_translation(torch.cat([steps, steps[-1:]]), turned)
    if not still or not bool(known.any()):
        return WorldPath(turned, way)
    place = (to_world @ seen.place.unsqueeze(-1)).squeeze(-1)
    drift = gaussian_smooth_onward(_between(place - way, known), SLOW)
    return WorldPath(turned, way + drift - drift[:1])


def _mean(rotations: Tensor) -> Tensor:
    """The rotation (3, 3) nearest to the mean of (L, 3, 3), on the processor, as some devices cannot tell."""
    u, _, v = torch.linalg.svd(rotations.mean(0).cpu())
    signs = torch.tensor([1.0, 1.0, float(torch.linalg.det(u @ v))])
    return (u @ torch.diag(signs) @ v).to(rotations)


def _between(values: Tensor, known: Tensor) -> Tensor:
    """Values (L, C) where they are ``known`` (L,), elsewhere straight between those."""
    last, after = (x[0] for x in around(known[None]))
    at = torch.arange(len(values), device=values.device)
    a = torch.where(last < 0, after, last)
    b = torch.where(after == len(values), last, after)
    share = ((at - a) / (b - a).clamp(min=1))[:, None].to(values.dtype)
    return values[a] + share * (values[b] - values[a])
