"""Four-second windows of real clips and the captions that hold in them: what texts are measured on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..training.corpus import usable_captions
from ..training.samples import Clip

Array = np.ndarray
FRAMES = 120
HOLDS = 0.5
"""Part of a window that a measured caption must cover to hold in it; one of the whole clip always does."""


@dataclass(frozen=True, eq=False)
class Window:
    """``joints`` (T, 22, 3) metres of frames from ``start`` of a clip; ``captions`` that hold, sorted."""

    clip: str
    start: int
    joints: Array
    captions: tuple[str, ...]

    @property
    def frames(self) -> int:
        """At most `FRAMES`; fewer in a clip that is shorter."""
        return len(self.joints)


def windows_of(clips: Sequence[Clip]) -> list[Window]:
    """Windows side by side, what is left of a clip at its end left out; a shorter clip is one window."""
    out = []
    for clip in clips:
        joints, length = clip.joints(), min(FRAMES, clip.frames)
        captions = usable_captions(clip)
        for a in range(0, clip.frames - length + 1, length):
            b = a + length
            holding = {
                c.text for c in captions if c.kind != "motion" or min(c.end, b) - max(c.start, a) >= HOLDS * length
            }
            out.append(Window(clip.id, a, joints[a:b], tuple(sorted(holding))))
    return out


def by_caption(windows: Sequence[Window]) -> dict[str, list[int]]:
    """For each caption, sorted, the windows in which it holds."""
    found: dict[str, list[int]] = {}
    for i, window in enumerate(windows):
        for text in window.captions:
            found.setdefault(text, []).append(i)
    return dict(sorted(found.items()))


def one_each(windows: Sequence[Window]) -> list[str]:
    """One caption for each window, of those that hold the one used least so far; empty where none holds."""
    used: Counter[str] = Counter()
    chosen = []
    for window in windows:
        text = min(window.captions, key=lambda c: (used[c], c), default="")
        used[text] += 1
        chosen.append(text)
    return chosen
