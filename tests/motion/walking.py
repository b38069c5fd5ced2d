"""Motions for the tests of editing: the clips in tests/data/motion, and a take's noise."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from genmo_blender.engine.training.importers import shards
from genmo_blender.motion import rotations as rot
from genmo_blender.motion.contacts import Bars, detect
from genmo_blender.motion.kinematics import joint_positions
from genmo_blender.motion.skeleton import canonical

FPS = 30.0
CLIPS = Path(__file__).parents[1] / "data" / "motion"
Motion = tuple[np.ndarray, np.ndarray]


@lru_cache(maxsize=1)
def clips() -> dict[str, Motion]:
    """Rotations (T, 22, 4) and path (T, 3) of each clip, float64."""
    return {c.id: (c.rotations.astype(float), c.transl.astype(float)) for c in shards.load(CLIPS) if c.frames >= 60}


def joints_of(motion: Motion) -> np.ndarray:
    return joint_positions(canonical(), *motion)


@lru_cache(maxsize=32)
def bars_of_clip(name: str) -> Bars:
    return detect(joints_of(clips()[name]), FPS)


def noisy(motion: Motion, seed: int) -> Motion:
    g = np.random.default_rng(seed)
    turn = rot.from_rotation_vector(g.normal(0, 0.008, (*motion[0].shape[:2], 3)))
    return rot.multiply(motion[0], turn), motion[1] + g.normal(0, 0.002, motion[1].shape)


def sharpness(motion: Motion) -> np.ndarray:
    """How much the joints' velocity changes at each inner frame, (T - 2,) m/s2, mean over joints."""
    return np.linalg.norm(np.diff(joints_of(motion), n=2, axis=0), axis=-1).mean(axis=-1) * FPS**2
