"""What every importer gives: captioned motion on the canonical skeleton, 30 frames a second, Y up."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...motion import kinematics, mirroring
from ...motion.skeleton import canonical

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
class Keypoints:
    """What a detector saw of a person. ``points`` (T, 17, 3): COCO-17 in pixels, x to the right, y down, and how sure
    it is, 0 to 1 (0: not seen). ``size``: width and height of the picture; ``focal`` in pixels, 0: not known.
    ``images`` (T, C) float16: what an image encoder said of each frame (spec 6.4), None without."""

    points: Array
    size: tuple[int, int]
    focal: float = 0.0
    images: Array | None = None


@dataclass(frozen=True)
class Clip:
    """One recording: what the plan calls TrainSample.

    ``rotations`` (T, 22, 4) local unit quaternions, w first; ``transl`` (T, 3) the pelvis joint. Of 2D-only footage
    there are ``keypoints`` alone, and both have no frames. ``music`` is the file of the song that is danced to,
    ``voice`` that of what is said, both from the first frame on, "" for none; ``words`` are those said, as captions.
    """

    id: str
    rotations: Array
    transl: Array
    captions: tuple[Caption, ...]
    tags: tuple[str, ...]
    split: str
    source: str
    stylised: bool = False
    music: str = ""
    voice: str = ""
    words: tuple[Caption, ...] = ()
    keypoints: Keypoints | None = None

    @property
    def frames(self) -> int:
        """Length in frames of 1/30 s."""
        return len(self.transl) if self.keypoints is None else len(self.keypoints.points)

    def joints(self) -> Array:
        """World joints (T, 22, 3), metres."""
        return kinematics.joint_positions(canonical(), self.rotations, self.transl)


def mirrored(clip: Clip, mirror_words: object) -> Clip:
    """The clip with left and right exchanged, exact on a symmetric skeleton; ``mirror_words`` swaps words in captions.

    Reflection in x = 0 (`motion.mirroring`).
    """
    q, path = mirroring.mirrored(clip.rotations, clip.transl)
    captions = tuple(replace(c, text=mirror_words(c.text)) for c in clip.captions)  # type: ignore[operator]
    return replace(clip, id=f"{clip.id}~", rotations=q, transl=path, captions=captions)
