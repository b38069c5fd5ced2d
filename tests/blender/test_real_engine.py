"""The whole road with the shipped weights: by the built-in model, and by the engine with torch (marked `torch`)."""

from __future__ import annotations

import json
import math
from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Quaternion, Vector

PROMPTS = (("a person walks forward", 1, 61), ("a person waves with the right hand", 61, 121))


@pytest.fixture(autouse=True)
def _thirty_frames_a_second(real):
    bpy.context.scene.render.fps = 30


def facing(target):
    """Where the pelvis looks on the armature's floor: an angle about its Z, 0 along -Y."""
    rest = target.data.bones["pelvis"].matrix_local.to_3x3()
    ahead = target.pose.bones["pelvis"].matrix.to_3x3() @ rest.inverted() @ Vector((0, -1, 0))
    return math.atan2(ahead.x, -ahead.y)


def test_two_prompts_become_a_kept_take_that_starts_where_the_character_stands(real):
    target = real.character()
    target.location, target.rotation_euler, target.scale = (12, -7, 3), (0, 0, 2.4), (1.3, 1.3, 1.3)
    bone = target.pose.bones["pelvis"]
    bone.rotation_quaternion = Quaternion((0, 1, 0), 0.8)
    bone.location = (0.3, 0.0, 0.2)
    bpy.context.view_layer.update()
    place, heading = bone.matrix.translation.copy(), facing(target)
    real.strips(*PROMPTS)
    assert bpy.ops.genmo.generate(takes=2, seed=5) == {"FINISHED"}
    words = {"lite": "Ready · built-in model · CPU", "torch": "Ready · genmo_mini · "}
    recipe = json.loads(target.animation_data.action["genmo_recipe"])
    assert real.session.status().startswith(words[recipe["job_report"]["engine"]])
    assert bpy.ops.genmo.keep_take() == {"FINISHED"}
    bpy.context.scene.frame_set(1)
    now = bone.matrix.translation.copy()
    assert (now.x, now.y) == pytest.approx((place.x, place.y), abs=1e-4)
    assert facing(target) == pytest.approx(heading, abs=1e-4)
    curves = real.curves(target)
    assert all(np.array_equal(c[:, 0], np.arange(1, 122)) for c in curves.values())
    spread = max(c[:, 1].max() - c[:, 1].min() for c in curves.values())
    assert spread > 0.1  # it moves


def test_the_same_seed_gives_the_same_bytes_from_another_engine_process(real):
    target = real.character()
    real.strips(*PROMPTS)
    hashes = []
    for _ in range(2):
        bpy.ops.genmo.generate(takes=1, seed=5)
        hashes.append(real.action_hash(target.animation_data.action))
        bpy.ops.genmo.drop_take()
        real.module("addon.session").use_engine()  # the old process ends, the next job starts another
    assert hashes[0] == hashes[1]


def test_different_seeds_move_differently(real):
    target = real.character()
    real.strips(*PROMPTS)
    bpy.ops.genmo.generate(takes=2, seed=5)
    first = real.curves(target)
    bpy.ops.genmo.take_next()
    second = real.curves(target)
    assert max(np.abs(first[k] - second[k]).max() for k in first) > 0.01


@pytest.mark.parametrize("damage", ["missing", "truncated", "corrupt", "not weights", "NaN"])
def test_bad_weights_are_told_and_change_nothing(real, tmp_path, damage):
    real.character()
    real.strips(*PROMPTS)
    shipped = Path(real.module("motion.skeleton").assets_folder()) / "genmo_mini.safetensors"
    path = tmp_path / "modèle é.safetensors"
    data = shipped.read_bytes()
    if damage == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "corrupt":
        path.write_bytes(data[:8] + b"{not json" + data[17:])
    elif damage == "not weights":
        path.write_text("a person walks forward")
    elif damage == "NaN":
        path.write_bytes(data[:-2] + np.array(np.nan, "<f2").tobytes())  # the last number of the last tensor
    real.answer("--model", str(path))
    before = real.scene_hash()
    with pytest.raises(RuntimeError) as told:
        bpy.ops.genmo.generate(seed=1)
    sentence = str(told.value).removeprefix("Error: ").strip()
    assert sentence[0].isupper() and sentence.endswith(".") and "Traceback" not in sentence
    assert real.session.message == sentence
    assert real.scene_hash() == before and not real.session.working
