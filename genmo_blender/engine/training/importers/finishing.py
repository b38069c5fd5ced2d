"""What all importers of other people's motion do at the end, and how they say that a file cannot be used."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ....motion import kinematics, rotations
from ....motion.floor import sole_level
from ....motion.resampling import resample
from ....motion.skeleton import canonical
from ....protocol.failures import StorageFailure

Array = np.ndarray
FPS = 30
SLOWEST, FASTEST = 10.0, 1000.0
"""Frames a second that a recording of motion has."""
TENTH = 10
MEND = "Get the file again, or take it out of the folder."


def bad(path: Path, why: object) -> StorageFailure:
    """The failure of one file, in a sentence that names it."""
    return StorageFailure("bad_motion_data", f"{path} cannot be used: {why}.", MEND)


def check_rate(path: Path, fps: float, slowest: float = SLOWEST) -> None:
    """Raises StorageFailure for a frame rate at which nobody records."""
    if not slowest <= fps <= FASTEST:
        raise bad(path, f"it says that it has {fps:g} frames a second, which is no rate of motion")


def moments(frames: int, fps: float) -> Array:
    """Seconds (N,) of the frames at 30 a second that lie within ``frames`` at ``fps``."""
    return np.arange(int((frames - 1) / fps * FPS + 1e-6) + 1) / FPS


def finished(local: Array, transl: Array, fps: float) -> tuple[Array, Array]:
    """Local rotations (T, 22, 4) and path (T, 3) at ``fps`` -> the same at 30, float32, planted soles at y = 0."""
    local, path = resample(local, transl, fps, moments(len(transl), fps))
    joints = kinematics.joint_positions(canonical(), local, path)
    path = path - [0.0, sole_level(joints, FPS), 0.0]
    return rotations.continuous(local).astype(np.float32), path.astype(np.float32)


def held_out(performers: Iterable[str]) -> frozenset[str]:
    """One in ten of the performers, at least one of two: who is left for validation where a set does not say.

    Chosen by the checksum of the name, so that it is the same everywhere.
    """
    names = sorted(set(performers), key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    return frozenset(names[: max(len(names) // TENTH, min(len(names) - 1, 1))])


def performer(folder: Path, path: Path) -> str:
    """Whose motion a file is: that of the folder it lies in, else its own."""
    inside = path.relative_to(folder)
    return inside.parent.as_posix() if len(inside.parts) > 1 else path.stem
