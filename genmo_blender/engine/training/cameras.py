"""Synthetic cameras around a motion: still, moving, following (spec 7.7, "v11"), all samples at once.

Where the specification leaves a choice or cannot be taken literally: a following camera keeps the root at its place in
the picture, whatever it turns, so that turning becomes an orbit; turns are interpolated along their axis, since a line
through 6D numbers breaks down near half a turn; step noise adds up over the frames; an impulse turns the camera about
its own centre. The focal length lies between the two rules of spec 5.1 D8 (24 mm film and the diagonal), as a footage
importer guesses it by the one and the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..constants import constant
from ..representation.rotations import axis_angle_to_matrix, yaw_matrix
from .draws import Draws

IMAGE = 1000.0  # pixels, both ways
FOCAL = (784.5, 1414.2)  # pixels: 24 mm of full-frame film; the image's diagonal
NEAREST = 0.5  # m; no joint is nearer to the camera
IMPULSE_FRAMES = 20
STILL, RANDOM, TRACK, ORBIT, PUSH, PULL = range(6)
ANY = -1
KIND_SHARES = (0.40, 0.25, 0.15, 0.10, 0.05, 0.05)
_TURN = (math.pi / 6, math.pi / 3, math.pi / 6)
_ORBIT = (math.pi / 16, math.pi, math.pi / 16)


@dataclass(frozen=True)
class Cameras:
    """World to camera: ``r_w2c`` (B, L, 3, 3), ``t_w2c`` (B, L, 3) metres, y down and z forward in the camera; ``k``
    (B, 3, 3) pixels of a picture `IMAGE` wide and high; ``kind`` (B,), one of STILL .. PULL."""

    r_w2c: Tensor
    t_w2c: Tensor
    k: Tensor
    kind: Tensor

    def see(self, points: Tensor) -> Tensor:
        """World points (B, L, N, 3) in the camera's frame."""
        return points @ self.r_w2c.transpose(-1, -2) + self.t_w2c[..., None, :]


def draw_cameras(joints: Tensor, draws: Draws, asked: Tensor | None = None) -> Cameras:
    """A camera for each motion; ``joints`` (B, L, 22, 3) metres in the y-up world, joint 0 the root.

    ``asked`` (B,): the kind of each, one of STILL .. PULL, or `ANY`; without it all are drawn. Every joint ends at
    least half a metre in front of the camera and the root in its picture, on all frames: the camera steps back as far
    as that takes.
    """
    root = joints[:, :, 0]
    kind = torch.bucketize(draws.uniform(), constant(KIND_SHARES[:-1], joints.device).cumsum(0), right=True)
    if asked is not None:
        kind = kind.where(asked == ANY, asked)
    focal = FOCAL[0] * (FOCAL[1] / FOCAL[0]) ** draws.uniform()
    half_view = IMAGE / 2 / focal  # tangent of half the field of view
    begin, place = _start(draws, half_view)
    rotation, drift = _turned(draws, kind, begin, joints.shape[1]), _drift(draws, kind, place, joints.shape[1])
    follows = (kind >= TRACK)[:, None, None]
    # a free camera's centre in the world; a following one's subject stays in the picture
    centre = root[:, :1] - (begin.transpose(-1, -2) @ place[..., None]).squeeze(-1)[:, None] + drift
    free = -(rotation @ centre[..., None]).squeeze(-1)
    seen = place[:, None] + drift - (rotation @ root[..., None]).squeeze(-1)
    shift = torch.where(follows, seen, free)
    rotation, shift = _shaken(draws, kind, rotation, shift)
    depth = (joints @ rotation[:, :, 2, :, None]).squeeze(-1).amin(-1) + shift[..., 2]
    x, y, z = ((rotation @ root[..., None]).squeeze(-1) + shift).unbind(-1)
    lacking = torch.maximum(NEAREST - depth, torch.maximum(x.abs(), y.abs()) / half_view[:, None] - z)
    shift[..., 2] += lacking.amax(1, keepdim=True).clamp(min=0)
    zero, middle, one = torch.zeros_like(focal), torch.full_like(focal, IMAGE / 2), torch.ones_like(focal)
    k = torch.stack([focal, zero, middle, zero, focal, middle, zero, zero, one], dim=-1).unflatten(-1, (3, 3))
    return Cameras(rotation, shift, k, kind)


