"""Clips of motion stripped to what a camera saw of them: footage whose truth is kept back (spec 7.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..training.cameras import IMAGE
from ..training.corpus import usable_captions
from ..training.samples import Caption, Clip, Keypoints
from .scenes import scenes_of

WHOLE = 100_000  # frames: clips are not cut


def stripped(clips: Sequence[Clip], seed: int) -> list[Clip]:
    """2D keypoints of the clips before a still, a moving and a tracking camera, with a detector's error and the first
    caption of the whole clip."""
    out = []
    sources = {clip.id: clip for clip in clips}
    said = {clip.id: next((c.text for c in usable_captions(clip) if c.kind != "motion"), "") for clip in clips}
    for number, scene in enumerate(scenes_of(clips, seed, WHOLE)):
        points = scene.keypoints(seed * WHOLE + number).numpy()
        source, text = sources[scene.clip], said[scene.clip]
        made = replace(
            source,
            id=f"{source.id} {scene.camera}",
            rotations=source.rotations[:0],
            transl=source.transl[:0],
            captions=(Caption(text, 0, len(points), "trial"),) if text else (),
            keypoints=Keypoints(points, (int(IMAGE), int(IMAGE))),
        )
        out.append(made)
    return out
