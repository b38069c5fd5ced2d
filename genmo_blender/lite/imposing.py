"""What is keyed, imposed on every answer of the network (engine/diffusion/imposing.py says why)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..motion import rotations as rot
from ..motion.easing import eased
from .codec import GLOBAL_ORIENT_GV, LOCAL_TRANSL_VEL, Statistics
from .keys import KeyedMotion
from .layers import Array

Imposed = Callable[[Array], Array]
"""An answer's `pred_x` (B, L, 151), normalised, to one that meets what is known."""


@dataclass(frozen=True, eq=False)
class Imposing:
    """Keys of one sample, for all takes."""

    keys: KeyedMotion
    statistics: Statistics

    def __call__(self, pred_x: Array) -> Array:
        """The answer (B, L, 151) with its keys met."""
        code = np.where(self.keys.mask, self.keys.observed, pred_x)
        raw = self.statistics.denormalise(code.astype(np.float64))
        root = rot.from_6d(raw[..., GLOBAL_ORIENT_GV])
        step = rot.rotate(root, raw[..., LOCAL_TRANSL_VEL])
        path = np.cumsum(step, axis=1) - step
        gap = self.keys.place - path
        bent = eased(gap, self.keys.placed)
        bent[..., 1] = eased(gap, self.keys.roots)[..., 1]
        step = rot.rotate(rot.conjugate(root[:, :-1]), np.diff(path + bent, axis=1))
        step = np.concatenate([step, raw[:, -1:, LOCAL_TRANSL_VEL]], axis=1)
        code[..., LOCAL_TRANSL_VEL] = (step - self.statistics.mean[LOCAL_TRANSL_VEL]) / self.statistics.std[
            LOCAL_TRANSL_VEL
        ]
        return code.astype(np.float32)
