"""What plain interpolation says between keys: told to the network, and what its answer may lean on.

A small network that has to find a gap's motion out of nothing is worse than interpolation; one that says what
interpolation lacks is not (Oreshkin et al. 2022, arXiv 2201.06701: the difference to slerp is easier to learn than the
motion). So every part of the code is interpolated between its own keys, held before the first and after the last, and
the root's way between two known roots is straight (`root_goals` says which). It costs nothing where nothing is keyed.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...model.config import BETWEEN_PARTS
from ..representation.codec import BODY_POSE, GLOBAL_ORIENT, GLOBAL_ORIENT_GV, LOCAL_TRANSL_VEL, Statistics
from ..representation.known import around
from ..representation.rotations import matrix_from_6d, turned
from .root_goals import FPS

GRAVITY_VIEW = BETWEEN_PARTS - 1
_NEAR = 4.0  # frames from a key at which its nearness is a half


def between_keys(observed: Tensor, mask: Tensor, goals: Tensor, statistics: Statistics) -> Tensor:
    """The condition (B, L, 198) of keys ``observed`` (B, L, 151), normalised, where ``mask`` (B, L, 151) is true, and
    of known roots, ``goals`` (B, L, 14).

    0..150 the interpolated code, normalised, 0 where there is none (shapes have none); 151..173 how near the last key
    of each of 23 rotations is (21 joints, the root before the camera and in the gravity view), 1 at the key and 0
    where there was none; 174..196 the same of the next one; 197 whether the step is known. Rotations are mixed in
    their six numbers, which the network's answer is made of, and not along the sphere.
    """
    known = _rotations(mask.bool())[..., 0]
    values = _rotations(observed)
    frames = known.shape[1]
    frame = torch.arange(frames, device=known.device)[:, None]
    last, after = around(known)
    has_last, has_next = last >= 0, after < frames
    first, second = last.clamp(min=0), after.clamp(max=frames - 1)
    span = (second - first).clamp(min=1)
    share = torch.where(has_last & has_next, (frame - first) / span, torch.where(has_last, 0.0, 1.0))[..., None]
    begin, end = (values.gather(1, at[..., None].expand(-1, -1, -1, 6)) for at in (first, second))
    mixed = torch.where((has_last | has_next)[..., None], torch.lerp(begin, end, share), 0.0)
    gaps = (has_last, frame - last), (has_next, after - frame)
    near = [torch.where(has, _NEAR / (_NEAR + gap), 0.0) for has, gap in gaps]
    code = observed.new_zeros(observed.shape)
    code[..., BODY_POSE] = mixed[..., :21, :].flatten(-2)
    code[..., GLOBAL_ORIENT], code[..., GLOBAL_ORIENT_GV] = mixed[..., 21, :], mixed[..., GRAVITY_VIEW, :]
    facing = (has_last | has_next)[..., GRAVITY_VIEW]
    step, steps = _step(code, facing, goals, statistics)
    exact = mask[..., LOCAL_TRANSL_VEL].bool()
    code[..., LOCAL_TRANSL_VEL] = torch.where(exact, observed[..., LOCAL_TRANSL_VEL], step)
    return torch.cat([code, *near, (steps | exact[..., :1]).to(code.dtype)], dim=-1)


def _rotations(code: Tensor) -> Tensor:
    """The code's rotations, (B, L, 23, 6)."""
    roots = code[..., GLOBAL_ORIENT.start : GLOBAL_ORIENT_GV.stop]
    return torch.cat([code[..., BODY_POSE], roots], dim=-1).unflatten(-1, (-1, 6))


def _step(code: Tensor, facing: Tensor, goals: Tensor, statistics: Statistics) -> tuple[Tensor, Tensor]:
    """Straight steps (B, L, 3), normalised, in the axes of the interpolated root, where it is ``facing`` (B, L) some
    way, else of one upright that turns evenly from the last known heading to the next; and (B, L, 1) where known."""
    share = goals[..., 5] / (goals[..., 5] + goals[..., 12]).clamp(min=1e-6)
    heading = torch.lerp(goals[..., 3:5], goals[..., 10:12], share[..., None])
    told = goals[..., 3:5].abs().amax(-1) * goals[..., 10:12].abs().amax(-1) > 0
    sine, cosine = torch.nn.functional.normalize(heading, dim=-1, eps=1e-6).unbind(-1)
    zero, one = torch.zeros_like(sine), torch.ones_like(sine)
    upright = torch.stack([cosine, zero, sine, zero, one, zero, -sine, zero, cosine], dim=-1).unflatten(-1, (3, 3))
    rotation = matrix_from_6d(statistics.denormalise(code)[..., GLOBAL_ORIENT_GV])
    rotation = torch.where(facing[..., None, None], rotation, upright)
    known = (goals[..., 6] * goals[..., 13] > 0) & (facing | told)
    step = turned(rotation.mT, goals[..., :3] / FPS)
    step = (step - statistics.mean[LOCAL_TRANSL_VEL]) / statistics.std[LOCAL_TRANSL_VEL]
    return torch.where(known[..., None], step, 0.0), known[..., None]
