"""Strips over the range and where the character stands -> `GenerateRequest`. Reads the scene once, then forgets it.

Seconds count from the range's first frame; space is the character's own (its armature's axes turned to Y up), so that
any parent and any scale carry the motion as they carry the body.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from ..motion.rotations import heading
from ..protocol.failures import GenmoFailure
from ..protocol.requests import MIN_FRAMES, MODEL_FPS, GenerateRequest, StartState, TextSpan, with_crossfades
from . import character, compat, keying, moments, posing, reading, sentences
from .services import playback

CHANNEL_NAME = "GENMO"
"""Channels of this name (GENMO, GENMO 2, ...) hold prompts and are muted, so that strips never show in the render."""
LAST_CHANNEL = 128


@dataclass(frozen=True)
class Prompt:
    """One strip's words and extent, in seconds of the scene's clock (frame / rate)."""

    text: str
    start: float
    end: float
    strength: float
    strip: str


@dataclass(frozen=True)
class FrameRange:
    """Frames ``first`` .. ``last`` of a scene, both keyed."""

    first: int
    last: int
    fps: float

    @property
    def seconds(self) -> float:
        """From the first key to the last."""
        return (self.last - self.first) / self.fps

    @property
    def start_time(self) -> float:
        """Seconds of the scene's clock at the first frame."""
        return self.first / self.fps


def shortest(fps: float) -> int:
    """From the first frame to the last of the shortest range that is solved (`MIN_FRAMES` of the model's)."""
    return math.floor((MIN_FRAMES - 1.5) / MODEL_FPS * fps) + 1


def scene_fps(scene: bpy.types.Scene) -> float:
    """Frames a second, with the base (23.976 is 24 / 1.001)."""
    return scene.render.fps / scene.render.fps_base


# Strips


def is_text_strip(strip: bpy.types.Strip) -> bool:
    """Whether a strip is one of our prompts."""
    return strip.type == "TEXT" and strip.genmo.uid != ""


def strips_for(scene: bpy.types.Scene, target: bpy.types.Object) -> list[bpy.types.Strip]:
    """The character's text strips in a Sequencer scene, from left to right."""
    found = [s for s in compat.all_strips(scene) if is_text_strip(s) and s.genmo.character == target]
    return sorted(found, key=lambda s: compat.strip_extent(s))


def next_start(scene: bpy.types.Scene, target: bpy.types.Object, frame: int) -> int:
    """Where a strip that is added at a frame begins: there, or, where one of the character's begins there already,
    behind it. So pressing *Add Text Strip* again and again makes a row, and inside a strip one is laid over it."""
    for strip in strips_for(scene, target):
        start, end = compat.strip_extent(strip)
        if round(start) == frame:
            frame = max(frame, round(end))
    return frame


def picked_strip(scene: bpy.types.Scene) -> bpy.types.Strip | None:
    """The text strip that is picked in the panel's list of a Sequencer scene."""
    editor = scene.sequence_editor
    index = scene.genmo.strip_index
    if editor is None or not 0 <= index < len(compat.strips_of(editor)):
        return None
    strip = compat.strips_of(editor)[index]
    return strip if is_text_strip(strip) else None


def prompt_text(strip: bpy.types.Strip) -> str:
    """The strip's words: its text, or the whole prompt that Blender 4.5 had to cut at 511 bytes."""
    shown, full = strip.text, strip.genmo.full_text
    return full if len(full) > len(shown) and shown and full.startswith(shown) else shown


def set_prompt_text(strip: bpy.types.Strip, text: str) -> None:
    """Write a prompt; what Blender cannot show is kept beside."""
    strip.text = text
    strip.genmo.full_text = text if strip.text != text else ""


def add_text_strip(
    scene: bpy.types.Scene, target: bpy.types.Object, text: str, start: int, end: int
) -> bpy.types.Strip:
    """A muted text strip over frames ``start`` .. ``end`` in a reserved, muted channel of the scene."""
    editor = scene.sequence_editor or scene.sequence_editor_create()
    channel = _free_channel(editor, start, end)
    strip = compat.new_text_strip(editor, "Prompt", channel, start, end)
    strip.mute = True
    strip.genmo.character = target
    strip.genmo.uid = uuid.uuid4().hex
    set_prompt_text(strip, text)
    strip.color_tag = "COLOR_04"
    return strip


def _free_channel(editor: bpy.types.SequenceEditor, start: int, end: int) -> int:
    """The first reserved channel with room for the extent; a new one above all others when there is none."""
    taken: dict[int, list[tuple[float, float]]] = {}
    for strip in compat.strips_of(editor):
        taken.setdefault(strip.channel, []).append(compat.strip_extent(strip))
    reserved = [i for i, channel in enumerate(editor.channels) if channel.name.split(" ")[0] == CHANNEL_NAME and i > 0]
    for index in reserved:
        if all(end <= a or start >= b for a, b in taken.get(index, ())):
            return index
    above = max([*taken, *reserved, 0]) + 1
    free = [i for i in range(1, LAST_CHANNEL + 1) if i not in taken and i not in reserved]
    index = above if above <= LAST_CHANNEL or not free else free[-1]
    channel = editor.channels[min(index, LAST_CHANNEL)]
    channel.name = CHANNEL_NAME if not reserved else f"{CHANNEL_NAME} {len(reserved) + 1}"
    channel.mute = True
    return min(index, LAST_CHANNEL)


