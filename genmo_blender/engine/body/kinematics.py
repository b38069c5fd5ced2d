"""Forward kinematics in torch, vectorised over joints of equal depth (spec 4.7)."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ...motion.skeleton import canonical
from ..representation.rotations import product, turned

# The SMPL(-X) body: pelvis, hips, spine ... wrists.
PARENTS_22 = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)


@lru_cache(maxsize=16)
def _levels(parents: tuple[int, ...], device: torch.device) -> tuple[tuple[tuple[Tensor, Tensor], ...], Tensor]:
    """Joints of each depth below the root and where their parents are in the depth above; the permutation from that
    order back to joint order. Kept on the device: to bring them there would wait for it."""
    depth: list[int] = []
    for parent in parents:
        depth.append(0 if parent < 0 else depth[parent] + 1)
    levels = tuple(tuple(j for j, d in enumerate(depth) if d == k) for k in range(max(depth) + 1))
    order = [j for level in levels for j in level]
    with torch.inference_mode(False):
        indices = tuple(
            (torch.tensor(level, device=device), torch.tensor([above.index(parents[j]) for j in level], device=device))
            for above, level in zip(levels, levels[1:], strict=False)
        )
        return indices, torch.tensor([order.index(j) for j in range(len(parents))], device=device)


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
    levels, back = _levels(parents, rotations.device)
    offsets = offsets.expand(*rotations.shape[:-2], 3)
    world, position = [rotations[..., :1, :, :]], [offsets[..., :1, :]]
    for joints, above in levels:  # by index_select, whose gradient costs little
        parent_world, parent_position = world[-1].index_select(-3, above), position[-1].index_select(-2, above)
        world.append(product(parent_world, rotations.index_select(-3, joints)))
        position.append(parent_position + turned(parent_world, offsets.index_select(-2, joints)))
    return torch.cat(world, dim=-3).index_select(-3, back), torch.cat(position, dim=-2).index_select(-2, back)


@lru_cache(maxsize=4)
def canonical_offsets(device: torch.device) -> Tensor:
    """(22, 3) metres from each joint's parent in the bundled body, kept on the device."""
    return torch.as_tensor(canonical().offsets, dtype=torch.float32, device=device)
