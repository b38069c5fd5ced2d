"""What operators share: whose turn it is, and how a failure is told."""

from __future__ import annotations

import bpy

from ...protocol.failures import GenmoFailure
from .. import character, compat, sentences


def current_character(context: bpy.types.Context) -> bpy.types.Object | None:
    """The selected character (when the panel follows the selection), else the panel's choice, if it is in the scene."""
    settings = context.scene.genmo
    if settings.follow_selection:
        picked = character.of_object(context.view_layer.objects.active)
        if picked is not None and compat.in_scene(picked, context.scene):
            return picked
    chosen = settings.character
    if chosen is not None and compat.in_scene(chosen, context.scene) and character.is_character(chosen):
        return chosen
    return None


def tell(operator: bpy.types.Operator, failure: GenmoFailure) -> set[str]:
    """Report a failure's sentence and stop."""
    operator.report({"ERROR"}, sentences.text_of(failure))
    return {"CANCELLED"}


def needs_character(cls: type[bpy.types.Operator], context: bpy.types.Context) -> bpy.types.Object | None:
    """For `poll`: the current character, or None with the reason set."""
    target = current_character(context)
    if target is None:
        rig = context.view_layer.objects.active
        while rig is not None and rig.type != "ARMATURE":
            rig = rig.parent
        failure = sentences.no_character() if rig is None else sentences.other_rig(rig.name)
        cls.poll_message_set(sentences.text_of(failure))
    return target
