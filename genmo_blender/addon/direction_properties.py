"""What the .blend stores of a character's direction: its path, its waypoints, its pins. Empties and curves are the
animator's own objects; here stands only what they mean."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty

from ..protocol.direction import PARTS, RADIUS
from .compat import OVERRIDABLE, OVERRIDABLE_LIST

PART_ITEMS = tuple((part, words.capitalize(), f"Hold the {words}") for part, words in PARTS.items())


def is_curve(_self: bpy.types.PropertyGroup, target: bpy.types.Object) -> bool:
    """Whether a path can be read from an object."""
    return target.type == "CURVE"


class WaypointProperties(bpy.types.PropertyGroup):
    """A place on the floor that the character is at, at a frame."""

    target: PointerProperty(
        type=bpy.types.Object,
        name="Waypoint",
        description="The object whose place on the floor is the waypoint",
        override=OVERRIDABLE,
    )
    frame: IntProperty(
        name="Frame", description="When the character is there, or from when on", default=1, override=OVERRIDABLE
    )
    between: BoolProperty(
        name="When It Suits",
        description="The character is there at some frame up to Last, whichever suits its motion",
        override=OVERRIDABLE,
    )
    last: IntProperty(
        name="Last", description="When the character has been there at the latest", default=30, override=OVERRIDABLE
    )
    use_facing: BoolProperty(
        name="Facing",
        description="The character looks along the object's -Y axis there, as it does at rest",
        override=OVERRIDABLE,
    )
    radius: FloatProperty(
        name="Tolerance",
        description="How near is near enough",
        default=RADIUS,
        min=0.0,
        soft_max=2.0,
        subtype="DISTANCE",
        override=OVERRIDABLE,
    )
    enabled: BoolProperty(
        name="Use Waypoint", description="Whether Generate reads this waypoint", default=True, override=OVERRIDABLE
    )


class PinProperties(bpy.types.PropertyGroup):
    """A part of the body that is held at an object over frames."""

    part: EnumProperty(
        name="Part", description="What is held", items=PART_ITEMS, default="left_hand", override=OVERRIDABLE
    )
    target: PointerProperty(
        type=bpy.types.Object,
        name="Held At",
        description="The object that the part is held at; it may be animated",
        override=OVERRIDABLE,
    )
    first: IntProperty(name="First", description="The first frame at which it is held", default=1, override=OVERRIDABLE)
    last: IntProperty(name="Last", description="The last frame at which it is held", default=30, override=OVERRIDABLE)
    ease_in: IntProperty(
        name="Ease In",
        description="Over how many frames the part goes to its pin",
        default=8,
        min=0,
        soft_max=60,
        override=OVERRIDABLE,
    )
    ease_out: IntProperty(
        name="Ease Out",
        description="Over how many frames the part leaves its pin",
        default=8,
        min=0,
        soft_max=60,
        override=OVERRIDABLE,
    )
    hold_rotation: BoolProperty(
        name="Hold Rotation",
        description="The part is also turned as the object is: the bone's axes lie along its axes",
        override=OVERRIDABLE,
    )
    enabled: BoolProperty(
        name="Use Pin", description="Whether Generate reads this pin", default=True, override=OVERRIDABLE
    )


class DirectionProperties(bpy.types.PropertyGroup):
    """Where a character goes and what it holds."""

    path: PointerProperty(
        type=bpy.types.Object,
        poll=is_curve,
        name="Path",
        description="The curve that the hips follow on the floor",
        override=OVERRIDABLE,
    )
    timing: EnumProperty(
        name="Timing",
        description="When the character is where on the path",
        items=(
            ("EVEN", "Even", "At one speed from the range's first frame to its last"),
            ("OFFSET", "Keyed", "As far along as the curve's Evaluation Time says, keyed in its Path Animation"),
            ("FREE", "Free", "At the motion's own pace"),
        ),
        override=OVERRIDABLE,
    )
    facing: EnumProperty(
        name="Facing",
        description="Where the character looks on the path",
        items=(
            ("ALONG", "Along Path", "Along the path"),
            ("TOWARD", "Toward Object", "Toward an object, which may be animated"),
            ("FREE", "Free", "As the motion has it"),
        ),
        override=OVERRIDABLE,
    )
    toward: PointerProperty(
        type=bpy.types.Object, name="Toward", description="What the character looks at", override=OVERRIDABLE
    )
    waypoints: CollectionProperty(
        type=WaypointProperties, name="Waypoints", description="Places to be at, at frames", override=OVERRIDABLE_LIST
    )
    pins: CollectionProperty(
        type=PinProperties, name="Pins", description="Parts that are held at objects", override=OVERRIDABLE_LIST
    )


CLASSES = (WaypointProperties, PinProperties, DirectionProperties)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Object.genmo_direction = PointerProperty(
        type=DirectionProperties,
        name="GENMO Direction",
        description="Where a character goes and what it holds",
        override=OVERRIDABLE,
    )


def unregister() -> None:
    del bpy.types.Object.genmo_direction
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
