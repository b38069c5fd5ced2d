"""Starting a job for a character, and, in background mode, staying with it to its end."""

from __future__ import annotations

import math
import secrets
import time
from dataclasses import replace

import bpy
import numpy as np

from ...motion.rotations import Array
from ...protocol.requests import MAX_SEED, MAX_TAKES, GenerateRequest
from .. import applied, character, compat, keying, posing, sentences, session, timeline
from . import direction as directions
from . import spacing, takes
from .delivery import Order

POLL_SECONDS = 0.02


def order(
    scene: bpy.types.Scene,
    strips_scene: bpy.types.Scene,
    target: bpy.types.Object,
    count: int,
    seed: int,
    filling: timeline.Filling | None = None,
    verb: str = "Generate",
) -> Order:
    """An order for ``count`` takes of what the strips and the animator's keys say; seed 0 takes a new one.

    Raises RequestFailure, each with its sentence, where something is missing or wrong.
    """
    _check_target(scene, target)
    timeline.repair_doubled_ids(strips_scene)
    own = takes.own_state(target)
    direction = timeline.direction(scene, strips_scene, target, own, seed or _new_seed(), count, filling)
    frames = direction.frames
    clock = directions.Clock(frames.first, frames.last, frames.fps, direction.begins)
    request, said = directions.directed(scene, target, direction.request, clock, direction.filling.bones)
    return Order(
        target=target.session_uid,
        scene=scene.session_uid,
        name=target.name,
        request=request,
        first=direction.frames.first,
        last=direction.frames.last,
        fps=direction.frames.fps,
        prompts=tuple(p.text for p in direction.prompts),
        strips=tuple(p.strip for p in direction.prompts),
        play=scene.genmo.play,
        verb=verb,
        begins=direction.begins,
        bones=direction.filling.bones,
        amount=direction.filling.amount,
        keep_keys=scene.genmo.keep_keys,
        said=tuple(said),
    )


def between_selected_keys(
    scene: bpy.types.Scene,
    strips_scene: bpy.types.Scene,
    target: bpy.types.Object,
    count: int,
    seed: int,
    amount: float = 1.0,
    heard: bool = True,
    may_move: bool = False,
) -> Order:
    """An order that fills what lies between the selected keys, for the bones that they key.

    ``amount`` 0..1 goes from Blender's own curves to the model. ``may_move``: selected keys between the first and the
    last may stand at another time in the take. Raises RequestFailure with its sentence.
    """
    _check_target(scene, target)
    if takes.in_review(target):
        raise sentences.takes_wait(target.name)
    own = takes.own_state(target)
    found = posing.own_keys(own.action, own.slot, -math.inf, math.inf, True, own.pose.eulers)
    if len(found.frames) < 2:
        raise sentences.few_selected_keys(target.name)
    first, last = math.ceil(found.frames[0] - posing.SAME_TIME), math.floor(found.frames[-1] + posing.SAME_TIME)
    if last - first < 2:
        raise sentences.selected_keys_touch(found.frames[0], found.frames[-1])
    fps = timeline.scene_fps(scene)
    if last - first < timeline.shortest(fps):
        raise sentences.selected_keys_close(found.frames[0], found.frames[-1], timeline.shortest(fps))
    keyed: Array = np.any(found.turned, axis=0)
    keyed[0] |= found.placed.any()
    bones = tuple(name for name, of in zip(character.body_names(), keyed, strict=True) if of)
    frames = timeline.FrameRange(first, last, fps)
    filling = timeline.Filling(frames, () if keyed.all() else bones, amount, heard)
    made = order(scene, strips_scene, target, count, seed, filling, verb="In-between")
    if not may_move or not made.keep_keys:
        return made
    begins = first if made.begins is None else made.begins
    search = spacing.search(target, own, made.request, first, last, made.fps, begins)
    asked = None if search is None else spacing.asked(search)
    return replace(made, moves=()) if asked is None else replace(made, request=asked, search=search)


def order_again(scene: bpy.types.Scene, target: bpy.types.Object, same_seed: bool) -> Order:
    """An order for one more take by the recipe of the shown one, with a new seed or the same."""
    _check_target(scene, target)
    shown = takes.shown(target)
    if shown is None:
        raise sentences.take_lost(target.name)
    recipe = keying.recipe_of(shown)
    try:
        assert recipe is not None
        request = GenerateRequest.from_dict(recipe["request"])
        first, seed = int(recipe["frames"][0]), int(recipe["seed"])
        prompts, strips = tuple(recipe["prompts"]), tuple(recipe["strips"])
        last, begins = int(recipe["frames"][1]), int(recipe.get("begins", first))
        bones, amount = tuple(recipe.get("bones", ())), float(recipe.get("amount", 1.0))
        keep_keys = bool(recipe.get("keep_keys", True))
        moves = None if recipe.get("moves") is None else tuple(map(spacing.Move.from_list, recipe["moves"]))
        seconds = float(recipe["fps"]) and (last - first) / float(recipe["fps"])
    except (AssertionError, KeyError, IndexError, TypeError, ValueError) as error:
        raise sentences.recipe_unreadable(shown.name) from error
    fps = timeline.scene_fps(scene)
    return Order(
        target=target.session_uid,
        scene=scene.session_uid,
        name=target.name,
        request=replace(request, takes=1, seed=seed if same_seed else _new_seed()),
        first=first,
        last=first + round(seconds * fps),
        fps=fps,
        prompts=prompts,
        strips=strips,
        play=scene.genmo.play,
        verb="Again",
        begins=first - round((first - begins) / float(recipe["fps"]) * fps),
        bones=bones,
        amount=amount,
        keep_keys=keep_keys,
        moves=moves,
    )


def _check_target(scene: bpy.types.Scene, target: bpy.types.Object) -> None:
    if not compat.in_scene(target, scene):
        raise sentences.character_not_in_scene(target.name, scene.name)
    failure = character.obstacle(target) or applied.obstacle(target)
    if failure is not None:
        raise failure


def _new_seed() -> int:
    """Never 0, which means "a new one"."""
    return 1 + secrets.randbelow(MAX_SEED - MAX_TAKES)


def drive(job_id: int) -> session.Outcome:
    """Tick until the job has its ending or its result waits for Blender (background mode, where no timer fires)."""
    here = session.current()
    try:
        while job_id not in here.outcomes:
            here.step()
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        here.cancel()
        raise
    return here.outcomes.pop(job_id)
