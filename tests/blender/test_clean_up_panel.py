"""The Clean-Up panels: where they are, and that what they draw exists."""

from __future__ import annotations

import bpy
import pytest

from tests.blender.clean_up_stage import clip, playing


class Layout:
    """Stands in for a layout, which no background Blender has: refuses properties and operators that do not exist."""

    def __init__(self, drawn: set[str]) -> None:
        self.drawn = drawn

    def row(self, **_options):
        return self

    column = box = row

    def panel(self, _name, **_options):
        return self, self

    def label(self, **options):
        self.drawn.add(options.get("text", ""))

    def prop(self, owner, name, **_options):
        assert name in owner.bl_rna.properties, name
        self.drawn.add(name)

    def operator(self, name, **_options):
        group, operator = name.split(".")
        getattr(getattr(bpy.ops, group), operator).get_rna_type()
        self.drawn.add(name)

    def template_list(self, list_type, _name, owner, collection, _index_owner, index, **_options):
        assert hasattr(bpy.types, list_type)
        assert collection in owner.bl_rna.properties and index in owner.bl_rna.properties
        self.drawn.add(collection)


@pytest.mark.parametrize("space", ["view3d", "graph", "dopesheet"])
def test_panels_are_there_closed(stage, space):
    panel = getattr(bpy.types, f"GENMO_PT_clean_up_{space}")
    assert "DEFAULT_CLOSED" in panel.bl_options and panel.bl_category == "GENMO"


@pytest.mark.parametrize("state", ["empty", "character", "walking", "in place"])
def test_the_panel_draws_every_tool(stage, state):
    if state != "empty":
        target = stage.character()
    if state in ("walking", "in place"):
        playing(stage, clip(), target=target)
        bpy.ops.genmo.detect_contacts()
    if state == "in place":
        bpy.ops.genmo.in_place()
    drawn: set[str] = set()
    stage.module("addon.clean_up_panel")._draw(Layout(drawn), bpy.context)
    tools = {f"genmo.{cls.bl_idname.split('.')[1]}" for cls in stage.module("addon.operators.clean_up").CLASSES}
    hidden = {"genmo.in_place"} if state == "in place" else {"genmo.restore_travel"}
    assert tools - drawn == hidden
    assert ("contacts" in drawn) == (state in ("walking", "in place"))
