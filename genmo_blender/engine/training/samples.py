"""What every importer gives: captioned motion on the canonical skeleton, 30 frames a second, Y up."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...motion import kinematics, rotations
from ...motion.skeleton import LEFT_RIGHT, canonical

Array = np.ndarray


@dataclass(frozen=True)
class Caption:
    """A sentence over frames [start, end). ``kind``: "motion" (measured, exact range) or "trial" (whole clip);
    ``weak``: a crop of the clip need not show what the sentence says."""

    text: str
    start: int
    end: int
    kind: str
    weak: bool = False


@dataclass(frozen=True)
class Clip:
    """One recording. ``rotations`` (T, 22, 4) local unit quaternions, w first; ``transl`` (T, 3) the pelvis joint."""

    id: str
    rotations: Array
    transl: Array
    captions: tuple[Caption, ...]
    tags: tuple[str, ...]
    split: str
    source: str
    stylised: bool = False

    @property
    def frames(self) -> int:
        """Length in frames of 1/30 s."""
        return len(self.transl)

    def joints(self) -> Array:
        """World joints (T, 22, 3), metres."""
        return kinematics.joint_positions(canonical(), self.rotations, self.transl)


def mirrored(clip: Clip, mirror_words: object) -> Clip:
    """The clip with left and right exchanged, exact on a symmetric skeleton; ``mirror_words`` swaps words in captions.

    Reflection in x = 0: a quaternion keeps w and x and changes the sign of y and z.
    """
    order = np.array(LEFT_RIGHT)
    q = clip.rotations[:, order] * np.array([1.0, 1.0, -1.0, -1.0], dtype=clip.rotations.dtype)
    path = clip.transl * np.array([-1.0, 1.0, 1.0], dtype=clip.transl.dtype)
    captions = tuple(replace(c, text=mirror_words(c.text)) for c in clip.captions)  # type: ignore[operator]
    return replace(clip, id=f"{clip.id}~", rotations=rotations.continuous(q), transl=path, captions=captions)
