"""What the add-on stores in the .blend: on strips, on characters, on takes and on scenes.

The strip is the only store of a prompt's facts; the review of waiting takes lives on the character, so that saving,
undo and reopening carry it.
"""

from __future__ import annotations

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ..protocol.requests import MAX_SEED, MAX_TAKES, STEPS
from . import character, clean_up_properties, compat
from .compat import OVERRIDABLE, OVERRIDABLE_LIST
from .overlay_properties import OverlayProperties

KEEP_WAYS = (
    (
        "NEW",
        "New Action",
        "As the character's action, a copy of yours with the range exchanged; yours stays in the file",
    ),
    ("INTO", "My Action", "Into your own action, in the range alone"),
    ("STRIP", "NLA Strip", "As a strip over the range, on a track above your action"),
    ("LAYER", "Additive Layer", "As a strip that is added to your action: what you change below goes through it"),
)

SPACINGS = (
    ("KEEP", "Keep Spacing", "Your keys stay at their frames"),
    (
        "MOVE",
        "May Move",
        "In the take, selected keys between the first and the last go to where the model passes their poses, at most a "
        "third of the way to the next key",
    ),
)


def _is_character(_self: bpy.types.PropertyGroup, target: bpy.types.Object) -> bool:
    return character.is_character(target)


class StripProperties(bpy.types.PropertyGroup):
    """A text strip's direction. Its words are the strip's own text."""

    character: PointerProperty(
        type=bpy.types.Object, poll=_is_character, name="Character", description="Who does what the strip says"
    )
    uid: StringProperty(name="Identifier", description="Names the strip in a take's recipe", options={"HIDDEN"})
    full_text: StringProperty(
        name="Full Prompt",
        description="The whole prompt where Blender cuts a strip's text short",
        options={"HIDDEN"},
    )
    enabled: BoolProperty(
        name="Use Strip",
        description="Whether Generate reads this strip. The strip never shows in the render",
        default=True,
    )
    strength: FloatProperty(
        name="Strength",
        description="How strongly the motion follows this prompt: 1 is normal, 0 ignores it",
        default=1.0,
        min=0.0,
        max=2.0,
    )


class WaitingTake(bpy.types.PropertyGroup):
    """One take that waits for Keep or Drop."""

    action: PointerProperty(
        type=bpy.types.Action, name="Action", description="The take's animation", override=OVERRIDABLE
    )


class ReviewProperties(bpy.types.PropertyGroup):
    """The takes that wait, and what Drop puts back."""

    takes: CollectionProperty(
        type=WaitingTake, name="Takes", description="Takes that wait for Keep or Drop", override=OVERRIDABLE_LIST
    )
    index: IntProperty(
        name="Shown Take", description="Which of the waiting takes the character plays", min=0, override=OVERRIDABLE
    )
    original: PointerProperty(
        type=bpy.types.Action,
        name="Original Action",
        description="The action that Drop puts back",
        override=OVERRIDABLE,
    )
    original_slot: StringProperty(
        name="Original Slot", description="The slot of the action that Drop puts back", override=OVERRIDABLE
    )
    original_fake_user: BoolProperty(
        name="Original Fake User",
        description="Whether the original action was protected before the review",
        override=OVERRIDABLE,
    )
    extrapolation: StringProperty(
        name="Original Extrapolation",
        description="How the action went on outside its keys before the review, over NLA tracks",
        override=OVERRIDABLE,
    )
    had_animation_data: BoolProperty(
        name="Had Animation Data",
        description="Whether the character had animation data before the review",
        override=OVERRIDABLE,
    )
    pose: StringProperty(
        name="Original Pose", description="The pose that Drop puts back, as JSON", override=OVERRIDABLE
    )
    scene: PointerProperty(
        type=bpy.types.Scene,
        name="Scene",
        description="The scene whose preview range shows the takes",
        override=OVERRIDABLE,
    )
    preview: StringProperty(
        name="Original Preview Range", description="The preview range before the review, as JSON", override=OVERRIDABLE
    )


class CharacterProperties(bpy.types.PropertyGroup):
    """Facts of one character."""

    is_character: BoolProperty(
        name="GENMO Character",
        description="Whether this armature can be moved by prompts",
        options={"HIDDEN"},
        override=OVERRIDABLE,
    )
    take_count: IntProperty(
        name="Takes So Far", description="Counts this character's takes, for their names", min=0, override=OVERRIDABLE
    )
    review: PointerProperty(
        type=ReviewProperties, name="Review", description="Takes that wait for Keep or Drop", override=OVERRIDABLE
    )


