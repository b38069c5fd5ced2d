"""What clean-up stores in the .blend: contacts with the action, and what the panel sets for its buttons."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty

from ..motion.contacts import PARTS

PART_NAMES = {
    "heel.L": "Left Heel",
    "ball.L": "Left Ball",
    "heel.R": "Right Heel",
    "ball.R": "Right Ball",
    "hand.L": "Left Hand",
    "hand.R": "Right Hand",
}
PART_ITEMS = tuple((part, PART_NAMES[part], f"{PART_NAMES[part]} touches", i) for i, part in enumerate(PARTS))
FOOT_MODES = (
    ("AUTO", "Auto", "Feet stand still in their contacts, save where a foot plainly travels or is in the air"),
    ("ALWAYS", "Always in Bars", "Feet stand still in their contacts, whatever they did"),
    ("GROUND", "Ground Only", "Nothing is locked: the soles come to the floor and never sink"),
    ("OFF", "Off", "The motion stays as it is"),
)
STRENGTHS = (
    ("LIGHT", "Light", "Takes the shiver out of hands and head"),
    ("MEDIUM", "Medium", "Takes out what a shaky recording has"),
    ("STRONG", "Strong", "Leaves slow, calm movement; contacts and quick reaches stay"),
)


def _kept_in_order(self: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    if self.last < self.first:
        self.last = self.first


class ContactBar(bpy.types.PropertyGroup):
    """A part of the body touches from frame ``first`` to frame ``last`` of the scene, both included.

    ``part`` counts `motion.contacts.PARTS`. A collection of them lies at ``action.genmo.contacts``.
    """

    part: IntProperty(
        name="Part",
        description="Which part touches: left heel and ball, right heel and ball, left and right hand",
        min=0,
        max=len(PARTS) - 1,
    )
    first: IntProperty(name="First", description="The first frame that it touches", update=_kept_in_order)
    last: IntProperty(name="Last", description="The last frame that it touches", update=_kept_in_order)


class CleanUpSettings(bpy.types.PropertyGroup):
    """What the buttons of the Clean-Up panel use."""

    foot_mode: EnumProperty(name="Feet", description="What Lock Feet does to the feet", items=FOOT_MODES)
    strength: EnumProperty(name="Strength", description="How much Smooth calms", items=STRENGTHS, default="MEDIUM")
    distance: FloatProperty(
        name="Error",
        description="How far any point of the body may be off after Reduce Keys, in millimetres",
        default=5.0,
        min=0.1,
        soft_max=30.0,
        max=500.0,
        precision=1,
    )
    loop_in_place: BoolProperty(
        name="Loop in Place", description="Make Loop takes the travel out, as game engines want it"
    )
    turning: BoolProperty(name="Turning Too", description="In Place takes out the slow turning as well as the way")
    length: IntProperty(name="Length", description="Frames that Retime makes the range; 0: not said yet", min=0)
    part: EnumProperty(name="Part", description="Which part Add Contact marks", items=PART_ITEMS)


CLASSES = (ContactBar, CleanUpSettings)
