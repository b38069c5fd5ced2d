"""Clips of motion stripped to what a camera saw of them: footage whose truth is kept back (spec 7.6)."""

from __future__ import annotations

from collections.abc import Sequence

from ..training.cameras import IMAGE
from ..training.corpus import usable_captions
from ..training.flat import FlatClip
from ..training.samples import Clip
from .scenes import scenes_of

WHOLE = 100_000  # frames: clips are not cut


def stripped(clips: Sequence[Clip], seed: int) -> list[FlatClip]:
    """2D keypoints of the clips before a still, a moving and a tracking camera, with a detector's error and the first
    caption of the whole clip."""
    out = []
    captions = {clip.id: next((c.text for c in usable_captions(clip) if c.kind != "motion"), "") for clip in clips}
    for number, scene in enumerate(scenes_of(clips, seed, WHOLE)):
        keypoints = scene.keypoints(seed * WHOLE + number).numpy()
        out.append(FlatClip(f"{scene.clip} {scene.camera}", keypoints, (IMAGE, IMAGE), 30.0, captions[scene.clip]))
    return out
