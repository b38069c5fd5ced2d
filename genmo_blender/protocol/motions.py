"""What an engine gives back: one `Take` of motion for each seed, and a report.

A take is on the canonical rest skeleton (assets/body.npz), model space: Y up, metres, 30 frames a second.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .failures import PipeFailure

Array = np.ndarray


@dataclass(frozen=True)
class Take:
    """One performed version.

    ``rotations`` (T, J, 4) float32: local joint rotations as unit quaternions, w first, J = 22 body joints in SMPL-X
    order (pelvis = world rotation), signs continuous in time. ``transl`` (T, 3) float32: the pelvis joint, metres.
    ``contacts`` (T, 6) float32: probability that L ankle, L foot, R ankle, R foot, L wrist, R wrist is planted.
    ``betas`` (10,) float32. ``report``: plain figures and notes for the animator.
    """

    seed: int
    rotations: Array
    transl: Array
    contacts: Array
    betas: Array
    report: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MotionResult:
    """All takes of one job, and what the whole job reports (model, timings, notes)."""

    fps: float
    takes: tuple[Take, ...]
    report: dict[str, Any] = field(default_factory=dict)


ARRAYS = ("rotations", "transl", "contacts", "betas")


def result_to_parts(result: MotionResult) -> tuple[dict[str, Any], dict[str, Array]]:
    """Header fields and raw arrays of a ``result`` frame."""
    header = {
        "fps": result.fps,
        "report": result.report,
        "takes": [{"seed": take.seed, "report": take.report} for take in result.takes],
    }
    arrays = {
        f"take{i}/{name}": np.ascontiguousarray(getattr(take, name), dtype=np.float32)
        for i, take in enumerate(result.takes)
        for name in ARRAYS
    }
    return header, arrays


def result_from_parts(header: dict[str, Any], arrays: dict[str, Array]) -> MotionResult:
    """Inverse of `result_to_parts`. Raises PipeFailure when shapes or fields do not fit."""
    try:
        takes = []
        for i, record in enumerate(header["takes"]):
            rotations, transl, contacts, betas = (arrays[f"take{i}/{name}"] for name in ARRAYS)
            frames = rotations.shape[0]
            if rotations.ndim != 3 or rotations.shape[2] != 4 or transl.shape != (frames, 3) or len(contacts) != frames:
                raise ValueError(f"take {i} has arrays of the wrong shape")
            takes.append(Take(int(record["seed"]), rotations, transl, contacts, betas, dict(record.get("report", {}))))
        return MotionResult(float(header["fps"]), tuple(takes), dict(header.get("report", {})))
    except (KeyError, TypeError, ValueError) as error:
        raise PipeFailure(
            "malformed_result",
            f"The engine's answer could not be read ({error}).",
            "Update the add-on and the engine to the same version.",
        ) from error
