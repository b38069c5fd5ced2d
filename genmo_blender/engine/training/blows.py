"""Captions for punches that the data shows but does not name one by one.

A clip of boxing says that somebody boxes, and which fist strikes when is told of a few blows only: with sixteen of them
a network learns the guard and not the blow. Where a clip's own words speak of punching, every fast straight reach of a
hand is captioned as a punch of that side, in words that the data uses for those that it names.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from ...motion.skeleton import canonical
from ..evaluation.rule_checks import runs
from .samples import Caption, Clip

Array = np.ndarray
FPS = 30
SPOKEN = re.compile(r"\bpunch|\bboxing\b|\bshadow boxes\b|\bstrikes with the (?:left |right )?fist\b")
SENTENCES = ("someone throws a {} punch", "a person punches with the {} hand")
REACH = 0.3
"""Metres that the hand goes ahead of the body in `SPAN` frames."""
SPAN = 5
STRETCHED = 0.88
"""Of the arm's length, from shoulder to wrist, when it is there."""
BELOW = 0.25
"""Metres that the hand may be lower than the shoulder."""
BEFORE, BEHIND = 9, 8
"""Frames of a caption before the hand is there, and from then on."""
_SIDES = (("left", 16, 18, 20), ("right", 17, 19, 21))
_HIPS, _SHOULDERS = (1, 2), (16, 17)


def with_punches(clip: Clip) -> Clip:
    """The clip with a measured caption for each punch that has none, if its captions speak of punching."""
    if not any(c.kind != "motion" and SPOKEN.search(c.text) for c in clip.captions) or clip.frames <= BEFORE + BEHIND:
        return clip
    joints = clip.joints().astype(np.float64)
    found: list[Caption] = []
    for side, *arm in _SIDES:
        named = [c for c in clip.captions if c.kind == "motion" and side in c.text and SPOKEN.search(c.text)]
        for frame in punches(joints, *arm):
            start, end = max(frame - BEFORE, 0), min(frame + BEHIND, clip.frames)
            if not any(c.start < end and start < c.end for c in named):
                found.append(Caption(SENTENCES[len(found) % len(SENTENCES)].format(side), start, end, "motion"))
    return replace(clip, captions=(*clip.captions, *found))


def punches(joints: Array, shoulder: int, elbow: int, wrist: int) -> list[int]:
    """Frames at which an arm is stretched out ahead after a blow; joints (T, 22, 3) metres."""
    across = joints[:, _HIPS[0]] - joints[:, _HIPS[1]] + joints[:, _SHOULDERS[0]] - joints[:, _SHOULDERS[1]]
    ahead = np.stack([-across[:, 2], np.zeros(len(across)), across[:, 0]], axis=-1)
    ahead /= np.maximum(np.linalg.norm(ahead, axis=-1, keepdims=True), 1e-9)
    offsets = canonical().offsets
    length = np.linalg.norm(offsets[elbow]) + np.linalg.norm(offsets[wrist])
    arm = joints[:, wrist] - joints[:, shoulder]
    there = (np.linalg.norm(arm, axis=-1) > STRETCHED * length) & (arm[:, 1] > -BELOW)
    hand = joints[:, wrist] - joints[:, 0]
    way = np.zeros(len(joints))
    way[SPAN:] = np.sum((hand[SPAN:] - hand[:-SPAN]) * ahead[SPAN:], axis=-1)
    frames: list[int] = []
    for first, end in runs(there & (way > REACH)):
        at = first + int(np.argmax(way[first:end]))
        if not frames or at - frames[-1] >= BEFORE:
            frames.append(at)
    return frames