def repair_doubled_ids(scene: bpy.types.Scene) -> None:
    """A copied strip carries its model's identifier: give every later one its own."""
    seen: set[str] = set()
    for strip in compat.all_strips(scene):
        if is_text_strip(strip):
            if strip.genmo.uid in seen:
                strip.genmo.uid = uuid.uuid4().hex
            seen.add(strip.genmo.uid)


def prompts_of(strips: Iterable[bpy.types.Strip], fps: float) -> tuple[Prompt, ...]:
    """What enabled strips say and when. Raises RequestFailure for a strip without words."""
    prompts = []
    for strip in strips:
        if not strip.genmo.enabled:
            continue
        text = prompt_text(strip).strip()
        start, end = compat.strip_extent(strip)
        if not text:
            raise sentences.empty_prompt(start, end)
        prompts.append(Prompt(text, start / fps, end / fps, strip.genmo.strength, strip.genmo.uid))
    return tuple(prompts)


def strips_range(strips: Sequence[bpy.types.Strip], strips_fps: float, fps: float) -> FrameRange | None:
    """From the start of the first enabled strip to the end of the last, in frames of a scene at ``fps``."""
    extents = [compat.strip_extent(s) for s in strips if s.genmo.enabled]
    if not extents:
        return None
    start, end = min(a for a, _ in extents) / strips_fps, max(b for _, b in extents) / strips_fps
    return FrameRange(round(start * fps), round(end * fps), fps)


def own_range(scene: bpy.types.Scene) -> FrameRange:
    """The animator's preview range if it is on, else the scene's range."""
    shown, first, last = playback.own_range(scene)
    if not shown:
        first, last = scene.frame_start, scene.frame_end
    return FrameRange(first, last, scene_fps(scene))


# Text spans


def spans(prompts: Sequence[Prompt], start: float, crossfade: float) -> tuple[TextSpan, ...]:
    """Prompts of the scene's clock -> spans of a range from ``start``; neighbours fade over ``crossfade`` s."""
    return with_crossfades([TextSpan(p.text, p.start - start, p.end - start, p.strength) for p in prompts], crossfade)


# Where the character stands


def start_state(scene: bpy.types.Scene, target: bpy.types.Object, own: character.OwnState, frame: int) -> StartState:
    """The pelvis's place and heading at a frame, in the character's own space turned to Y up.

    Read from the curves of the character's own action (never a take's); channels without a curve count as they stand.
    Constraints and NLA tracks need the frame itself: then the scene visits it and comes back.
    """
    pelvis = target.pose.bones[character.body_names()[0]]
    if len(pelvis.constraints) or reading.layered(target):
        rest = character.rest_pose(target, (pelvis.name,))
        seen = [
            pelvis.bone.matrix_local.inverted() @ pelvis.matrix for _ in reading.visited(scene, target, [frame], own)
        ]
        q, position = keying.pelvis_pose(rest, np.array(seen[0].to_quaternion()), np.array(seen[0].to_translation()))
    else:
        stands = reading.motion_at(target, own, np.array([frame]))
        q, position = stands.rotations[0, 0], stands.path[0]
    return StartState((float(position[0]), 0.0, float(position[2])), float(heading(q)))


# The request


@dataclass(frozen=True)
class Filling:
    """Which frames are filled, and of them what: all bones, or those of ``bones``; by ``amount`` 0..1, where 0 is what
    the character's own curves do. ``heard``: strips over the range say what happens."""

    frames: FrameRange
    bones: tuple[str, ...] = ()
    amount: float = 1.0
    heard: bool = True


@dataclass(frozen=True)
class Direction:
    """What Generate will do: the request, whose time 0 is the frame ``begins``, the frames it fills, and the words of
    strips that lie outside them. ``keys`` are the animator's own in the range."""

    request: GenerateRequest
    filling: Filling
    begins: int
    prompts: tuple[Prompt, ...]
    unused: tuple[str, ...]
    keys: posing.OwnKeys

    @property
    def frames(self) -> FrameRange:
        """What is filled."""
        return self.filling.frames


def frame_range(scene: bpy.types.Scene, strips_scene: bpy.types.Scene, target: bpy.types.Object) -> FrameRange:
    """The frames that Generate would fill. Raises RequestFailure when there are no strips to take them from."""
    if scene.genmo.range_mode == "SCENE":
        return own_range(scene)
    strips = strips_for(strips_scene, target)
    if scene.genmo.range_mode == "SELECTED":
        strips = [strip for strip in strips if strip.select]
        if not strips:
            raise sentences.no_strip_selected(target.name)
    found = strips_range(strips, scene_fps(strips_scene), scene_fps(scene))
    if found is None:
        raise _nothing_said(strips_scene, target)
    return found