class TakeProperties(bpy.types.PropertyGroup):
    """What an action knows: whose take it is while it waits, its contacts, the dense keys that it was reduced from.

    A take's recipe is the custom property ``genmo_recipe``.
    """

    owner: PointerProperty(
        type=bpy.types.Object, name="Character", description="Whose take this is while it waits for Keep or Drop"
    )
    contacts: CollectionProperty(
        type=clean_up_properties.ContactBar, name="Contacts", description="When feet and hands of this motion touch"
    )
    contact_index: IntProperty(name="Contact", description="The contact that is picked in the list", min=0)
    dense: PointerProperty(type=bpy.types.Action, name="Dense Keys", description="What Restore Dense Keys brings back")


def _strip_picked(self: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    editor = self.id_data.sequence_editor
    if editor and 0 <= self.strip_index < len(compat.strips_of(editor)):
        editor.active_strip = compat.strips_of(editor)[self.strip_index]


class SceneProperties(bpy.types.PropertyGroup):
    """What the panel sets for the next Generate."""

    character: PointerProperty(
        type=bpy.types.Object, poll=_is_character, name="Character", description="The character that Generate moves"
    )
    follow_selection: BoolProperty(
        name="Follow Selection", description="Take the selected character instead of the one chosen here", default=True
    )
    range_mode: EnumProperty(
        name="Range",
        description="Which frames Generate fills",
        items=(
            ("STRIPS", "From Strips", "From the start of the first text strip to the end of the last"),
            (
                "SELECTED",
                "From Selected Strips",
                "From the start of the first selected text strip to the end of the last",
            ),
            ("SCENE", "Scene", "The preview range if it is on, else the scene's range"),
        ),
    )
    strip_index: IntProperty(
        name="Strip", description="The strip whose settings show below", min=0, update=_strip_picked
    )
    seed: IntProperty(
        name="Seed",
        description="Same seed, same motion. 0 takes a new one each time; the used one is always shown",
        default=0,
        min=0,
        max=MAX_SEED - MAX_TAKES,
    )
    takes: IntProperty(
        name="Takes", description="How many versions Generate makes at once", default=1, min=1, max=MAX_TAKES
    )
    steps: IntProperty(
        name="Steps", description="More steps: better motion, longer wait", default=STEPS, min=5, soft_max=50, max=200
    )
    guidance: FloatProperty(
        name="Text Strength",
        description="How strongly the motion follows the prompts. High values may stiffen it",
        default=2.5,
        min=1.0,
        max=5.0,
    )
    crossfade: IntProperty(
        name="Crossfade",
        description="Over how many frames one prompt passes into the next where two strips touch",
        default=8,
        min=0,
        max=60,
    )
    between_amount: FloatProperty(
        name="In-between Amount",
        description="0 %: what Blender's own curves do between the keys. 100 %: what the model does",
        default=100.0,
        min=0.0,
        max=100.0,
        precision=0,
        subtype="PERCENTAGE",
    )
    between_spacing: EnumProperty(
        name="Spacing",
        description="Whether selected keys between the first and the last one stay at their frames",
        items=SPACINGS,
    )
    keep_as: EnumProperty(name="Keep As", description="Where a kept take goes", items=KEEP_WAYS)
    keep_keys: BoolProperty(
        name="Keep My Keys",
        description="Keys that you have made in the range stay as they are, and the motion goes through them. "
        "Off: they are replaced",
        default=True,
    )
    play: BoolProperty(name="Play Result", description="Play the range when takes arrive", default=True)
    overlays: PointerProperty(type=OverlayProperties, name="Overlays", description="What is drawn while you work")
    clean_up: PointerProperty(
        type=clean_up_properties.CleanUpSettings, name="Clean-Up", description="Settings of the clean-up tools"
    )


CLASSES = (
    *clean_up_properties.CLASSES,
    StripProperties,
    WaitingTake,
    ReviewProperties,
    CharacterProperties,
    TakeProperties,
    OverlayProperties,
    SceneProperties,
)
ATTACHED = (
    (bpy.types.Strip, StripProperties, "What the strip directs"),
    (bpy.types.Object, CharacterProperties, "What GENMO Motion knows of a character"),
    (bpy.types.Action, TakeProperties, "What GENMO Motion knows of a take"),
    (bpy.types.Scene, SceneProperties, "Settings of the next Generate"),
)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    for owner, cls, description in ATTACHED:
        owner.genmo = PointerProperty(type=cls, name="GENMO Motion", description=description, override=OVERRIDABLE)


def unregister() -> None:
    for owner, _, _ in ATTACHED:
        del owner.genmo
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
