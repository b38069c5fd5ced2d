"""Contacts by hand: add a bar, take one away. Their numbers are edited in the panel."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, IntProperty

from ...motion.contacts import PARTS
from .. import clean_up_properties, sentences
from ..services import contact_bars
from . import clean_up

SECONDS = 0.5
"""How long a new contact lasts where no end is given."""


class GENMO_OT_contact_add(clean_up.CleanUp, bpy.types.Operator):
    """Mark that a part touches, from the playhead on"""

    bl_idname = "genmo.contact_add"
    bl_label = "Add Contact"
    FROM_PANEL = (("part", "part"),)

    part: EnumProperty(name="Part", description="What touches", items=clean_up_properties.PART_ITEMS)
    first: IntProperty(name="First", description="The first frame that it touches. Not set: the playhead")
    last: IntProperty(name="Last", description="The last frame that it touches. Not set: half a second later")

    def act(self, target: bpy.types.Object, scene: bpy.types.Scene) -> str:
        properties = self.properties
        if not properties.is_property_set("first"):
            self.first = scene.frame_current
        if not properties.is_property_set("last"):
            self.last = self.first + round(SECONDS * scene.render.fps / scene.render.fps_base)
        contact_bars.add(target.animation_data.action, PARTS.index(self.part), self.first, self.last)
        return ""


class GENMO_OT_contact_remove(clean_up.CleanUp, bpy.types.Operator):
    """Take the picked contact away"""

    bl_idname = "genmo.contact_remove"
    bl_label = "Remove Contact"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        target = cls.ready(context)
        if target is None:
            return False
        known = target.animation_data.action.genmo
        if not 0 <= known.contact_index < len(known.contacts):
            cls.poll_message_set(sentences.text_of(sentences.no_bar_picked()))
            return False
        return True

    def act(self, target: bpy.types.Object, _scene: bpy.types.Scene) -> str:
        action = target.animation_data.action
        contact_bars.remove(action, action.genmo.contact_index)
        return ""


CLASSES = (GENMO_OT_contact_add, GENMO_OT_contact_remove)
