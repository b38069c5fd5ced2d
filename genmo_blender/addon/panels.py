"""The GENMO tab in the sidebars of the 3D View and the Sequencer. Panels draw state; they compute nothing."""

from __future__ import annotations

import math
import time

import bpy

from . import compat, icons, kept, measure, prompt_notes, sentences, session, timeline
from .operators.common import current_character
from .services import takes


class GENMO_UL_strips(bpy.types.UIList):
    """The character's prompts"""

    def draw_item(  # noqa: D102
        self, context, layout, _data, strip, _icon, _active_data, _active_property, _index=0, _filter=0
    ) -> None:
        row = layout.row(align=True)
        row.active = strip.genmo.enabled
        row.prop(strip, "text", text="", emboss=False)
        start, end = compat.strip_extent(strip)
        extent = row.row()
        extent.alignment = "RIGHT"
        extent.label(text=f"{start:.0f}–{end:.0f}")
        icon = "HIDE_OFF" if strip.genmo.enabled else "HIDE_ON"
        row.prop(strip.genmo, "enabled", text="", icon=icon, emboss=False)

    def filter_items(self, context, data, name):  # noqa: D102
        target = current_character(context)
        strips = getattr(data, name)
        ours = {i for i, s in enumerate(strips) if timeline.is_text_strip(s) and s.genmo.character == target}
        shown = [self.bitflag_filter_item if i in ours else 0 for i in range(len(strips))]
        order = sorted(range(len(strips)), key=lambda i: compat.strip_extent(strips[i])[0] if i in ours else math.inf)
        places = [0] * len(order)
        for place, index in enumerate(order):
            places[index] = place
        return shown, places


class _Panel:
    """What both sidebars show."""

    bl_label = "GENMO Motion"
    bl_category = "GENMO"
    bl_region_type = "UI"
    layout: bpy.types.UILayout

    def draw_header(self, _context: bpy.types.Context) -> None:
        self.layout.label(text="", icon_value=icons.genmo())

    def draw(self, context: bpy.types.Context) -> None:
        with measure.span("draw"):
            _draw(self.layout, context)


class GENMO_PT_view3d(_Panel, bpy.types.Panel):
    """GENMO Motion beside the character"""

    bl_idname = "GENMO_PT_view3d"
    bl_space_type = "VIEW_3D"


class GENMO_PT_sequencer(_Panel, bpy.types.Panel):
    """GENMO Motion beside the strips"""

    bl_idname = "GENMO_PT_sequencer"
    bl_space_type = "SEQUENCE_EDITOR"


def _draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    here = session.current()
    settings = context.scene.genmo
    target = current_character(context)
    letters = _letters(context)
    _draw_status(layout, here, letters)
    _draw_character(layout, settings, target)
    if target is not None:
        _draw_strips(layout, context, target, letters)
    _draw_generate(layout, settings, here, target)
    if target is not None and takes.in_review(target):
        _draw_review(layout, target)
    _draw_between(layout, settings)
    if here.message:
        _draw_text(layout, here.message, letters, alert=here.alert)
    _draw_settings(layout, settings)


def _draw_status(layout: bpy.types.UILayout, here: session.Session, letters: int) -> None:
    layout.label(text=here.status(), icon="CHECKMARK" if here.jobs is not None else "ERROR")
    if here.missing is not None:
        _draw_text(layout, sentences.text_of(here.missing), letters)
        layout.operator("preferences.addon_show", text="Open Preferences").module = session.preferences.EXTENSION


def _draw_character(
    layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup, target: bpy.types.Object | None
) -> None:
    row = layout.row(align=True)
    if settings.follow_selection and target is not None:
        row.label(text=target.name, icon="ARMATURE_DATA")
    else:
        row.prop(settings, "character", text="")
    row.prop(settings, "follow_selection", text="", icon="RESTRICT_SELECT_OFF")
    if target is not None:
        row.operator("genmo.add_character", text="", icon="ADD")
    else:
        layout.operator("genmo.add_character", icon="OUTLINER_OB_ARMATURE")


