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


def directed(stage):
    """A character with the two prompts, at 30 frames a second."""
    bpy.context.scene.render.fps = 30
    target = stage.character()
    stage.strips(*PROMPTS)
    return target


def facing(target):
    """Where the pelvis looks on the armature's floor: an angle about its Z, 0 along -Y."""
    rest = target.data.bones["pelvis"].matrix_local.to_3x3()
    ahead = target.pose.bones["pelvis"].matrix.to_3x3() @ rest.inverted() @ Vector((0, -1, 0))
    return math.atan2(ahead.x, -ahead.y)


def test_two_prompts_become_a_kept_take_that_starts_where_the_character_stands(real):
    target = directed(real)
    target.location, target.rotation_euler, target.scale = (12, -7, 3), (0, 0, 2.4), (1.3, 1.3, 1.3)
    bone = target.pose.bones["pelvis"]
    bone.rotation_quaternion = Quaternion((0, 1, 0), 0.8)
    bone.location = (0.3, 0.0, 0.2)
    bpy.context.view_layer.update()
    place, heading = bone.matrix.translation.copy(), facing(target)
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
    target = directed(real)
    hashes = []
    for _ in range(2):
        bpy.ops.genmo.generate(takes=1, seed=5)
        hashes.append(real.action_hash(target.animation_data.action))
        bpy.ops.genmo.drop_take()
        real.module("addon.session").use_engine()  # the old process ends, the next job starts another
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize("damage", ["missing", "corrupt", "not weights", "NaN"])
def test_bad_weights_are_told_and_change_nothing(stage, tmp_path, damage):
    told_and_unchanged(stage, damaged(stage, tmp_path / "modèle é.safetensors", damage))


def test_weights_cut_short_are_told_by_each_engine(real, tmp_path):
    told_and_unchanged(real, damaged(real, tmp_path / "modèle é.safetensors", "cut short"))


def damaged(stage, path, damage):
    """The path of weights that cannot be used."""
    data = (Path(stage.module("motion.skeleton").assets_folder()) / "genmo_mini.safetensors").read_bytes()
    if damage == "cut short":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "corrupt":
        path.write_bytes(data[:8] + b"{not json" + data[17:])
    elif damage == "not weights":
        path.write_text("a person walks forward")
    elif damage == "NaN":
        path.write_bytes(data[:-2] + np.array(np.nan, "<f2").tobytes())  # the last number of the last tensor
    return path


def told_and_unchanged(stage, weights):
    """Generate with such weights says a sentence, and the scene stays as it was."""
    directed(stage)
    stage.answer("--model", str(weights))
    before = stage.scene_hash()
    with pytest.raises(RuntimeError) as told:
        bpy.ops.genmo.generate(seed=1)
    sentence = str(told.value).removeprefix("Error: ").strip()
    assert sentence[0].isupper() and sentence.endswith(".") and "Traceback" not in sentence
    assert stage.session.message == sentence
    assert stage.scene_hash() == before and not stage.session.working
