"""The release's inverse kinematics: four chains by cyclic coordinate descent toward held targets (spec 8.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..body.kinematics import PARENTS_22, forward_kinematics
from ..representation.rotations import (
    matrix_to_quaternion,
    quaternion_between,
    quaternion_product,
    quaternion_slerp,
    quaternion_to_matrix,
)
from .contacts import STATIC_JOINTS

ITERATIONS = 2


@dataclass(frozen=True)
class Limb:
    """A chain of five joints; ``targets`` maps a place in the chain to the index of its target in STATIC_JOINTS."""

    joints: tuple[int, int, int, int, int]
    targets: Mapping[int, int]


# The release hands the legs a second target, the toe, but names one effector only, so that the ankle never turns
# (spec 5.1 D10). `legs_reach_toes` brings the toe back.
_LEFT_LEG, _RIGHT_LEG = (0, 1, 4, 7, 10), (0, 2, 5, 8, 11)
_ARMS = (Limb((9, 13, 16, 18, 20), {4: 4}), Limb((9, 14, 17, 19, 21), {4: 5}))
OFFICIAL_LIMBS = (Limb(_LEFT_LEG, {3: 0}), Limb(_RIGHT_LEG, {3: 2}), *_ARMS)
TOE_LIMBS = (Limb(_LEFT_LEG, {3: 0, 4: 1}), Limb(_RIGHT_LEG, {3: 2, 4: 3}), *_ARMS)


def held_targets(planted: Tensor, logits: Tensor) -> Tensor:
    """Where the static joints should be: each frame's place, pulled to the last target by the contact's certainty.

    Q_0 = P_0, Q_t = c_{t-1} Q_{t-1} + (1 - c_{t-1}) P_t with c = sigmoid(logits). ``planted`` (..., L, 6, 3),
    ``logits`` (..., L, 6). The recurrence is solved by doubling the stride: log2 L steps instead of L.
    """
    hold = torch.sigmoid(logits[..., :-1, :]).unsqueeze(-1)
    factor = torch.cat([torch.zeros_like(hold[..., :1, :, :]), hold], dim=-3)
    value = planted * (1 - factor)
    length, stride = planted.shape[-3], 1
    while stride < length:
        earlier_value, earlier_factor = value[..., :-stride, :, :], factor[..., :-stride, :, :]
        value = torch.cat(
            [value[..., :stride, :, :], value[..., stride:, :, :] + factor[..., stride:, :, :] * earlier_value], dim=-3
        )
        factor = torch.cat([factor[..., :stride, :, :], factor[..., stride:, :, :] * earlier_factor], dim=-3)
        stride *= 2
    return value


def _chain_kinematics(local: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
    """World rotations (..., n, 3, 3) and positions (..., n, 3) of a chain whose first transform is its world's."""
    parents = tuple(range(-1, local.shape[-3] - 1))
    return forward_kinematics(local, offsets, parents)


def _unit_columns(matrix: Tensor) -> Tensor:
    return matrix / (torch.linalg.vector_norm(matrix, dim=-2, keepdim=True) + 1e-9)


def solve_chain(local: Tensor, offsets: Tensor, targets: Mapping[int, Tensor]) -> Tensor:
    """Turn the inner joints of a chain so that its ends come to their targets; the first joint never turns.

    ``local`` (..., n, 3, 3) rotations and ``offsets`` (..., n, 3), the first in world terms; ``targets`` place in the
    chain -> (..., 3). Joint i takes the share (i + 1) / n of the turn that would bring the end in line with its target;
    with several ends the turned axes are averaged. Returns local rotations like ``local``.
    """
    count = local.shape[-3]
    for _ in range(ITERATIONS):
        for i in range(1, count - 1):
            ends = [end for end in targets if end > i]
            if not ends:
                continue
            world, place = _chain_kinematics(local, offsets)
            here, now = place[..., i, :], matrix_to_quaternion(world[..., i, :, :])
            axes = torch.zeros_like(world[..., i, :, :])
            for end in ends:
                turn = quaternion_between(place[..., end, :] - here, targets[end] - here)
                share = quaternion_slerp(now, quaternion_product(turn, now), (i + 1) / count)
                axes = axes + quaternion_to_matrix(share)
            x = F.normalize(axes[..., :, 0], dim=-1)
            y = F.normalize(axes[..., :, 1], dim=-1)
            turned = torch.stack([x, y, torch.linalg.cross(x, y, dim=-1)], dim=-1)
            new = _unit_columns(world[..., i - 1, :, :].transpose(-1, -2) @ turned)
            local = torch.cat([local[..., :i, :, :], new.unsqueeze(-3), local[..., i + 1 :, :, :]], dim=-3)
    return local


def lock_limbs(rotations: Tensor, offsets: Tensor, logits: Tensor, limbs: Sequence[Limb] = OFFICIAL_LIMBS) -> Tensor:
    """Local rotations (..., L, 22, 3, 3) whose planted hands and feet stay where they were (spec 8.2).

    ``offsets`` (..., L, 22, 3), the root's in the world; ``logits`` (..., L, 6) of the static-joint head. Limbs are
    solved one after another, each seeing what the one before changed.
    """
    world, joints = forward_kinematics(rotations, offsets, PARENTS_22)
    targets = held_targets(joints[..., STATIC_JOINTS, :], logits)
    for limb in limbs:
        first = limb.joints[0]
        chain = torch.cat([world[..., first, None, :, :], rotations[..., limb.joints[1:], :, :]], dim=-3)
        steps = torch.cat([joints[..., first, None, :], offsets[..., limb.joints[1:], :]], dim=-2)
        solved = solve_chain(chain, steps, {end: targets[..., t, :] for end, t in limb.targets.items()})
        rotations = rotations.clone()
        rotations[..., limb.joints[1:], :, :] = solved[..., 1:, :, :]
        world, joints = forward_kinematics(rotations, offsets, PARENTS_22)
    return rotations
