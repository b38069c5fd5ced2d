"""Add Character."""

from __future__ import annotations

import bpy
from bpy.props import StringProperty

from .. import character, sentences


class GENMO_OT_add_character(bpy.types.Operator):
    """Add a neutral character at the 3D cursor, facing -Y, ready to be moved by prompts"""

    bl_idname = "genmo.add_character"
    bl_label = "Add Character"
    bl_options = {"REGISTER", "UNDO"}

    name: StringProperty(name="Name", description="The character's name", default="Character")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.mode != "OBJECT":
            cls.poll_message_set(sentences.mode_not_object())
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = context.scene
        armature, _body = character.add(context, self.name, scene.cursor.location)
        scene.genmo.character = armature
        return {"FINISHED"}


CLASSES = (GENMO_OT_add_character,)
