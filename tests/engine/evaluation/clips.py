"""The short real clips of tests/data/motion, for the tests of evaluation."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from genmo_blender.engine.evaluation.freeze import swap_sides
from genmo_blender.engine.training.importers import shards
from genmo_blender.engine.training.samples import Clip, mirrored
from genmo_blender.protocol.motions import Take

FOLDER = Path(__file__).parents[2] / "data" / "motion"


@lru_cache(maxsize=1)
def clips() -> dict[str, Clip]:
    """By id."""
    return {c.id: c for c in shards.load(FOLDER)}


def joints(name: str, start: int = 0, end: int | None = None) -> np.ndarray:
    """World joints of frames of a clip; a name that ends in ~ is the mirror image."""
    clip = clips()[name.rstrip("~")]
    return (mirrored(clip, swap_sides) if name.endswith("~") else clip).joints()[start:end]


def take(name: str, seed: int = 1) -> Take:
    """A clip as if an engine had made it."""
    clip = clips()[name]
    return Take(seed, clip.rotations, clip.transl, np.zeros((clip.frames, 6), np.float32), np.zeros(10, np.float32))
