"""An estimate bent until its body, seen by the camera, fits the keypoints: the most likely body for both.

One pass of a small network is off by a tenth of a metre where the keypoints are off by two or three centimetres. How
much it is usually off, and which joints are off together, is known from training footage (`EstimationErrors`). So this
looks for the change of every frame's body that is both: likely as an error of the network, smooth in time, and what
brings the body's points to the keypoints. In the terms of statistics it is the maximum a posteriori of a Gaussian
process, found by L-BFGS over numbers that are independent by the prior; in those of the field, SMPLify (Bogo et al.
2016) about the network's answer instead of about a mean pose.

Not in the paper and not in the release, so the official model goes without.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...motion.skeleton import assets_folder
from ...protocol.cancellation import CancelCheck, raise_if_cancelled
from ..body.filmed_body import COCO, FilmedBody
from ..body.free_body import load_free_body
from ..network.conditions import VISIBLE_CONFIDENCE
from ..representation.camera import NEAR, pixels_to_plane
from ..representation.known import around
from ..representation.smoothing import gaussian_smooth_onward

JOINTS, SHAPES = 22, 6
NUMBERS = 3 * JOINTS + 3
"""A frame's errors: rotation vectors of 22 joints, radians, then where the pelvis is seen across and down, in depths of
one, then the logarithm of its depth."""
SIGMA = 0.03  # m; what keypoints are off by, as in the table of training (spec 7.3)
TAILS = 4.0  # squared sigmas, halved, from which on a keypoint is rather wrong than noisy
SMOOTH = 4.0  # frames at 30 a second: how fast errors change
FIRM = 2.0
"""How much more the network is believed than by its errors alone: those of keypoints are not independent in time."""
FIRM_SHAPE = 10.0
STEPS = 40


@dataclass(frozen=True)
class EstimationErrors:
    """How the network's answers are off: ``frame`` (69, 69) covariance of a frame's `NUMBERS`, ``shape`` (6, 6) of the
    shape controls. Measured by `evaluation.estimation_errors`."""

    frame: Tensor
    shape: Tensor

    @staticmethod
    def load(path: Path | None = None) -> EstimationErrors:
        """The bundled ones, or those of a file. Raises FileNotFoundError."""
        with np.load(path or assets_folder() / "estimation_errors.npz", allow_pickle=False) as data:
            return EstimationErrors(*(torch.from_numpy(data[name].astype(np.float32)) for name in ("frame", "shape")))

    def to(self, device: torch.device | str) -> EstimationErrors:
        return EstimationErrors(self.frame.to(device), self.shape.to(device))


@dataclass(frozen=True)
class SeenBody:
    """A body before the camera: local ``rotations`` (L, 22, 3, 3), the root's in the camera's axes, ``place`` (L, 3)
    metres of the pelvis, ``shape`` (6,) controls of the free body."""

    rotations: Tensor
    place: Tensor
    shape: Tensor


@lru_cache(maxsize=2)
def _body(device: torch.device) -> FilmedBody:
    return FilmedBody.of(load_free_body()).to(device)


def fitted_to_keypoints(
    said: SeenBody,
    keypoints: Tensor,
    k: Tensor,
    boxed: Tensor,
    errors: EstimationErrors,
    cancelled: CancelCheck | None = None,
    steps: int = STEPS,
) -> SeenBody:
    """The body that fits ``keypoints`` (L, 17, 3), pixels and confidence, before cameras ``k`` (L, 3, 3).

    Where ``boxed`` (L,) is false nobody was said to be anywhere; the place there is that of the nearest frame. Where
    nothing is seen the pose stays nearly as it was said. Raises `Cancelled`.
    """
    if not bool(boxed.any()):
        return said
    with torch.inference_mode(False), torch.enable_grad():
        said = SeenBody(said.rotations.clone(), said.place.clone(), said.shape.clone())
        said = replace(said, place=said.place[nearest(boxed)])
        problem = _Problem(said, keypoints.clone(), k.clone(), errors.to(said.place.device))
        free = [
            said.place.new_zeros(NUMBERS, problem.padded).requires_grad_(),
            said.place.new_zeros(SHAPES).requires_grad_(),
        ]
        optimiser = torch.optim.LBFGS(free, max_iter=steps, history_size=12, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            raise_if_cancelled(cancelled)
            optimiser.zero_grad()
            value = problem.improbability(*free)
            value.backward()
            return value

        optimiser.step(loss)
    with torch.no_grad():
        found = problem.body(*(x.detach() for x in free))
    return found if all(bool(torch.isfinite(x).all()) for x in vars(found).values()) else said


class _Problem:
    """What is looked for, as numbers that are normal and independent by the prior: ``z`` (69, L + padding) and ``q``
    (6,), and how improbable they are."""

    def __init__(self, said: SeenBody, keypoints: Tensor, k: Tensor, errors: EstimationErrors) -> None:
        self.said, self.frames = said, len(keypoints)
        self.filmed = _body(said.place.device)
        self.rotations = said.rotations.permute(2, 3, 1, 0)[:, :, :, None].contiguous()  # (3, 3, 22, 1, L)
        self.root_of_frame = torch.linalg.cholesky(_regular(errors.frame))
        self.root_of_shape = torch.linalg.cholesky(_regular(errors.shape))
        reach = math.ceil(3 * SMOOTH)
        bell = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=k.device) / SMOOTH) ** 2)
        self.bell = (bell / bell.square().sum().sqrt())[None, None]
        self.padded = self.frames + 2 * reach
        # the box of each frame shakes, and the place that is told about it: what is looked for does not
        depth = said.place[:, 2].clamp(NEAR, 100.0)
        line = torch.cat([said.place[:, :2] / depth[:, None], depth.log()[:, None]], dim=1)
        self.line = gaussian_smooth_onward(line, SMOOTH)
        self.depth = self.line[:, 2].exp()
        self.seen = pixels_to_plane(keypoints[..., :2], k).permute(1, 2, 0)  # (17, 2, L)
        self.weight = torch.where(keypoints[..., 2] > VISIBLE_CONFIDENCE, keypoints[..., 2].clamp(max=1.0), 0.0).T

    def _moved(self, z: Tensor, q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rotations as planes (3, 3, 22, 1, L), place (3, L) and shape (6,)."""
        off = self.root_of_frame @ F.conv1d(z[:, None], self.bell)[:, 0]
        turn = _turns(off[: 3 * JOINTS].reshape(JOINTS, 3, self.frames))[:, :, :, None]
        rotations = (self.rotations[:, :, None] * turn[None]).sum(1)
        across, depth = self.line[:, :2].T + off[-3:-1], self.depth * off[-1].exp()
        return rotations, torch.cat([across * depth, depth[None]]), self.said.shape + self.root_of_shape @ q

    def improbability(self, z: Tensor, q: Tensor) -> Tensor:
        """Minus the logarithm, up to a constant and a factor."""
        rotations, place, shape = self._moved(z, q)
        offsets, face, _ = self.filmed.shaped(shape[None])
        points = self.filmed.turned(rotations, offsets, face).planes[list(COCO), :, 0] + place
        flat = points[:, :2] / points[:, 2:].clamp(min=NEAR)
        off = ((flat - self.seen) * self.depth).square().sum(1) / SIGMA**2
        unlike = 2 * TAILS * torch.log1p(off / (2 * TAILS))
        return (unlike * self.weight).sum() + FIRM * z.square().sum() + FIRM_SHAPE * q.square().sum()

    def body(self, z: Tensor, q: Tensor) -> SeenBody:
        """What these numbers stand for."""
        rotations, place, shape = self._moved(z, q)
        return SeenBody(rotations[:, :, :, 0].permute(3, 2, 0, 1).contiguous(), place.T.contiguous(), shape)


