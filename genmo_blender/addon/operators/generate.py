"""Generate, Again, Cancel."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty

from ...protocol.failures import GenmoFailure
from ...protocol.requests import MAX_SEED, MAX_TAKES
from .. import compat, prompt_notes, sentences, session, timeline
from ..properties import SPACINGS
from ..services import delivery, generate, takes
from . import common


def _run(operator: bpy.types.Operator, order: delivery.Order) -> set[str]:
    """Queue an order; in background mode stay until its end, since no timer fires there."""
    here = session.current()
    job = here.submit(order)
    for prompt in order.prompts:
        for note in prompt_notes.notes(prompt, here.model):
            operator.report({"WARNING"}, note)
    if not bpy.app.background:
        return {"FINISHED"}
    outcome = generate.drive(job.id)
    if outcome.kind == "failed":
        operator.report({"ERROR"}, outcome.sentence)
        return {"CANCELLED"}
    operator.report({"INFO"}, outcome.sentence)
    return {"FINISHED"} if outcome.kind != "cancelled" else {"CANCELLED"}


def _can_start(cls: type[bpy.types.Operator], context: bpy.types.Context) -> bpy.types.Object | None:
    """For `poll`: the current character if a job for it could start, or None with the reason set."""
    target = common.needs_character(cls, context)
    if target is None:
        return None
    here = session.current()
    reason = None
    if here.missing is not None:
        reason = here.missing
    elif here.jobs is not None and here.jobs.of(str(target.session_uid)) is not None:
        reason = sentences.job_running(target.name)
    elif target.mode == "EDIT":
        reason = sentences.editing_character(target.name)
    if reason is not None:
        cls.poll_message_set(sentences.text_of(reason))
        return None
    return target


class _Numbered:
    """Operators that make takes: how many, from which seed on."""

    takes: IntProperty(
        name="Takes", description="How many versions to make. Not set: the panel's number", min=1, max=MAX_TAKES
    )
    seed: IntProperty(
        name="Seed",
        description="Seed of the first take, 0 for a new one. Not set: the panel's seed",
        min=0,
        max=MAX_SEED - MAX_TAKES,
    )

    def numbers(self: Any, scene: bpy.types.Scene) -> tuple[int, int]:
        """Takes and seed, those of the panel where they are not set."""
        given = self.properties.is_property_set
        count = self.takes if given("takes") else scene.genmo.takes
        return count, self.seed if given("seed") else scene.genmo.seed


class GENMO_OT_generate(_Numbered, bpy.types.Operator):
    """Make motion from the text strips and through your keys; the takes wait for Keep or Drop"""

    # No UNDO: the result is one undo step of its own when it arrives.
    bl_idname = "genmo.generate"
    bl_label = "Generate"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        target = _can_start(cls, context)
        if target is None:
            return False
        by_strips = context.scene.genmo.range_mode != "SCENE"
        if by_strips and not timeline.strips_for(compat.sequencer_scene(context), target):
            cls.poll_message_set(sentences.text_of(sentences.no_strips(target.name)))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = context.scene
        count, seed = self.numbers(scene)
        try:
            target = common.current_character(context)
            return _run(self, generate.order(scene, compat.sequencer_scene(context), target, count, seed))
        except GenmoFailure as failure:
            return common.tell(self, failure)


class GENMO_OT_in_between(_Numbered, bpy.types.Operator):
    """Fill in between the selected keys, for the bones they are on; your keys stay as they are"""

    bl_idname = "genmo.in_between"
    bl_label = "In-between Selected Keys"
    bl_options = {"REGISTER"}

    amount: FloatProperty(
        name="Amount",
        description="0 %: what Blender's own curves do between the keys. 100 %: what the model does",
        default=100.0,
        min=0.0,
        max=100.0,
        subtype="PERCENTAGE",
    )
    spacing: EnumProperty(
        name="Spacing",
        description="Whether selected keys between the first and the last stay at their frames. Not set: the panel's",
        items=SPACINGS,
    )
    use_strips: BoolProperty(
        name="Use Strips", description="Text strips over these frames say what happens between the keys", default=True
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        target = _can_start(cls, context)
        if target is None:
            return False
        if takes.in_review(target):
            cls.poll_message_set(sentences.text_of(sentences.takes_wait(target.name)))
            return False
        if target.animation_data is None or target.animation_data.action is None:
            cls.poll_message_set(sentences.text_of(sentences.few_selected_keys(target.name)))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = context.scene
        count, seed = self.numbers(scene)
        amount = self.amount if self.properties.is_property_set("amount") else scene.genmo.between_amount
        spacing = self.spacing if self.properties.is_property_set("spacing") else scene.genmo.between_spacing
        strips_scene, may_move = compat.sequencer_scene(context), spacing == "MOVE"
        try:
            target = common.current_character(context)
            order = generate.between_selected_keys(
                scene, strips_scene, target, count, seed, amount / 100.0, self.use_strips, may_move
            )
            return _run(self, order)
        except GenmoFailure as failure:
            return common.tell(self, failure)


class GENMO_OT_again(bpy.types.Operator):
    """Make one more take of the same direction; it joins those that wait"""

    bl_idname = "genmo.again"
    bl_label = "Again"
    bl_options = {"REGISTER"}

    same_seed: BoolProperty(
        name="Same Seed", description="Use the shown take's seed again: the same motion on the same machine"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        target = _can_start(cls, context)
        if target is None:
            return False
        if takes.shown(target) is None:
            cls.poll_message_set(sentences.no_take_waiting())
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            target = common.current_character(context)
            return _run(self, generate.order_again(context.scene, target, self.same_seed))
        except GenmoFailure as failure:
            return common.tell(self, failure)


class GENMO_OT_cancel(bpy.types.Operator):
    """Stop generating; the animation stays as it is"""

    bl_idname = "genmo.cancel"
    bl_label = "Cancel"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if not session.current().working:
            cls.poll_message_set("Nothing is being generated.")
            return False
        return True

    def execute(self, _context: bpy.types.Context) -> set[str]:
        session.current().cancel()
        return {"FINISHED"}


class GENMO_OT_receive(bpy.types.Operator):
    """Write takes that wait for a tool to end, although it still runs"""

    bl_idname = "genmo.receive"
    bl_label = "Receive Now"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if not session.current().arrivals:
            cls.poll_message_set(sentences.no_take_waiting())
            return False
        return True

    def execute(self, _context: bpy.types.Context) -> set[str]:
        session.current().step(insist=True)
        return {"FINISHED"}


CLASSES = (GENMO_OT_generate, GENMO_OT_in_between, GENMO_OT_again, GENMO_OT_cancel, GENMO_OT_receive)