def _draw_strips(
    layout: bpy.types.UILayout, context: bpy.types.Context, target: bpy.types.Object, letters: int
) -> None:
    scene = compat.sequencer_scene(context)
    if scene != context.scene:
        layout.label(text=f"Strips of the scene {scene.name}", icon="SEQUENCE")
    layout.prop(context.scene.genmo, "range_mode", text="")
    _draw_text(layout, timeline.summary(context.scene, scene, target, kept.look), letters)
    for note in timeline.notes(context.scene):
        _draw_text(layout, note, letters, alert=True)
    if scene.sequence_editor is not None:
        layout.template_list("GENMO_UL_strips", "", scene.sequence_editor, "strips", scene.genmo, "strip_index", rows=3)
    row = layout.row(align=True)
    row.operator("genmo.add_text_strip", icon="ADD")
    row.operator("genmo.strip_remove", text="", icon="REMOVE")
    picked = timeline.picked_strip(scene)
    if picked is not None and picked.genmo.character == target:
        layout.prop(picked.genmo, "strength", slider=True)
        for note in prompt_notes.notes(timeline.prompt_text(picked), session.current().model):
            _draw_text(layout, note, letters, alert=True)


def _draw_generate(
    layout: bpy.types.UILayout,
    settings: bpy.types.PropertyGroup,
    here: session.Session,
    target: bpy.types.Object | None,
) -> None:
    job = here.jobs.of(str(target.session_uid)) if here.jobs is not None and target is not None else None
    row = layout.row(align=True)
    row.scale_y = 1.5
    if job is not None:
        words, factor = _progress(job)
        row.progress(text=words, factor=factor)
        row.operator("genmo.cancel", text="", icon="X")
    elif here.arrivals:
        row.operator("genmo.receive", icon="IMPORT")
        row.operator("genmo.cancel", text="", icon="X")
    else:
        row.operator("genmo.generate", icon="PLAY")
        count = row.row(align=True)
        count.ui_units_x = 4
        count.prop(settings, "takes")


def _draw_between(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    column = layout.column(align=True)
    row = column.row(align=True)
    row.operator("genmo.key_as_mine", text="", icon="KEY_HLT")
    row.operator("genmo.in_between")
    column.prop(settings, "between_amount", text="Amount", slider=True)
    column.row(align=True).prop(settings, "between_spacing", expand=True)


def _draw_settings(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    header, body = layout.panel("genmo_settings", default_closed=True)
    header.label(text="Settings")
    if body is None:
        return
    body.use_property_split = True
    body.use_property_decorate = False
    for name in ("seed", "steps", "guidance", "crossfade", "keep_keys", "play"):
        body.prop(settings, name)


def _progress(job: session.Job) -> tuple[str, float]:
    """Words and share of the progress row."""
    told = job.progress
    if told is None:
        return "Waiting …", 0.0
    words = told.words or told.stage
    if not told.of:
        return f"{words} …", 0.0
    left = job.seconds_left(time.monotonic())
    rest = f" · {left:.0f} s left" if left is not None else ""
    return f"{words} {told.done}/{told.of}{rest}", told.done / told.of


def _draw_review(layout: bpy.types.UILayout, target: bpy.types.Object) -> None:
    box = layout.box()
    found = takes.waiting(target)
    shown = takes.shown(target)
    row = box.row(align=True)
    row.operator("genmo.take_previous", text="", icon="TRIA_LEFT")
    middle = row.row()
    middle.alignment = "CENTER"
    index = found.index(shown) + 1 if shown is not None else 0
    middle.label(text=f"Take {index}/{len(found)}")
    row.operator("genmo.take_next", text="", icon="TRIA_RIGHT")
    row = box.row(align=True)
    row.operator("genmo.keep_take", icon="CHECKMARK")
    row.operator("genmo.drop_take", icon="TRASH")
    row.operator("genmo.again", icon="FILE_REFRESH")
    row = box.row(align=True)
    row.label(text="Keep As")
    row.prop(bpy.context.scene.genmo, "keep_as", text="")
    if shown is not None:
        box.label(text=shown.name, icon="ACTION")


def _letters(context: bpy.types.Context) -> int:
    """About how many letters a line of the sidebar holds: a label does not wrap by itself."""
    return max(20, int(context.region.width / (7.5 * context.preferences.system.ui_scale)))


def _draw_text(layout: bpy.types.UILayout, text: str, letters: int, alert: bool = False) -> None:
    column = layout.column(align=True)
    column.alert = alert
    line = ""
    for word in text.split():
        if line and len(line) + len(word) >= letters:
            column.label(text=line)
            line = word
        else:
            line = f"{line} {word}".strip()
    column.label(text=line)


letters_of, draw_text = _letters, _draw_text
"""For the tab's other panels."""

CLASSES = (GENMO_UL_strips, GENMO_PT_view3d, GENMO_PT_sequencer)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    kept.forget()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
