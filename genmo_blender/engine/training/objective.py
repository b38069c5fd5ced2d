"""The bundled model's training objective (mini_model.md, "Recipe", loss).

The release's losses (spec 7.5) with the weights that suit a small network on little data, and two that the release
lacks: world joint velocity and acceleration, without which takes jitter (mini_model.md, "First tries").
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..body.kinematics import PARENTS_22, canonical_offsets, forward_kinematics
from ..network.heads import NetworkOutput
from ..representation.codec import BODY_POSE, DIM, GLOBAL_ORIENT, GLOBAL_ORIENT_GV, LOCAL_TRANSL_VEL, Statistics
from ..representation.rotations import matrix_from_6d, product, turned
from .batches import Batch
from .footage import Film

FPS = 30.0
FEET = (7, 10, 8, 11)
ROUGH = 3.0
"""Metres a second. Up to here errors of velocity count by their square: where a blow may fall sooner or later, what is
least wrong by its size is no blow at all. Beyond they count by their size, or a fresh network, whose frames jump about,
would learn nothing else."""


@dataclass(frozen=True)
class Weights:
    """Weight of every term; units in the name of the quantity each is a mean of (D14: masked, over all elements)."""

    simple: float = 1.0
    orientation: float = 4.0  # of the root's channels within simple: 12 of 151, and all of a turn is in them
    step: float = 10.0  # of the velocity's within simple: 3 of 151, and all of a side step
    joints: float = 50.0  # squared metres, root-relative
    travel: float = 1.0  # metres, rolled out with the true orientation
    contact: float = 0.1
    foot_speed: float = 1.0  # m/s of feet that should stand
    velocity: float = 0.2  # squared m/s, up to ROUGH
    acceleration: float = 0.004  # m/s2
    camera: float = 1.0  # of footage: scale, and shifts in units of the box
    reprojection: float = 150.0  # of footage: squared widths of the box
    keypoints: float = 150.0  # of footage without truth, likewise; in the release both weigh 1000 (spec 7.6)

    def channels(self) -> Tensor:
        """Weight of each channel of the code within ``simple``, (151,); on average 1."""
        weight = torch.ones(DIM)
        weight[GLOBAL_ORIENT] = weight[GLOBAL_ORIENT_GV] = self.orientation
        weight[LOCAL_TRANSL_VEL] = self.step
        return weight / weight.mean()


@dataclass(frozen=True)
class Said:
    """What the network said: ``raw`` (B, L, 151) the code, ``root`` (B, L, 3, 3) in the world, ``joints`` (B, L, 22, 3)
    metres from the pelvis in world axes."""

    raw: Tensor
    root: Tensor
    joints: Tensor

    @property
    def root_camera(self) -> Tensor:
        """The root before the camera, (B, L, 3, 3); footage alone asks for it."""
        return matrix_from_6d(self.raw[..., GLOBAL_ORIENT])


def terms(
    out: NetworkOutput, batch: Batch, statistics: Statistics, channels: Tensor, made: Film | None = None
) -> tuple[dict[str, Tensor], Said]:
    """Unweighted losses, each a scalar, and what they were computed from. In float32 whatever the network ran in.

    ``channels`` (151,) weigh the simple loss (`Weights.channels`); ``made`` is what footage changed for these samples:
    their bodies, and the axes that orientations are told in.
    """
    valid = batch.valid.float()
    pred = out.pred_x.float()
    raw = statistics.denormalise(pred)
    pose = matrix_from_6d(raw[..., BODY_POSE].unflatten(-1, (21, 6)))
    root = matrix_from_6d(raw[..., GLOBAL_ORIENT_GV])
    velocity = raw[..., LOCAL_TRANSL_VEL]
    if made is None:
        offsets = canonical_offsets(pred.device)
    else:
        root, offsets = product(made.gv_to_world, root), made.offsets
    _, joints = forward_kinematics(torch.cat([root[..., None, :, :], pose], dim=-3), offsets, PARENTS_22)

    step = turned(root, velocity)
    true_step = turned(batch.root, batch.velocity)
    moved = _world_velocity(joints, step)
    true_moved = _world_velocity(batch.joints, true_step)
    pair = (valid[:, 1:] * valid[:, :-1])[..., None]
    triple = pair[:, 1:] * pair[:, :-1]
    stands = (batch.contacts[:, :-1, :4] * batch.contacts[:, 1:, :4]) * pair
    travel = torch.cumsum(turned(batch.root, velocity) - true_step, dim=1)
    contact = F.binary_cross_entropy_with_logits(out.static_conf_logits.float(), batch.contacts, reduction="none")
    parts = {
        "simple": ((pred - batch.x0) ** 2 * channels * valid[..., None]).mean(),
        "joints": ((joints - batch.joints) ** 2 * valid[..., None, None]).mean(),
        "travel": (travel.abs() * valid[..., None]).mean(),
        "contact": (contact * valid[..., None]).mean(),
        "foot_speed": (
            torch.linalg.vector_norm(torch.stack([moved[:, :, foot] for foot in FEET], dim=2) + 1e-8, dim=-1) * stands
        ).mean(),
        "velocity": (_huber(moved - true_moved) * pair[..., None]).mean(),
        "acceleration": (((moved - true_moved).diff(dim=1)).abs() * FPS * triple[..., None]).mean(),
    }
    return parts, Said(raw, root, joints)


def total(parts: dict[str, Tensor], weights: Weights) -> Tensor:
    """The weighted sum."""
    loss = parts["simple"] * weights.simple
    for name, part in parts.items():
        if name != "simple":
            loss = loss + part * getattr(weights, name)
    return loss


def _huber(error: Tensor) -> Tensor:
    """The square up to `ROUGH`, going on straight from there."""
    return 2.0 * F.huber_loss(error, torch.zeros_like(error), reduction="none", delta=ROUGH)


def _world_velocity(joints: Tensor, step: Tensor) -> Tensor:
    """(B, L-1, 22, 3) m/s from root-relative joints (B, L, 22, 3) and root steps (B, L, 3), metres a frame."""
    return (joints.diff(dim=1) + step[:, :-1, None]) * FPS
