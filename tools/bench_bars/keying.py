"""Keying: 300 frames of 55 joints through the add-on's own functions, in Blender (see stage.py)."""

from __future__ import annotations

import time

import bpy
import numpy as np

from . import stage

FRAMES, JOINTS, RUNS = 300, 55, 9


def motion() -> tuple[np.ndarray, np.ndarray]:
    """Every joint turning at its own pace: rotations (T, 55, 4), path (T, 3); T one more than the keyed frames."""
    t = np.arange(FRAMES + 1)[:, None] / 30.0
    angle = 0.5 * np.sin(2 * np.pi * (0.3 + 0.02 * np.arange(JOINTS)) * t)
    rotations = np.zeros((FRAMES + 1, JOINTS, 4), np.float32)
    rotations[..., 0], rotations[..., 1] = np.cos(angle / 2), np.sin(angle / 2)
    return rotations, np.column_stack([0 * t, 0.9 + 0 * t, t]).astype(np.float32)


def main() -> None:
    options = stage.arguments().parse_args()
    target = stage.shot(())
    keying, names = stage.module("addon.keying"), stage.module("motion.skeleton").canonical(JOINTS).names
    rest = stage.module("addon.character").rest_pose(target, names)
    rotations, transl = motion()
    resampling, writing = [], []
    for run in range(RUNS):
        action = keying.new_take_action(target, None, "", f"take {run}")
        slot = action.slots[0]
        began = time.perf_counter()
        curves = keying.pose_curves(rest, names, rotations, transl, 30.0, 30.0, 1, FRAMES)
        between = time.perf_counter()
        keying.write(action, slot, curves)
        ended = time.perf_counter()
        resampling.append(between - began)
        writing.append(ended - between)
        keys = sum(len(c.keyframe_points) for c in stage.module("addon.compat").find_channelbag(action, slot).fcurves)
        assert keys == FRAMES * (4 * JOINTS + 3), f"{keys} keys were written"
        bpy.data.actions.remove(action)
    stage.write(options.out, {"resampling": resampling, "writing": writing})


if __name__ == "__main__":
    main()
