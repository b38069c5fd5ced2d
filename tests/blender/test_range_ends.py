"""Sparse keys beside a range: what moves between them and the range goes on as it did, and no key of them changes."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.acting import bytes_of_own_keys, hero, key_pose, pose_at
from tests.blender.clean_up_stage import clip, playing


def beside(stage, target, frames) -> np.ndarray:
    return np.array([pose_at(stage, target, frame)[0] for frame in frames])


@pytest.mark.parametrize(("kind", "most"), [("CONSTANT", 0.1), ("LINEAR", 10.0), ("BEZIER", 40.0)])
def test_blocking_beside_the_range_is_passed_as_before(stage, kind, most):
    """Stepped curves exactly, straight ones nearly, since quaternions between two keys are no unit ones, and ours are;
    Bézier ones as near as a handle brings them where the other key's must stay (115 mm without)."""
    target = hero(stage)
    for frame in (1, 21, 41, 61, 81):
        key_pose(target, frame, stage.module("addon.character").body_names())
    own = target.animation_data.action
    for curve in own.layers[0].strips[0].channelbags[0].fcurves:
        for key in curve.keyframe_points:
            key.interpolation = kind
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 30, 50
    frames = [*np.arange(1, 30, 0.5), *np.arange(50.5, 81, 0.5)]
    before, keys = beside(stage, target, frames), bytes_of_own_keys(own)
    assert bpy.ops.genmo.generate(seed=3) == {"FINISHED"}
    assert bytes_of_own_keys(target.animation_data.action) == keys
    away = 1000 * np.linalg.norm(beside(stage, target, frames) - before, axis=-1)
    print(f"{kind}: {away.max():.2f} mm beside the range at the worst")
    assert away.max() < most


@pytest.mark.parametrize("fps", [24, 30])
def test_a_reduced_walk_beside_the_range_walks_on(stage, fps):
    bpy.context.scene.render.fps = fps
    target = playing(stage, clip(), first=1)
    assert bpy.ops.genmo.reduce_keys(distance=5.0) == {"FINISHED"}
    stage.strips(("a person walks forward", 40, 80))
    frames = np.arange(20, 100)
    before, own = beside(stage, target, frames), target.animation_data.action
    keys = bytes_of_own_keys(own)
    assert bpy.ops.genmo.generate(seed=3) == {"FINISHED"}
    now = bytes_of_own_keys(target.animation_data.action)
    assert all(k in now[c] for c, rows in keys.items() for k in rows if not 40 <= np.frombuffer(k[0], "f4")[0] <= 80)
    outside = (frames <= 40) | (frames >= 80)
    away = 1000 * np.linalg.norm(beside(stage, target, frames) - before, axis=-1)[outside]
    print(f"{fps}: {away.max():.2f} mm beside the range at the worst")
    assert away.max() < 15.0  # 31 with a straight line to the next key
