"""Text strips: add, pick, remove."""

from __future__ import annotations

import bpy
from bpy.props import IntProperty, StringProperty

from .. import compat, sentences, timeline
from . import common

DEFAULT_SECONDS = 4.0
DEFAULT_PROMPT = "A person walks forward"


class GENMO_OT_add_text_strip(bpy.types.Operator):
    """Add a text strip for the character at the playhead: it says what the character does while it lasts"""

    bl_idname = "genmo.add_text_strip"
    bl_label = "Add Text Strip"
    bl_options = {"REGISTER", "UNDO"}

    text: StringProperty(name="Prompt", description="What the character does, in a sentence", default=DEFAULT_PROMPT)
    start: IntProperty(
        name="Start", description="First frame of the strip. Not set: the playhead, behind one that begins there"
    )
    end: IntProperty(name="End", description="The first frame after the strip. Not set: 4 seconds after its start")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return common.needs_character(cls, context) is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = compat.sequencer_scene(context)
        properties = self.properties
        if not properties.is_property_set("start"):
            self.start = timeline.next_start(scene, common.current_character(context), scene.frame_current)
        if not properties.is_property_set("end"):
            self.end = self.start + round(DEFAULT_SECONDS * timeline.scene_fps(scene))
        if self.end <= self.start:
            return common.tell(self, sentences.strip_ends_before_start(self.start, self.end))
        compat.show_in_sequencer(context, scene)
        timeline.repair_doubled_ids(scene)
        strip = timeline.add_text_strip(scene, common.current_character(context), self.text, self.start, self.end)
        scene.sequence_editor.active_strip = strip
        scene.genmo.strip_index = list(compat.strips_of(scene.sequence_editor)).index(strip)
        return {"FINISHED"}


class GENMO_OT_strip_remove(bpy.types.Operator):
    """Remove the text strip that is picked in the list"""

    bl_idname = "genmo.strip_remove"
    bl_label = "Remove Text Strip"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if timeline.picked_strip(compat.sequencer_scene(context)) is None:
            cls.poll_message_set("Pick a text strip in the list first.")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = compat.sequencer_scene(context)
        compat.strips_of(scene.sequence_editor).remove(timeline.picked_strip(scene))
        return {"FINISHED"}


CLASSES = (GENMO_OT_add_text_strip, GENMO_OT_strip_remove)
