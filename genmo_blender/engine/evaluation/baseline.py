"""What real motion scores under the same code: the figures beside which an evaluation of takes is read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...protocol.failures import StorageFailure
from ..training.importers import shards
from ..training.samples import Clip, mirrored
from .freeze import LEAVE_OUT, Segment, segments, swap_sides
from .quality import NEAREST_FRAMES, NearestWindows, Smoothness, every, smoothness, spread, window_rows
from .rules import Prompt

Array = np.ndarray
PER_PROMPT = 8
"""Real segments taken for each prompt, as many as takes, so that both averages hold the same actions."""


@dataclass(frozen=True)
class RealMotion:
    """``matched``: segments of the prompts' actions, equally many each; ``whole``: all clips in windows of 4 s.

    ``spread``: for a prompt's id the mean distance (m) of two clips that share a caption, and the number of pairs.
    ``nearest``: training windows; ``held_out``: distance (m) of validation windows to their nearest training window.
    """

    matched: Smoothness
    whole: Smoothness
    spread: dict[str, tuple[float, int]]
    nearest: NearestWindows
    held_out: Array

    @property
    def copy_limit(self) -> float:
        """A take nearer to the training motion than this (m) counts as a copy: the 5th percentile of ``held_out``."""
        return float(np.percentile(self.held_out, 5))


def real_motion(folders: Iterable[Path | str], prompts: Sequence[Prompt]) -> RealMotion:
    """Read the folders and measure. Raises StorageFailure when one is no motion data, or one split is missing."""
    clips = [c for folder in folders for c in shards.load(folder)]
    for split in ("train", "val"):
        if not any(c.split == split and c.frames >= NEAREST_FRAMES for c in clips):
            raise StorageFailure(
                "no_split",
                f"The motion data holds no clip of two seconds in its split {split!r}.",
                "Give --data the folders that the model was trained on, or leave --data out.",
            )
    joints = {c.id: c.joints() for c in clips}
    plain = [c for c in clips if not LEAVE_OUT & set(c.tags)]

    def cut(segment: Segment) -> Array:
        clip, a, b = segment
        return joints[clip.id][a:b]

    matched = [cut(s) for p in prompts for s in _evenly([s for c in plain for s in segments(c, p.rule, p.side)])]
    windows = [joints[c.id][a : a + 120] for c in plain for a in range(0, max(1, c.frames - 119), 120)]
    train = [j for c in clips if c.split == "train" for j in (joints[c.id], mirrored(c, swap_sides).joints())]
    nearest = NearestWindows(train)
    held = [window_rows(joints[c.id], every(joints[c.id], 30)) for c in clips if c.split == "val"]
    spreads = {p.id: _shared_caption_spread(plain, p, joints) for p in prompts}
    return RealMotion(
        smoothness(matched), smoothness(windows), spreads, nearest, nearest.distances(np.concatenate(held))
    )


def _evenly(found: list[Segment]) -> list[Segment]:
    keep = np.unique(np.linspace(0, len(found) - 1, min(PER_PROMPT, len(found))).round().astype(int))
    return [found[i] for i in keep]


def _shared_caption_spread(clips: Sequence[Clip], prompt: Prompt, joints: dict[str, Array]) -> tuple[float, int]:
    """Mean distance of two clips that share a caption of the prompt's action, over all such captions."""
    groups: dict[str, dict[str, Array]] = defaultdict(dict)
    for clip in clips:
        for _, a, b in segments(clip, prompt.rule, prompt.side):
            texts = [c.text for c in clip.captions if c.start <= a and b <= c.end]
            for text in texts:
                # One stretch of each clip: two of one clip are one performance.
                groups[text].setdefault(clip.id, joints[clip.id][a:b])
    found = [spread(list(group.values())) for group in groups.values() if len(group) > 1]
    pairs = sum(n for _, n in found)
    return (sum(mean * n for mean, n in found if n) / pairs if pairs else float("nan"), pairs)
