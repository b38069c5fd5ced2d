"""What is drawn while one works: the switches of the viewport's overlays and of the lane in the Dope Sheet."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty

from . import guard

DRAWN_IN = ("VIEW_3D", "DOPESHEET_EDITOR")


def redraw() -> None:
    """Have every 3D View and Dope Sheet drawn again."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in DRAWN_IN:
                area.tag_redraw()


def _switched(_self: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    guard.forgive()
    redraw()


class OverlayProperties(bpy.types.PropertyGroup):
    """What is drawn over the 3D View and over the Dope Sheet. Nothing of it shows in a render."""

    ghosts: BoolProperty(
        name="Ghosts of Key Poses",
        description="Show a stick figure at each of your own keys in the range. Generated keys have none",
        default=True,
        update=_switched,
    )
    path: BoolProperty(
        name="Path on Floor",
        description="Show where the hips go, on the floor: a dot each frame, a tick at each of your own keys",
        default=True,
        update=_switched,
    )
    contacts: BoolProperty(
        name="Contacts",
        description="Show where feet stand and hands rest. Bright at the frames of the contact",
        default=True,
        update=_switched,
    )
    direction: BoolProperty(
        name="Path, Waypoints and Pins",
        description="Show where the character shall go and what it shall hold",
        default=True,
        update=_switched,
    )
    numbers: BoolProperty(
        name="Frame Numbers",
        description="Write the frame beside each of your own keys",
        default=True,
        update=_switched,
    )
    lane: BoolProperty(
        name="Lane in Dope Sheet",
        description="Show text strips, waiting takes and contacts in the Dope Sheet. Click a strip there to pick it",
        default=True,
        update=_switched,
    )
    lane_edge: EnumProperty(
        name="Lane at",
        description="At which edge of the Dope Sheet the lane lies",
        items=(
            ("BOTTOM", "Bottom", "Under the keys, where it hides none but those of a list longer than the editor"),
            ("TOP", "Top", "Over the keys, on the row of the summary"),
        ),
        update=_switched,
    )
