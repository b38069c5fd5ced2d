"""The road of one load, with operators alone."""

from __future__ import annotations

import json

import bpy
import numpy as np
import pytest


def test_two_prompts_become_a_kept_take(stage):
    target = stage.shot()
    assert bpy.ops.genmo.generate(takes=2, seed=11) == {"FINISHED"}
    takes = stage.module("addon.services.takes")
    assert [a.name for a in takes.waiting(target)] == [
        "Hero · walks, waves · t01 · s11",
        "Hero · walks, waves · t02 · s12",
    ]
    assert target.animation_data.action == takes.waiting(target)[0]
    assert bpy.ops.genmo.take_next() == {"FINISHED"}
    assert target.animation_data.action.name == "Hero · walks, waves · t02 · s12"
    assert bpy.ops.genmo.take_previous() == {"FINISHED"}
    assert bpy.ops.genmo.keep_take() == {"FINISHED"}
    assert [a.name for a in bpy.data.actions] == ["Hero · walks, waves · t01 · s11"]
    assert target.animation_data.action == bpy.data.actions[0]
    assert not takes.in_review(target)


def test_again_adds_a_take_with_another_seed(stage):
    target = stage.shot()
    bpy.ops.genmo.generate(takes=1, seed=11)
    bpy.ops.genmo.again()
    takes = stage.module("addon.services.takes").waiting(target)
    recipes = [json.loads(a["genmo_recipe"]) for a in takes]
    assert len(takes) == 2 and recipes[0]["seed"] == 11 and recipes[1]["seed"] not in (0, 11)
    assert recipes[0]["request"]["texts"] == recipes[1]["request"]["texts"]


def test_again_with_the_same_seed_gives_the_same_keys(stage):
    target = stage.shot()
    bpy.ops.genmo.generate(takes=1, seed=11)
    first = stage.curves(target)
    bpy.ops.genmo.again(same_seed=True)
    second = stage.curves(target)
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[k], second[k]) for k in first)


def test_other_seeds_move_otherwise(real):
    target = real.shot()
    bpy.ops.genmo.generate(takes=2, seed=11)
    first = real.curves(target)
    bpy.ops.genmo.take_next()
    second = real.curves(target)
    assert max(np.abs(first[k] - second[k]).max() for k in first) > 0.01


def test_a_take_stores_its_recipe(stage):
    target = stage.shot()
    bpy.ops.genmo.generate(takes=1, seed=11)
    recipe = json.loads(target.animation_data.action["genmo_recipe"])
    assert recipe["seed"] == 11
    assert recipe["prompts"] == ["a person walks forward", "a person waves"]
    assert recipe["frames"] == [1, 121] and recipe["fps"] == 30.0
    assert recipe["model"]["model"] and recipe["engine"] and recipe["date"] and recipe["blender"]


def test_a_seed_of_zero_is_drawn_and_shown(stage):
    target = stage.shot()
    bpy.ops.genmo.generate(takes=1, seed=0)
    seed = json.loads(target.animation_data.action["genmo_recipe"])["seed"]
    assert seed > 0 and target.animation_data.action.name.endswith(f" · s{seed}")


def test_generated_keys_are_marked_as_generated(stage):
    target = stage.shot()
    bpy.ops.genmo.generate(takes=1, seed=11)
    data = target.animation_data
    bag = stage.module("addon.compat").find_channelbag(data.action, data.action_slot)
    assert {k.type for c in bag.fcurves for k in c.keyframe_points} == {"GENERATED"}
    assert len(bag.fcurves) == 22 * 4 + 3


def test_every_property_and_operator_has_a_description(stage):
    properties = []
    for group in stage.module("addon.properties").CLASSES:
        properties += [(f"{group.__name__}.{p.identifier}", p.description) for p in own_properties(group.bl_rna)]
    for name in dir(bpy.ops.genmo):
        rna = getattr(bpy.ops.genmo, name).get_rna_type()
        properties.append((name, rna.description))
        properties += [(f"{name}.{p.identifier}", p.description) for p in own_properties(rna)]
    properties += [(p.identifier, p.description) for p in own_properties(type(stage.preferences).bl_rna)]
    assert len(properties) > 40
    assert [name for name, description in properties if not description] == []


def own_properties(rna):
    return [p for p in rna.properties if p.is_runtime]


def test_the_character_stands_with_its_soles_at_the_cursor_and_faces_minus_y(stage):
    bpy.context.scene.cursor.location = (2.0, 3.0, 0.5)
    target = stage.character()
    body = next(o for o in bpy.data.objects if o.parent == target)
    heights = np.array([(body.matrix_world @ v.co)[2] for v in body.data.vertices])
    assert heights.min() == pytest.approx(0.5, abs=1e-3)
    bones = target.data.bones
    assert len(bones) == 55
    toe, ankle = bones["left_foot"].head_local, bones["left_ankle"].head_local
    assert toe.y < ankle.y - 0.05
    assert bones["left_hip"].head_local.x > 0 > bones["right_hip"].head_local.x
    assert tuple(target.location) == (2.0, 3.0, 0.5)


def test_every_vertex_hangs_on_its_bones_as_the_body_says(stage):
    target = stage.character()
    body = next(o for o in bpy.data.objects if o.parent == target)
    with np.load(stage.module("motion.skeleton").assets_folder() / "body.npz") as data:
        joints, weights = data["weight_index"], data["weight"].astype(float)
        names = [str(n) for n in data["joint_names"]]
    weights /= weights.sum(axis=1, keepdims=True)
    assert [g.name for g in body.vertex_groups] == names
    for v in range(0, len(joints), 97):
        given = {body.vertex_groups[g.group].name: g.weight for g in body.data.vertices[v].groups}
        expected = {names[j]: w for j, w in zip(joints[v], weights[v], strict=True) if w > 0}
        assert given.keys() == expected.keys()
        assert max(abs(given[n] - expected[n]) for n in given) < 1.1e-3
