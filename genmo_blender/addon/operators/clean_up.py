"""Clean-up of what a character plays; each one undo step."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty

from ...motion.contacts import FootMode
from ...motion.smooth_keeping import Strength
from ...protocol.failures import GenmoFailure
from .. import clean_up_properties, sentences, session
from ..services import clean_up, contact_bars, dense_keys, passages, reducing, retime, stitch, takes
from . import common


class CleanUp:
    """Operators over a passage: what they do is ``act``, which returns a sentence.

    A property that is not set takes the panel's value (``FROM_PANEL``: property, name in the settings).
    """

    bl_options = {"REGISTER", "UNDO"}
    FROM_PANEL: tuple[tuple[str, str], ...] = ()

    @classmethod
    def ready(cls: Any, context: bpy.types.Context) -> bpy.types.Object | None:
        """For `poll`: the character whose keys can be cleaned up, or None with the reason set."""
        target = common.needs_character(cls, context)
        reason = passages.obstacle(target) if target is not None else None
        if reason is not None:
            cls.poll_message_set(sentences.text_of(reason))
        return target if reason is None else None

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return cls.ready(context) is not None

    def act(self, target: bpy.types.Object, scene: bpy.types.Scene) -> str:
        """Do it. Raises GenmoFailure, having changed nothing."""
        raise NotImplementedError

    def execute(self: Any, context: bpy.types.Context) -> set[str]:
        for name, setting in self.FROM_PANEL:
            if not self.properties.is_property_set(name):
                setattr(self, name, getattr(context.scene.genmo.clean_up, setting))
        target = common.current_character(context)
        try:
            with takes.tool(target):
                sentence = self.act(target, context.scene)
        except GenmoFailure as failure:
            return common.tell(self, failure)
        if sentence:
            self.report({"INFO"}, sentence)
        session.current().say(sentence)
        return {"FINISHED"}


class GENMO_OT_lock_feet(CleanUp, bpy.types.Operator):
    """Let feet stand still where they touch, and on the floor"""

    bl_idname = "genmo.lock_feet"
    bl_label = "Lock Feet"
    FROM_PANEL = (("mode", "foot_mode"),)

    mode: EnumProperty(name="Feet", description="What is done to the feet", items=clean_up_properties.FOOT_MODES)

    def act(self, target: bpy.types.Object, scene: bpy.types.Scene) -> str:
        return clean_up.lock_feet(target, scene, FootMode[self.mode])


class GENMO_OT_smooth(CleanUp, bpy.types.Operator):
    """Take out jitter. Contacts stay, and a quick reach keeps 97 % of its length"""

    bl_idname = "genmo.smooth"
    bl_label = "Smooth (Keep Contacts)"
    FROM_PANEL = (("strength", "strength"),)

    strength: EnumProperty(
        name="Strength",
        description="How much it calms",
        items=clean_up_properties.STRENGTHS,
        default="MEDIUM",
    )

    def act(self, target: bpy.types.Object, scene: bpy.types.Scene) -> str:
        return clean_up.smooth(target, scene, Strength[self.strength])


class GENMO_OT_make_loop(CleanUp, bpy.types.Operator):
    """Find the frames that loop best, close the gap between them, and set the action's range to the loop"""

    bl_idname = "genmo.make_loop"
    bl_label = "Make Loop"
    FROM_PANEL = (("in_place", "loop_in_place"),)

    in_place: BoolProperty(name="In Place", description="Take the travel out, as game engines want it")

    def act(self, target: bpy.types.Object, scene: bpy.types.Scene) -> str:
        return clean_up.make_loop(target, scene, self.in_place)


class GENMO_OT_mirror(CleanUp, bpy.types.Operator):
    """Exchange left and right; the motion still starts where it started, looking the same way"""

    bl_idname = "genmo.mirror"
    bl_label = "Mirror"

    def act(self, target: bpy.types.Object, scene: bpy.types.Scene) -> str:
        return clean_up.mirror(target, scene)


class GENMO_OT_in_place(CleanUp, bpy.types.Operator):
    """Take the way over the floor off the motion and keep it with the action"""

    bl_idname = "genmo.in_place"
    bl_label = "In Place"
    FROM_PANEL = (("turning", "turning"),)

    turning: BoolProperty(name="Turning Too", description="Take out the slow turning as well as the way")

    def act(self, target: bpy.types.Object, scene: bpy.types.Scene) -> str:
        return clean_up.in_place(target, scene, self.turning)


