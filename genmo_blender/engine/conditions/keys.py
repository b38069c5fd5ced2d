"""Keyed poses as a condition: the channels of the code that known joints tell, and the motion imposed there.

Known channels are imposed on `x_t` (spec 2.9) and announced to the network by the key mask, (B, L, 151); where roots
are known, and where the character stands at first, is told by root goals besides (`conditions.root_goals`), since the
code itself has no absolute position.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ..network.conditions import ConditionInputs
from ..representation.codec import (
    BETAS,
    BODY_POSE,
    DIM,
    GLOBAL_ORIENT,
    GLOBAL_ORIENT_GV,
    LOCAL_TRANSL_VEL,
    Statistics,
    encode_rotations,
    local_velocity,
)
from .between import between_keys
from .root_goals import RootKeys, heading_of, root_goals

JOINTS = 22
# A level still camera seen from the gravity-view frame (spec 4.4): its x and y point the other way.
LEVEL_CAMERA = torch.diag(torch.tensor([-1.0, -1.0, 1.0]))


def key_channels(joints: Tensor, camera_known: Tensor, shape_known: Tensor | None = None) -> Tensor:
    """The key mask (B, L, 151) bool of known ``joints`` (B, L, 22).

    A joint's key tells its six channels; the root's tells its orientation in the gravity view, and in the camera where
    ``camera_known`` (B,) says how the camera stands to it (the level camera of text and keys: yes; footage: no). A
    frame's velocity is the step to the next frame in the root's axes, so it is known where the root is at both of them
    and never on the last frame. The shape is known only where ``shape_known`` (B,) says so.
    """
    mask = torch.zeros(*joints.shape[:-1], DIM, dtype=torch.bool, device=joints.device)
    mask[..., BODY_POSE] = joints[..., 1:].repeat_interleave(6, dim=-1)
    root = joints[..., :1]
    mask[..., GLOBAL_ORIENT] = root & camera_known[:, None, None]
    mask[..., GLOBAL_ORIENT_GV] = root
    mask[:, :-1, LOCAL_TRANSL_VEL] = root[:, :-1] & root[:, 1:]
    if shape_known is not None:
        mask[..., BETAS] = shape_known[:, None, None]
    return mask


@dataclass(frozen=True)
class KeyedMotion:
    """What the sampler imposes, ``observed`` (B, L, 151) normalised where ``mask`` (B, L, 151) is true, and ``goals``
    (B, L, 14), the roots that are told beside it; ``between`` (B, L, 198), what interpolation says. The root is keyed
    at the frames ``roots`` (B, L) bool, at ``place`` (B, L, 3) metres; where the character stands without a key its
    place over the floor is known at ``standing`` (B, L) frames."""

    observed: Tensor
    mask: Tensor
    goals: Tensor
    between: Tensor
    roots: Tensor
    place: Tensor
    standing: Tensor

    @property
    def inputs(self) -> ConditionInputs:
        """As conditions of a network that has a key mask and root goals."""
        mask = self.mask.to(self.observed.dtype)
        return ConditionInputs(key_mask=mask, root_goal=self.goals, between=self.between)

    def of(self, takes: int) -> KeyedMotion:
        """One sample as so many takes."""
        parts: list[Tensor] = [getattr(self, f.name) for f in fields(self)]
        return KeyedMotion(*(x.expand(takes, *x.shape[1:]) for x in parts))


def keyed_motion(
    rotations: Tensor,
    path: Tensor,
    known: Tensor,
    statistics: Statistics,
    standing: Tensor | None = None,
    facing: Tensor | None = None,
) -> KeyedMotion:
    """Keys of ``known`` (B, L, 22) bool joints of motions: local ``rotations`` (B, L, 22, 3, 3) and pelvis ``path``
    (B, L, 3) metres, y up; values that are not known are not read, except the root's at the first frame, where the
    character stands, unless ``standing`` (B,) bool says that nobody knows where; ``standing`` (B, L) says at which
    frames its place over the floor is known, ``facing`` (B, L) at which of the known ones its heading is (None: all).

    Joint 0 known means the root's orientation and place. The axes are those of the answer (`solve.world_motion`); most
    windows of training begin facing +z.
    """
    known = known.bool()
    root, body = rotations[..., 0, :, :], rotations[..., 1:, :, :]
    shape = path.new_zeros(*path.shape[:-1], 10)
    level = LEVEL_CAMERA.to(root)
    code = encode_rotations(body, shape, level @ root, root, local_velocity(path, root), statistics)
    mask = key_channels(known, torch.ones(len(known), dtype=torch.bool, device=known.device))
    keyed = known[..., 0]
    start = torch.zeros_like(keyed)
    if standing is not None and standing.dim() > 1:
        start = standing.bool()
    else:
        start[:, 0] = True if standing is None else standing
    told = keyed | start if facing is None else (keyed | start) & facing
    keys = RootKeys.at_frames(keyed | start, path, heading_of(root), told, keyed)
    goals = root_goals(keys, path.shape[1])
    observed = torch.where(mask, code, 0.0)
    between = between_keys(observed, mask, goals, statistics)
    return KeyedMotion(observed, mask, goals, between, keyed, path, start & ~keyed)