def _nothing_said(strips_scene: bpy.types.Scene, target: bpy.types.Object, keys_too: bool = False) -> GenmoFailure:
    """Why nothing says what to do; ``keys_too``: keys alone would have been enough."""
    if strips_for(strips_scene, target):
        return sentences.strips_off(target.name)
    return (sentences.nothing_told if keys_too else sentences.no_strips)(target.name)


def _nothing_between(name: str, found: posing.OwnKeys, keep: bool) -> GenmoFailure:
    """Why selected keys say nothing: ``found`` are those of the animator's among them."""
    if not len(found.frames):
        return sentences.selected_keys_generated(name)
    return (sentences.selected_keys_untold if keep else sentences.selected_keys_given_up)(name)


def summary(
    scene: bpy.types.Scene,
    strips_scene: bpy.types.Scene,
    target: bpy.types.Object,
    keyed: Callable[[bpy.types.Object, int, int], int | None] | None = None,
) -> str:
    """The panel's line: ``Frames 101–245 · 6.0 s · 2 prompts · 5 keyed times kept``, and how many strips lie outside.

    ``keyed`` counts the animator's keyed times of a character between two frames.
    """
    found = [s for s in strips_for(strips_scene, target) if s.genmo.enabled]
    if not found and scene.genmo.range_mode == "STRIPS":
        return "No text strips yet"
    if scene.genmo.range_mode == "SELECTED" and not any(s.select for s in found):
        return "No text strip is selected"
    frames = frame_range(scene, strips_scene, target)
    rate = scene_fps(strips_scene)
    extents = [(a / rate, b / rate) for a, b in (compat.strip_extent(s) for s in found)]
    end = frames.start_time + frames.seconds
    used = sum(1 for a, b in extents if b > frames.start_time and a < end)
    outside = f" · {len(found) - used} outside" if used < len(found) else ""
    prompts = f"{used} prompt{'' if used == 1 else 's'}{outside}"
    count = keyed(target, frames.first, frames.last) if keyed is not None and scene.genmo.keep_keys else None
    kept = f" · {count} keyed time{'' if count == 1 else 's'} kept" if count else ""
    return f"Frames {frames.first}–{frames.last} · {frames.seconds:.1f} s · {prompts}{kept}"


def notes(scene: bpy.types.Scene) -> list[str]:
    """What of a scene's clock the panel says beforehand, since it is no reason to refuse."""
    old, new = scene.render.frame_map_old, scene.render.frame_map_new
    return [] if old == new else [sentences.time_stretched(old, new)]


def direction(
    scene: bpy.types.Scene,
    strips_scene: bpy.types.Scene,
    target: bpy.types.Object,
    own: character.OwnState,
    seed: int,
    count: int,
    filling: Filling | None = None,
) -> Direction:
    """Everything of the scene that a job needs; without ``filling`` the range is the panel's. Raises RequestFailure
    with the sentence of what is wrong."""
    settings = scene.genmo
    between = filling is not None
    filling = filling or Filling(frame_range(scene, strips_scene, target))
    frames = filling.frames
    # a range of one frame has a better sentence than what lies outside it
    least = shortest(frames.fps)
    if frames.last - frames.first < least:
        raise sentences.range_too_short(frames.first, frames.last, round(frames.fps, 3), least + 1)
    strips = strips_for(strips_scene, target) if filling.heard else []
    prompts = prompts_of(strips, scene_fps(strips_scene))
    end = frames.start_time + frames.seconds
    inside = tuple(p for p in prompts if p.end > frames.start_time and p.start < end)
    outside = tuple(p for p in prompts if p not in inside)
    keys = found = posing.own_keys(own.action, own.slot, frames.first, frames.last, eulers=own.pose.eulers)
    if not settings.keep_keys:
        keys = posing.without(keys)
    keyed = bool(keys.mask.any())
    if between and not inside and not keyed:
        raise _nothing_between(target.name, found, settings.keep_keys)
    if not inside and outside and not keyed:
        a, b = round(outside[0].start * frames.fps), round(outside[0].end * frames.fps)
        raise sentences.strip_outside_range(outside[0].text, a, b, frames.first, frames.last)
    if not inside and not keyed:
        raise _nothing_said(strips_scene, target, settings.range_mode == "SCENE")
    around = posing.beside(target, own, frames.first, frames.last, frames.fps)
    begins, ends = frames.first - around.lead, frames.last + around.tail
    held = [name for name in character.body_names() if filling.bones and name not in filling.bones]
    request = GenerateRequest(
        duration=(ends - begins) / frames.fps,
        texts=spans(inside, begins / frames.fps, settings.crossfade / frames.fps),
        seed=seed,
        takes=count,
        steps=settings.steps,
        guidance=settings.guidance,
        start=start_state(scene, target, own, begins),
        keys=posing.poses(scene, target, own, keys, around, frames.first, frames.last, frames.fps, held),
    )
    moments.check(request, begins, frames.fps)
    return Direction(request, filling, begins, inside, tuple(p.text for p in outside), keys)
