"""What is keyed, imposed on every answer of the network, so that the sampler goes on from a motion that meets it.

The denoiser is given clean motion where it is keyed (spec 2.9), but nothing makes its answer agree, and the code has no
place: steps that are each a little wrong miss the next keyed root by decimetres. Here the keyed channels are put into
the answer, and the way between two known roots is bent to begin at the one and end at the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..representation.codec import GLOBAL_ORIENT_GV, LOCAL_TRANSL_VEL, Statistics
from ..representation.known import around
from ..representation.rollout import roll_out_translation
from ..representation.rotations import matrix_from_6d, turned

Imposed = Callable[[Tensor], Tensor]
"""An answer's `pred_x` (B, L, 151), normalised, to one that meets what is known."""


@dataclass(frozen=True)
class Imposing:
    """``observed`` (B, L, 151), normalised, where ``mask`` (B, L, 151) is true; roots are at ``place`` (B, L, 3) metres
    at the frames ``roots`` (B, L) bool, in the axes of the gravity view, which must not turn; at ``standing`` (B, L)
    frames they are there as seen from above."""

    observed: Tensor
    mask: Tensor
    roots: Tensor
    place: Tensor
    statistics: Statistics
    standing: Tensor | None = None

    def __call__(self, pred_x: Tensor) -> Tensor:
        """The answer (B, L, 151) with its keys met."""
        code = torch.where(self.mask.bool(), self.observed, pred_x)
        raw = self.statistics.denormalise(code)
        root = matrix_from_6d(raw[..., GLOBAL_ORIENT_GV])
        path = roll_out_translation(raw[..., LOCAL_TRANSL_VEL], root)
        gap = self.place - path
        bent = eased(gap, self.roots)
        if self.standing is not None:
            flat = eased(gap, self.roots | self.standing)
            bent = torch.stack([flat[..., 0], bent[..., 1], flat[..., 2]], dim=-1)
        path = path + bent
        step = turned(root[:, :-1].mT, path.diff(dim=1))
        step = torch.cat([step, raw[:, -1:, LOCAL_TRANSL_VEL]], dim=1)
        velocity = (step - self.statistics.mean[LOCAL_TRANSL_VEL]) / self.statistics.std[LOCAL_TRANSL_VEL]
        return torch.cat([code[..., : LOCAL_TRANSL_VEL.start], velocity], dim=-1)


def eased(values: Tensor, known: Tensor) -> Tensor:
    """``values`` (B, L, C) at the ``known`` (B, L) frames, and between two of these from one to the other along
    3 s^2 - 2 s^3, whose slope is 0 at both; held before the first and after the last, 0 where none is known."""
    frames = known.shape[1]
    frame = torch.arange(frames, device=known.device)
    last, after = around(known)
    has_last, has_next = last >= 0, after < frames
    first = torch.where(has_last, last, after).clamp(max=frames - 1)
    second = torch.where(has_next, after, last).clamp(min=0)
    share = ((frame - first) / (second - first).clamp(min=1))[..., None]
    begin, end = (values.gather(1, at[..., None].expand(-1, -1, values.shape[-1])) for at in (first, second))
    mixed = begin + (end - begin) * share.square() * (3 - 2 * share)
    return torch.where((has_last | has_next)[..., None], mixed, 0.0)
