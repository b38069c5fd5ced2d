"""Path from Curve, Curve from Path, Add Waypoint, Pin Here, and how their entries go again."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, IntProperty

from ...protocol.failures import GenmoFailure
from .. import compat, direction_properties, sentences, timeline
from ..services import direction_objects
from . import common


class _OfCharacter:
    """Operators that need a character."""

    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return common.needs_character(cls, context) is not None


class GENMO_OT_path_from_curve(_OfCharacter, bpy.types.Operator):
    """Let the character follow the selected curve"""

    bl_idname = "genmo.path_from_curve"
    bl_label = "Path from Curve"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if common.needs_character(cls, context) is None:
            return False
        if _selected_curve(context) is None:
            cls.poll_message_set(sentences.no_curve())
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        target = common.current_character(context)
        assert target is not None  # poll has seen to that
        target.genmo_direction.path = _selected_curve(context)
        return {"FINISHED"}


def _selected_curve(context: bpy.types.Context) -> bpy.types.Object | None:
    """The active object if it is a curve, else a selected one."""
    objects = context.view_layer.objects
    return next((o for o in (objects.active, *objects.selected) if o is not None and o.type == "CURVE"), None)


class GENMO_OT_curve_from_path(_OfCharacter, bpy.types.Operator):
    """Make the character's travel over the range a curve, which can be edited and followed by the next Generate"""

    bl_idname = "genmo.curve_from_path"
    bl_label = "Curve from Path"

    def execute(self, context: bpy.types.Context) -> set[str]:
        target, scene = common.current_character(context), context.scene
        assert target is not None
        try:
            try:
                frames = timeline.frame_range(scene, compat.sequencer_scene(context), target)
            except GenmoFailure:  # without strips the scene says which frames
                frames = timeline.own_range(scene)
            curve = direction_objects.curve_of_travel(scene, target, frames.first, frames.last)
        except GenmoFailure as failure:
            return common.tell(self, failure)
        target.genmo_direction.path = curve
        return {"FINISHED"}


class GENMO_OT_add_waypoint(_OfCharacter, bpy.types.Operator):
    """Let the character be at the 3D cursor at the current frame"""

    bl_idname = "genmo.add_waypoint"
    bl_label = "Add Waypoint"

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = context.scene
        target = common.current_character(context)
        direction_objects.add_waypoint(scene, target, scene.cursor.location, scene.frame_current)
        return {"FINISHED"}


class GENMO_OT_pin_here(_OfCharacter, bpy.types.Operator):
    """Hold a part of the body where it is now, from the current frame on"""

    bl_idname = "genmo.pin_here"
    bl_label = "Pin Here"

    part: EnumProperty(name="Part", description="What is held", items=direction_properties.PART_ITEMS)
    frames: IntProperty(name="Frames", description="How long it is held", default=30, min=1, soft_max=240)

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = context.scene
        target = common.current_character(context)
        first = scene.frame_current
        try:
            direction_objects.pin_here(scene, target, self.part, first, first + self.frames - 1)
        except GenmoFailure as failure:
            return common.tell(self, failure)
        return {"FINISHED"}


class GENMO_OT_direction_remove(_OfCharacter, bpy.types.Operator):
    """Remove this waypoint or pin; its object stays"""

    bl_idname = "genmo.direction_remove"
    bl_label = "Remove"

    kind: EnumProperty(
        name="Kind",
        description="What is removed",
        items=(("waypoints", "Waypoint", "A waypoint"), ("pins", "Pin", "A pin")),
    )
    index: IntProperty(name="Index", description="Its place in the list", min=0)

    def execute(self, context: bpy.types.Context) -> set[str]:
        target = common.current_character(context)
        assert target is not None
        entries = getattr(target.genmo_direction, self.kind)
        if self.index >= len(entries):
            return {"CANCELLED"}
        entries.remove(self.index)
        return {"FINISHED"}


CLASSES = (
    GENMO_OT_path_from_curve,
    GENMO_OT_curve_from_path,
    GENMO_OT_add_waypoint,
    GENMO_OT_pin_here,
    GENMO_OT_direction_remove,
)