def nearest(known: Tensor) -> Tensor:
    """For each of L frames the nearest one that is ``known`` (L,) bool, one at least."""
    last, after = (x[0] for x in around(known[None]))
    at = torch.arange(len(known), device=known.device)
    first = (last >= 0) & ((after == len(known)) | (at - last <= after - at))
    return torch.where(first, last, after)


def _regular(covariance: Tensor, shrink: float = 0.05) -> Tensor:
    """Nearer to independent numbers, as few thousand frames of few people cannot tell all of it."""
    alone = torch.diag(covariance.diagonal())
    return (1 - shrink) * covariance + shrink * alone + 1e-6 * torch.eye(len(covariance), device=covariance.device)


def _turns(vector: Tensor) -> Tensor:
    """Rotation vectors (N, 3, L) to matrices as planes (3, 3, N, L), smooth at zero too."""
    x, y, z = vector.unbind(1)
    square = vector.square().sum(1) + 1e-12
    angle = square.sqrt()
    a, b = torch.sin(angle) / angle, (1 - torch.cos(angle)) / square
    c = torch.cos(angle)
    rows = (
        (c + b * x * x, b * x * y - a * z, b * x * z + a * y),
        (b * x * y + a * z, c + b * y * y, b * y * z - a * x),
        (b * x * z - a * y, b * y * z + a * x, c + b * z * z),
    )
    return torch.stack([torch.stack(row) for row in rows])
