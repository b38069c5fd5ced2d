"""Where the release is wrong (spec 5.1): one record of switches. False is the sane way, True what the release does.

Deviations that are no choice at run time (training data, dead code) are not here, nor those of parts that are not
built yet (D9, keypoint confidence) or that nobody wants back (D27, an encoded empty caption): spec 5.1 has the list.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal


@dataclass(frozen=True)
class OfficialQuirks:
    """One field for each switchable deviation; the number is its row in spec 5.1.

    `gravity_view` and `focal_rule` belong to a checkpoint: they say what its weights were trained with.
    """

    gravity_view: Literal["up", "down"] = "up"
    """D2: which way the y axis of the gravity-view frame points; the ancestor's points down."""
    focal_rule: Literal["diagonal", "longest_side"] = "diagonal"
    """D8: focal length guessed from the image's diagonal, or from its longest side as the release does."""
    velocity_without_transpose: bool = False
    """D1: the encoder takes R d for the local velocity although the roll-out needs R^T d."""
    late_yaw: bool = True
    """D7: the roll-out turns frame i by the camera's rotation i instead of i - 1. Matched unless told otherwise, as
    spec 5.1 decides: the ancestor does the same, and smoothing hides it."""
    arc_cosine_yaw: bool = False
    """The roll-out takes the camera's heading step from an arc cosine, so that even a still camera turns the world by
    rounding noise of 3.5e-4 rad a frame; ours comes from an arc tangent and is exact."""
    ankle_targets_only: bool = False
    """D10: the clean-up ignores the toe's target."""
    ground_lowest_joint: bool = False
    """Spec 8.1: the lowest joint of the clip is put on the floor; ours puts the soles there."""
    mask_local_orient_2d: bool = False
    """D15: samples supervised in the camera alone lose the camera-frame orientation from the simple loss too."""
    unused_noise_draw: bool = False
    """Spec 5.2: every DDIM step draws noise that is never used; needed where a stream of random numbers must match."""

    @classmethod
    def official(cls) -> OfficialQuirks:
        """The release as it is: what parity compares with."""
        switches = {f.name: True for f in fields(cls) if f.type == "bool"}
        return cls(gravity_view="up", focal_rule="longest_side", **switches)