class GENMO_OT_restore_travel(CleanUp, bpy.types.Operator):
    """Put back the way that In Place took off; whatever was changed in between stays"""

    bl_idname = "genmo.restore_travel"
    bl_label = "Restore Travel"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        target = cls.ready(context)
        if target is None:
            return False
        action = target.animation_data.action
        if clean_up.TRAVEL not in action:
            cls.poll_message_set(sentences.text_of(sentences.no_travel(action.name)))
            return False
        return True

    def act(self, target: bpy.types.Object, scene: bpy.types.Scene) -> str:
        return clean_up.restore_travel(target, scene)


class GENMO_OT_detect_contacts(CleanUp, bpy.types.Operator):
    """Find when feet and hands touch, and keep it with the action. Contacts set by hand in the range are replaced"""

    bl_idname = "genmo.detect_contacts"
    bl_label = "Detect Contacts"

    def act(self, target: bpy.types.Object, scene: bpy.types.Scene) -> str:
        return contact_bars.detect_anew(target, scene)


class GENMO_OT_reduce_keys(CleanUp, bpy.types.Operator):
    """Few keys with handles in place of dense ones, within an error on the body. The dense keys can be restored"""

    bl_idname = "genmo.reduce_keys"
    bl_label = "Reduce Keys"
    FROM_PANEL = (("distance", "distance"),)

    distance: FloatProperty(
        name="Error",
        description="How far any point of the body may be off, in millimetres",
        default=5.0,
        min=0.1,
        soft_max=30.0,
        max=500.0,
    )

    slide: FloatProperty(
        name="Feet Slide",
        description="How much faster standing feet may slide, in cm/s. More lets the legs do with fewer keys",
        default=0.1,
        min=0.01,
        soft_max=1.0,
        max=100.0,
    )

    def act(self, target: bpy.types.Object, scene: bpy.types.Scene) -> str:
        done = reducing.reduce(target, scene, self.distance, self.slide)
        return sentences.keys_reduced(done.before, done.after, done.worst, done.slide)


class GENMO_OT_restore_dense_keys(CleanUp, bpy.types.Operator):
    """Put back the keys that were there before the last Reduce Keys, in its range"""

    bl_idname = "genmo.restore_dense_keys"
    bl_label = "Restore Dense Keys"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        target = cls.ready(context)
        if target is None:
            return False
        action = target.animation_data.action
        if action.genmo.dense is None:
            cls.poll_message_set(sentences.text_of(sentences.no_dense_keys(action.name)))
            return False
        return True

    def act(self, target: bpy.types.Object, _scene: bpy.types.Scene) -> str:
        return sentences.keys_restored(target.name, dense_keys.restore(target))


class GENMO_OT_retime(CleanUp, bpy.types.Operator):
    """Make the range longer or shorter. Feet stand, jumps keep their time, and what comes after moves along"""

    bl_idname = "genmo.retime"
    bl_label = "Retime"
    FROM_PANEL = (("length", "length"),)

    length: IntProperty(name="Length", description="Frames that the range is made; 0: not said yet", min=0)

    def act(self, target: bpy.types.Object, scene: bpy.types.Scene) -> str:
        return retime.retime(target, scene, self.length)


class GENMO_OT_stitch_takes(CleanUp, bpy.types.Operator):
    """Join the beginning of the shown take to the end of another where they are most alike, as one more take"""

    bl_idname = "genmo.stitch_takes"
    bl_label = "Stitch Takes"

    other: IntProperty(
        name="Ends As", description="Number of the take that gives the end. 0: the next one that waits", min=0
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        target = cls.ready(context)
        if target is None:
            return False
        if len(takes.waiting(target)) < 2:
            cls.poll_message_set(sentences.text_of(sentences.needs_two_takes(target.name)))
            return False
        return True

    def act(self, target: bpy.types.Object, scene: bpy.types.Scene) -> str:
        return stitch.stitch(target, scene, self.other)


CLASSES = (
    GENMO_OT_retime,
    GENMO_OT_stitch_takes,
    GENMO_OT_reduce_keys,
    GENMO_OT_restore_dense_keys,
    GENMO_OT_lock_feet,
    GENMO_OT_smooth,
    GENMO_OT_make_loop,
    GENMO_OT_mirror,
    GENMO_OT_in_place,
    GENMO_OT_restore_travel,
    GENMO_OT_detect_contacts,
)
