"""A click in the lane picks a strip, a double click edits its words. Everywhere else the events pass on untouched."""

from __future__ import annotations

import bpy
from bpy.props import StringProperty

from .. import compat, sentences, timeline
from ..overlay_properties import redraw
from . import contents, draw
from .layout import strip_at

KEYMAP = ("Dopesheet", "DOPESHEET_EDITOR")
_items: list[tuple[bpy.types.KeyMap, bpy.types.KeyMapItem]] = []


def pick(scene: bpy.types.Scene, uid: str) -> bool:
    """Pick a strip of a Sequencer scene as a click in the panel's list does. Returns whether it is there."""
    found = contents.strip_of(scene, uid)
    if found is not None:
        scene.genmo.strip_index = found[0]
    return found is not None


def _under_pointer(context: bpy.types.Context, event: bpy.types.Event) -> str:
    """Identifier of the strip in the lane under the pointer; "" for none."""
    space, region = context.space_data, context.region
    if space is None or space.type != "DOPESHEET_EDITOR" or region is None:
        return ""
    return strip_at(draw.shown(context), event.mouse_region_x, event.mouse_region_y)


class GENMO_OT_lane_pick(bpy.types.Operator):
    """Pick the text strip under the pointer, in the lane of the Dope Sheet"""

    bl_idname = "genmo.lane_pick"
    bl_label = "Pick Text Strip in Lane"
    bl_options = {"INTERNAL", "UNDO"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        uid = _under_pointer(context, event)
        if not uid or not pick(compat.sequencer_scene(context), uid):
            return {"PASS_THROUGH"}
        redraw()
        return {"FINISHED"}


class GENMO_OT_lane_edit(bpy.types.Operator):
    """Edit the words of a text strip; in the lane of the Dope Sheet a double click does it"""

    bl_idname = "genmo.lane_edit"
    bl_label = "Edit Text Strip"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    text: StringProperty(name="Prompt", description="What the character does, in a sentence")
    uid: StringProperty(name="Strip", description="Identifier of the strip", options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        uid = _under_pointer(context, event)
        found = contents.strip_of(compat.sequencer_scene(context), uid)
        if found is None:
            return {"PASS_THROUGH"}
        pick(compat.sequencer_scene(context), uid)
        self.uid, self.text = uid, timeline.prompt_text(found[1])
        return context.window_manager.invoke_props_dialog(self, width=480)

    def draw(self, _context: bpy.types.Context) -> None:
        row = self.layout.row()
        row.activate_init = True
        row.prop(self, "text", text="")

    def execute(self, context: bpy.types.Context) -> set[str]:
        found = contents.strip_of(compat.sequencer_scene(context), self.uid)
        if found is None:
            self.report({"ERROR"}, sentences.text_of(sentences.strip_gone()))
            return {"CANCELLED"}
        timeline.set_prompt_text(found[1], self.text)
        redraw()
        return {"FINISHED"}


CLASSES = (GENMO_OT_lane_pick, GENMO_OT_lane_edit)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    configuration = bpy.context.window_manager.keyconfigs.addon
    if configuration is None:  # Blender without a window may have none
        return
    keymap = configuration.keymaps.new(name=KEYMAP[0], space_type=KEYMAP[1])
    for cls, value in ((GENMO_OT_lane_pick, "PRESS"), (GENMO_OT_lane_edit, "DOUBLE_CLICK")):
        _items.append((keymap, keymap.keymap_items.new(cls.bl_idname, "LEFTMOUSE", value)))


def unregister() -> None:
    for keymap, item in _items:
        keymap.keymap_items.remove(item)
    _items.clear()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
