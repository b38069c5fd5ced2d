"""Differences between Blender 4.5 LTS and 5.x, and nothing else.

Slotted actions, the Sequencer's renamed collections and arguments, and the question whether Blender is busy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np

from ..motion.rotations import Array

KEYFRAME = bpy.types.Keyframe.bl_rna.properties
LINEAR = KEYFRAME["interpolation"].enum_items["LINEAR"].value
BEZIER = KEYFRAME["interpolation"].enum_items["BEZIER"].value
CONSTANT = KEYFRAME["interpolation"].enum_items["CONSTANT"].value
KEY_TYPES = {item.identifier: item.value for item in KEYFRAME["type"].enum_items}
GENERATED = KEYFRAME["type"].enum_items["GENERATED"].value
ALIGNED = KEYFRAME["handle_left_type"].enum_items["ALIGNED"].value
AUTO_CLAMPED = KEYFRAME["handle_left_type"].enum_items["AUTO_CLAMPED"].value
FREE = KEYFRAME["handle_left_type"].enum_items["FREE"].value
CURVES_NAME_THEIR_GROUP = "group_name" in bpy.types.ActionChannelbagFCurves.bl_rna.functions["new"].parameters
OVERRIDABLE = {"LIBRARY_OVERRIDABLE"}
"""For properties on objects: a linked character is made ours by a library override, and ours to write only where a
property says so."""
OVERRIDABLE_LIST = {"LIBRARY_OVERRIDABLE", "USE_INSERTION"}
MODES_WITH_UNDO = ("OBJECT", "POSE")
"""Modes whose undo steps hold the whole file. In others a step holds the edited mesh alone, and undo would pass by
what we write."""


# Actions and their curves


def ensure_channelbag(action: bpy.types.Action, slot: bpy.types.ActionSlot) -> Any:
    """The channelbag that holds the slot's curves, made if missing (its ``.fcurves`` and ``.groups``)."""
    layer = action.layers[0] if len(action.layers) else action.layers.new("Layer")
    strip = layer.strips[0] if len(layer.strips) else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(slot, ensure=True)


def find_channelbag(action: bpy.types.Action | None, slot: bpy.types.ActionSlot | None) -> Any | None:
    """The slot's channelbag, or None when the action has no curves for it."""
    if action is None or slot is None:
        return None
    for layer in action.layers:
        for strip in layer.strips:
            bag = strip.channelbag(slot)
            if bag is not None:
                return bag
    return None


def new_curve(bag: Any, path: str, index: int, group: str) -> bpy.types.FCurve:
    """A new curve in the channelbag, in the named group (the argument exists from 5.0 on)."""
    if CURVES_NAME_THEIR_GROUP:
        return bag.fcurves.new(path, index=index, group_name=group)
    curve = bag.fcurves.new(path, index=index)
    curve.group = bag.groups.get(group) or bag.groups.new(group)
    return curve


def assign(target: bpy.types.Object, action: bpy.types.Action | None, slot_identifier: str) -> None:
    """Make ``action`` the object's active one, through the slot of that identifier ("" for none)."""
    data = target.animation_data or target.animation_data_create()
    data.action = action
    if action is not None:
        data.action_slot = action.slots.get(slot_identifier) if slot_identifier else None


def fill_curves(curves: Sequence[bpy.types.FCurve], frames: Array, values: Array) -> None:
    """Give empty curves linear keys of type "generated" in bulk. ``frames`` (N,), ``values`` (curves, N) float32."""
    co = np.empty((*values.shape, 2), np.float32)
    co[..., 0], co[..., 1] = frames, values
    linear, generated = (np.full(len(frames), value, np.int32) for value in (LINEAR, GENERATED))
    for curve, points in zip(curves, co.reshape(len(co), -1), strict=True):
        keys = curve.keyframe_points
        keys.add(len(frames))
        keys.foreach_set("co", points)
        keys.foreach_set("interpolation", linear)
        keys.foreach_set("type", generated)
        curve.update()


def bone_selected(bone: bpy.types.PoseBone) -> bool:
    """Whether a bone is selected (kept with the pose from 5.0 on)."""
    return bool(bone.select if hasattr(bone, "select") else bone.bone.select)


# Sequencer


def in_scene(target: bpy.types.Object, scene: bpy.types.Scene) -> bool:
    """Whether an object is in a scene. A library override and what it overrides may be there under one name."""
    return scene.objects.get(target.name) == target or scene in target.users_scene


def sequencer_scene(context: bpy.types.Context) -> bpy.types.Scene:
    """The scene whose strips the Sequencer shows (from 5.0 on it can be another than the viewport's)."""
    return getattr(context, "sequencer_scene", None) or context.scene


def show_in_sequencer(context: bpy.types.Context, scene: bpy.types.Scene) -> None:
    """Where the Sequencer shows no scene yet (5.0 and later), let it show this one."""
    workspace = context.workspace
    if workspace is not None and getattr(workspace, "sequencer_scene", scene) is None:
        workspace.sequencer_scene = scene


def strips_of(editor: bpy.types.SequenceEditor) -> Any:
    """Top-level strips. Both Blender versions we support know the new name."""
    return editor.strips


def all_strips(scene: bpy.types.Scene) -> list[bpy.types.Strip]:
    """All strips of a scene, those inside meta strips too; empty when the scene has no Sequencer."""
    return list(scene.sequence_editor.strips_all) if scene.sequence_editor else []


def new_text_strip(editor: bpy.types.SequenceEditor, name: str, channel: int, start: int, end: int) -> Any:
    """A TEXT strip over frames ``start`` .. ``end`` (the first frame after it)."""
    strips = editor.strips
    parameters = strips.bl_rna.functions["new_effect"].parameters
    extent = {"length": end - start} if "length" in parameters else {"frame_end": end}
    return strips.new_effect(name=name, type="TEXT", channel=channel, frame_start=start, **extent)


def strip_extent(strip: bpy.types.Strip) -> tuple[float, float]:
    """First frame of a strip and the first frame after it (renamed in 5.2)."""
    if hasattr(strip, "left_handle"):
        return float(strip.left_handle), float(strip.right_handle)
    return float(strip.frame_final_start), float(strip.frame_final_end)


# Blender's state


def busy_with(modal_tools: bool = True) -> str:
    """The name of what must end before results may be written: a render, a modal tool, an edit mode. "" when free."""
    if bpy.app.is_job_running("RENDER"):
        return "the render"
    for window in bpy.context.window_manager.windows:
        for operator in window.modal_operators if modal_tools else ():
            return operator.name or operator.bl_idname
        active = window.view_layer.objects.active
        if active is not None and active.mode not in MODES_WITH_UNDO and not bpy.app.background:
            return f"{active.mode.replace('_', ' ').title()} Mode"
    return ""
