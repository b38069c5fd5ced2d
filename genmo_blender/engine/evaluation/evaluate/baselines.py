"""What a model must be better than, from the training split: mean pose, random clip, the nearest caption's clip."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from torch import Tensor

from ....motion import kinematics, rotations
from ....motion.floor import sole_level
from ....motion.skeleton import canonical
from ...conditions.minilm import MiniLM
from ...training.corpus import usable_captions
from ...training.paraphrases import mirror_words
from ...training.samples import Clip, mirrored
from ..rule_checks import FPS

Array = np.ndarray
Rng = np.random.Generator


class Baselines:
    """Motions from training clips, whose mirrored twins count as further clips."""

    def __init__(self, clips: Sequence[Clip], encoder: MiniLM) -> None:
        self.clips = [twin for c in clips for twin in (c, mirrored(c, mirror_words))]
        self._encoder = encoder
        self._joints: dict[int, Array] = {}
        self._occurrences: dict[str, list[tuple[int, int, int]]] = {}
        for i, clip in enumerate(self.clips):
            for c in usable_captions(clip):
                self._occurrences.setdefault(c.text, []).append((i, c.start, c.end))

    @cached_property
    def pose(self) -> Array:
        """The mean pose's local rotations (22, 4); the root stands upright and looks along +z."""
        total, count = np.zeros((22, 6)), 0
        for clip in self.clips:
            total += rotations.to_6d(clip.rotations.astype(np.float64)).sum(axis=0)
            count += clip.frames
        pose = rotations.from_6d(total / count)
        pose[0] = rotations.IDENTITY
        return pose

    def mean_pose(self, frames: int) -> Array:
        """Joints (frames, 22, 3) of somebody who holds the mean pose on the floor."""
        joints = kinematics.joint_positions(canonical(), self.pose[None], np.zeros((1, 3)))
        still = np.repeat(joints, max(frames, 2), axis=0)
        return still[:frames] - [0.0, sole_level(still, FPS), 0.0]

    def joints(self, clip: int) -> Array:
        """World joints of a clip, computed once."""
        if clip not in self._joints:
            self._joints[clip] = self.clips[clip].joints()
        return self._joints[clip]

    def random_place(self, frames: int, rng: Rng) -> tuple[int, int]:
        """A clip of at least ``frames`` frames and a frame in it at which such a window begins, all equally likely.

        Where all clips are shorter it is one of the longest.
        """
        room = np.array([max(c.frames - frames + 1, 0) for c in self.clips])
        if not room.any():
            return int(np.argmax([c.frames for c in self.clips])), 0
        at = int(rng.integers(room.sum()))
        clip = int(np.searchsorted(np.cumsum(room), at, side="right"))
        return clip, at - int(room[:clip].sum())

    def random(self, frames: int, rng: Rng) -> Array:
        """Joints of a window anywhere in the training motion."""
        clip, start = self.random_place(frames, rng)
        return self.joints(clip)[start : start + frames]

    def nearest_caption(self, texts: Sequence[str]) -> list[str]:
        """For each text the training caption that the text encoder places nearest to it."""
        known = list(self._occurrences)
        near = self._encoder.sentence_vectors(texts) @ self._vectors.T
        return [known[int(i)] for i in near.argmax(dim=1)]

    @cached_property
    def _vectors(self) -> Tensor:
        return self._encoder.sentence_vectors(list(self._occurrences))

    def of_caption(self, caption: str, frames: int, rng: Rng) -> Array:
        """Joints of a window in whose middle a training caption holds, any of its places; shorter where the clip is."""
        places = self._occurrences[caption]
        clip, begin, end = places[int(rng.integers(len(places)))]
        joints = self.joints(clip)
        first = min(max((begin + end - frames) // 2, 0), max(len(joints) - frames, 0))
        return joints[first : first + frames]
