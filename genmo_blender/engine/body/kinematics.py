"""Forward kinematics in torch, vectorised over joints of equal depth (spec 4.7)."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

# The SMPL(-X) body: pelvis, hips, spine ... wrists.
PARENTS_22 = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)


@lru_cache(maxsize=16)
def _levels(parents: tuple[int, ...]) -> tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]:
    """Joints grouped by depth, and the permutation from that order back to joint order."""
    depth: list[int] = []
    for parent in parents:
        depth.append(0 if parent < 0 else depth[parent] + 1)
    levels = tuple(tuple(j for j, d in enumerate(depth) if d == k) for k in range(max(depth) + 1))
    order = [j for level in levels for j in level]
    return levels, tuple(order.index(j) for j in range(len(parents)))


def rest_offsets(joints: Tensor, parents: tuple[int, ...]) -> Tensor:
    """Rest joint positions (..., J, 3) -> offsets from the parent; the root keeps its position."""
    parent_index = torch.tensor([max(p, 0) for p in parents], device=joints.device)
    from_parent = joints - joints[..., parent_index, :]
    return torch.cat([joints[..., :1, :], from_parent[..., 1:, :]], dim=-2)


def forward_kinematics(rotations: Tensor, offsets: Tensor, parents: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """World rotations (..., J, 3, 3) and positions (..., J, 3) of a joint tree.

    ``rotations`` (..., J, 3, 3) local, ``offsets`` (..., J, 3) metres from the parent; offsets[..., 0, :] is the root's
    world position. The root is joint 0 and parents come before their children.
    """
    levels, back = _levels(parents)
    slot = {level[i]: (k, i) for k, level in enumerate(levels) for i in range(len(level))}
    offsets = offsets.expand(*rotations.shape[:-2], 3)
    world, position = [rotations[..., :1, :, :]], [offsets[..., :1, :]]
    for k, level in enumerate(levels[1:], start=1):
        joints = torch.tensor(level, device=rotations.device)
        above = torch.tensor([slot[parents[j]][1] for j in level], device=rotations.device)
        parent_world, parent_position = world[k - 1][..., above, :, :], position[k - 1][..., above, :]
        world.append(parent_world @ rotations[..., joints, :, :])
        position.append(parent_position + (parent_world @ offsets[..., joints, :, None]).squeeze(-1))
    order = torch.tensor(back, device=rotations.device)
    return torch.cat(world, dim=-3)[..., order, :, :], torch.cat(position, dim=-2)[..., order, :]