def _start(draws: Draws, half_view: Tensor) -> tuple[Tensor, Tensor]:
    """First rotation (B, 3, 3), and the root's first place in the camera's frame (B, 3)."""
    yaw = 2 * math.pi * draws.uniform()
    tilt = draws.normal(2) * constant((math.pi / 8, math.pi / 24), yaw.device)
    tilt = (tilt + constant((math.pi / 36, 0.0), yaw.device)).clamp(-math.pi / 2, math.pi / 2)
    zero = torch.zeros_like(yaw)
    pitch = axis_angle_to_matrix(torch.stack([tilt[:, 0], zero, zero], dim=-1))
    roll = axis_angle_to_matrix(torch.stack([zero, zero, tilt[:, 1]], dim=-1))
    upright = torch.diag(constant((-1.0, -1.0, 1.0), yaw.device))
    near = draws.uniform() < 0.4
    depth = torch.where(near, 1 + 5 * draws.uniform(), 4 + 8 * draws.uniform())
    margin = half_view * depth
    x = torch.where(near, draws.either_way() * 0.7 * margin, _bounded(1.6 * draws.normal(), 0.9 * margin))
    y = torch.where(near, draws.either_way() * 0.5 * margin, _bounded(0.8 * draws.normal(), 0.9 * margin))
    return roll @ pitch @ yaw_matrix(yaw) @ upright, torch.stack([x, y, depth], dim=-1)


def _bounded(x: Tensor, most: Tensor) -> Tensor:
    return torch.maximum(torch.minimum(x, most), -most)


def _progress(draws: Draws, frames: int) -> Tensor:
    """From 0 to 1 over the frames, each step up to a fifth longer or shorter: (B, L, 1)."""
    steps = 1 + 0.2 * draws.either_way(frames - 1)
    done = torch.cumsum(steps, dim=1) / steps.sum(1, keepdim=True)
    return torch.nn.functional.pad(done, (1, 0))[..., None]


def _turned(draws: Draws, kind: Tensor, begin: Tensor, frames: int) -> Tensor:
    """Rotations (B, L, 3, 3): turned about axes of the world, half as far where the camera follows."""
    device = begin.device
    turn, orbit = draws.either_way(3) * constant(_TURN, device), draws.normal(3) * constant(_ORBIT, device)
    amount = constant((0.0, 1.0, 0.5, 0.0, 0.5, 0.5), device)[kind, None]
    vector = torch.where((kind == ORBIT)[:, None], orbit, amount * turn)
    return begin[:, None] @ axis_angle_to_matrix(_progress(draws, frames) * vector[:, None])


def _drift(draws: Draws, kind: Tensor, place: Tensor, frames: int) -> Tensor:
    """How far the camera (RANDOM, in the world) or the subject before it (TRACK .. PULL) moves: (B, L, 3) metres."""
    free, followed = draws.normal(3) * constant((1.0, 0.25, 1.0), place.device), 0.5 * draws.normal(3)
    nearer = constant((0.0, 0.0, 0.0, 0.0, -0.5, 1.0), place.device)[kind]
    bias = nearer * place[:, 2] * (1 + 0.1 * draws.normal()).clamp(0.67, 1.5)
    followed = torch.cat([followed[:, :2], (followed[:, 2] + bias)[:, None]], dim=-1)
    end = torch.where((kind >= TRACK)[:, None], followed, free) * (kind != STILL)[:, None]
    return _progress(draws, frames) * end[:, None]


def _shaken(draws: Draws, kind: Tensor, rotation: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
    """The unrest of a hand: a walk of 2.5 mm steps, and in half of the samples one impulse of 20 frames."""
    frames = rotation.shape[1]
    moves = (kind != STILL)[:, None, None]
    which = draws.uniform(1, 1)
    peak = IMPULSE_FRAMES / 2 + (frames - IMPULSE_FRAMES) * draws.uniform(1)
    frame = torch.arange(frames, device=shift.device)
    shape = (1 - (frame - peak).abs() / (IMPULSE_FRAMES / 2)).clamp(min=0)[..., None] * moves
    pushed = 0.15 * draws.normal(1, 3) * ((which < 0.2) | ((which >= 0.4) & (which < 0.5)))
    turned = math.pi / 36 * draws.normal(1, 3) * ((which >= 0.2) & (which < 0.5))
    turn = axis_angle_to_matrix(shape * turned)
    walk = torch.cumsum(0.0025 * draws.normal(frames, 3), dim=1) * moves
    return turn @ rotation, (turn @ shift[..., None]).squeeze(-1) + walk + shape * pushed
