"""Key This Pose as Mine."""

from __future__ import annotations

import bpy

from ...protocol.failures import GenmoFailure
from .. import sentences, session
from ..services import mine
from . import common


class GENMO_OT_key_as_mine(bpy.types.Operator):
    """Key the pose at this frame as yours, whoever made it: every later take goes through it. Keys the selected bones,
    or all of them where none is selected"""

    bl_idname = "genmo.key_as_mine"
    bl_label = "Key This Pose as Mine"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return common.needs_character(cls, context) is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        target, scene = common.current_character(context), context.scene
        assert target is not None  # by `poll`
        frame = scene.frame_current + scene.frame_subframe
        try:
            bones = mine.key_pose(target, frame)
        except GenmoFailure as failure:
            return common.tell(self, failure)
        session.current().say(sentences.keyed_as_mine(target.name, frame, len(bones)))
        return {"FINISHED"}


CLASSES = (GENMO_OT_key_as_mine,)
