"""Looking through takes: next, previous, Keep, Drop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy
from bpy.props import EnumProperty

from ...protocol.failures import GenmoFailure
from .. import sentences, session
from ..properties import KEEP_WAYS
from ..services import takes
from . import common


class _Review:
    """Operators that need a waiting take: what they do is ``act``, which returns a sentence."""

    bl_options = {"REGISTER", "UNDO"}
    act: Callable[[bpy.types.Object], str]

    @classmethod
    def poll(cls: Any, context: bpy.types.Context) -> bool:
        target = common.needs_character(cls, context)
        if target is None:
            return False
        if not takes.in_review(target):
            cls.poll_message_set(sentences.no_take_waiting())
            return False
        data = target.animation_data
        if data is not None and data.use_tweak_mode:
            cls.poll_message_set(sentences.text_of(sentences.nla_tweak_mode(target.name)))
            return False
        return True

    def execute(self: Any, context: bpy.types.Context) -> set[str]:
        target = common.current_character(context)
        try:
            sentence = self.act(target)
        except GenmoFailure as failure:
            return common.tell(self, failure)
        session.current().say(sentence)
        return {"FINISHED"}


class GENMO_OT_take_next(_Review, bpy.types.Operator):
    """Show the next take that waits"""

    bl_idname = "genmo.take_next"
    bl_label = "Next Take"

    def act(self, target: bpy.types.Object) -> str:
        takes.step(target, 1)
        return ""


class GENMO_OT_take_previous(_Review, bpy.types.Operator):
    """Show the previous take that waits"""

    bl_idname = "genmo.take_previous"
    bl_label = "Previous Take"

    def act(self, target: bpy.types.Object) -> str:
        takes.step(target, -1)
        return ""


class GENMO_OT_keep_take(_Review, bpy.types.Operator):
    """Keep the shown take and forget the other ones that wait"""

    bl_idname = "genmo.keep_take"
    bl_label = "Keep"

    way: EnumProperty(name="Keep As", items=KEEP_WAYS, description="Where the take goes. Not set: the panel's choice")

    def act(self, target: bpy.types.Object) -> str:
        way = self.way if self.properties.is_property_set("way") else bpy.context.scene.genmo.keep_as
        return sentences.kept(takes.keep(target, way))


class GENMO_OT_drop_take(_Review, bpy.types.Operator):
    """Drop all takes that wait and put the character's own animation back"""

    bl_idname = "genmo.drop_take"
    bl_label = "Drop"

    def act(self, target: bpy.types.Object) -> str:
        return sentences.dropped(target.name, takes.drop(target))


CLASSES = (GENMO_OT_take_next, GENMO_OT_take_previous, GENMO_OT_keep_take, GENMO_OT_drop_take)
