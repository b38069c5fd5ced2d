"""Takes that wait: begun by a result, looked through, ended by Keep or Drop.

All of it is stored in the file, on the character and on the takes' actions: saving, undo and reopening carry it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import bpy

from ...protocol.motions import MotionResult, Take
from .. import character, compat, keying, reading, sentences
from . import added, contact_bars, dense_keys, keeping, playback
from .writing import Placement, key_take


def waiting(target: bpy.types.Object) -> list[bpy.types.Action]:
    """The character's waiting takes. A copy of a character does not own its model's takes."""
    return [w.action for w in target.genmo.review.takes if w.action is not None and w.action.genmo.owner == target]


def in_review(target: bpy.types.Object) -> bool:
    """Whether Keep or Drop is due."""
    return len(target.genmo.review.takes) > 0


def shown(target: bpy.types.Object) -> bpy.types.Action | None:
    """The take that the character plays."""
    found = waiting(target)
    return found[min(target.genmo.review.index, len(found) - 1)] if found else None


def own_state(target: bpy.types.Object) -> character.OwnState:
    """The animator's own animation: what a take is made over, under review too."""
    review = target.genmo.review
    if not in_review(target):
        return character.read_state(target)
    pose = character.Pose.from_json(review.pose)
    return character.OwnState(review.original, review.original_slot, pose, review.had_animation_data)


def begin(target: bpy.types.Object, scene: bpy.types.Scene, result: MotionResult, placement: Placement) -> list[str]:
    """Write all takes of a result as actions, beside those that wait already, and show the first new one. Returns
    sentences on what of the animator's was kept.

    All or nothing: whatever is raised on the way, the file is as it was.
    """
    reconcile()
    own, count = own_state(target), target.genmo.take_count
    written: list[bpy.types.Action] = []
    said: list[str] = []
    try:
        for take in result.takes:
            written.append(_new_take(target, own, take, placement))
            said = key_take(target, own, written[-1], take, result.fps, placement)
    except BaseException:
        _remove(written)
        target.genmo.take_count = count
        raise
    _remember(target, own)
    review = target.genmo.review
    first_new = len(waiting(target))
    for action in written:
        action.use_fake_user = True
        action.genmo.owner = target
        review.takes.add().action = action
    show(target, first_new)
    if review.scene is None:
        review.scene, review.preview = scene, playback.show_range(scene, placement.first, placement.last)
    return said


def _remember(target: bpy.types.Object, own: character.OwnState) -> None:
    """At the start of a review: store what Drop puts back, and protect the animator's action."""
    review = target.genmo.review
    if in_review(target):
        return
    review.original, review.original_slot = own.action, own.slot
    review.pose, review.had_animation_data = own.pose.to_json(), own.had_animation_data
    if own.action is None and reading.layered(target):
        # A take without an action to be a copy of: beside its range the NLA tracks go on.
        data = target.animation_data
        review.extrapolation, data.action_extrapolation = data.action_extrapolation, "NOTHING"
    if own.action is not None and own.action.library is None:
        review.original_fake_user = own.action.use_fake_user
        own.action.use_fake_user = True


def _new_take(target: bpy.types.Object, own: character.OwnState, take: Take, placement: Placement) -> bpy.types.Action:
    """The action of a take, with its name and recipe, not yet keyed."""
    target.genmo.take_count += 1
    name = keying.take_name(target.name, placement.prompts, target.genmo.take_count, take.seed)
    action = keying.new_take_action(target, own.action, own.slot, name)
    keying.store_recipe(action, {**placement.recipe, "seed": take.seed, "name": name, "report": take.report})
    return action


def show(target: bpy.types.Object, index: int) -> None:
    """Make a waiting take the character's action. Raises RequestFailure when none is left."""
    found = waiting(target)
    if not found:
        raise sentences.take_lost(target.name)
    target.genmo.review.index = index % len(found)
    action = found[target.genmo.review.index]
    compat.assign(target, action, action.slots[0].identifier)


def step(target: bpy.types.Object, by: int) -> None:
    """Show the next (1) or previous (-1) waiting take, round and round."""
    show(target, target.genmo.review.index + by)


def keep(target: bpy.types.Object, way: str = keeping.NEW) -> str:
    """The shown take stays, as ``way`` says (`keeping`); the others go. Returns the name of what plays now.

    Raises RequestFailure where there is no take, or it cannot stay in that way; then nothing has changed.
    """
    kept = shown(target)
    if kept is None:
        raise sentences.take_lost(target.name)
    own = own_state(target)
    name, others = kept.name, [action for action in waiting(target) if action != kept]
    if way == keeping.INTO and own.action is not None:
        name = keeping.into_own(target, own, kept).name
        dense_keys.hand_over(kept, own.action)
        contact_bars.keep(own.action, contact_bars.kept(kept))
        others.append(kept)
        own.action.use_fake_user = target.genmo.review.original_fake_user
    elif way in (keeping.STRIP, keeping.LAYER):
        frames = frames_of(kept)
        if frames is None:
            raise sentences.recipe_unreadable(kept.name)
        first, last = frames
        made = keeping.as_strip if way == keeping.STRIP else keeping.as_layer
        made(target, own, kept, first, last)
        kept.genmo.owner = None
    else:
        compat.assign(target, kept, kept.slots[0].identifier)
        kept.genmo.owner = None
    added.forget(kept)
    _remove(others)
    _end(target)
    return name


def frames_of(take: bpy.types.Action) -> tuple[int, int] | None:
    """The range that a take fills; None where its recipe cannot be read."""
    recipe = keying.recipe_of(take)
    if recipe is None:
        return None
    try:
        first, last = recipe.get("fills", recipe["frames"])
        return int(first), int(last)
    except (KeyError, TypeError, ValueError):
        return None


def lengthened(take: bpy.types.Action, after: int, by: int) -> None:
    """A take grew ``by`` frames at the frame ``after``. What it was made for stays in its recipe, for Again."""
    recipe, frames = keying.recipe_of(take), frames_of(take)
    if recipe is not None and frames is not None and frames[1] >= after:
        keying.store_recipe(take, {**recipe, "fills": [frames[0], frames[1] + by]})


def drop(target: bpy.types.Object) -> int:
    """All waiting takes go; the character's own action, slot and pose come back, with the keys that the animator has
    made meanwhile. Returns at how many times there were some.

    An action that the animator has chosen meanwhile stays.
    """
    review = target.genmo.review
    own = own_state(target)
    found, seen = waiting(target), shown(target)
    mine = added.added_keys(own, [*(action for action in found if action != seen), *([seen] if seen else [])])
    current = target.animation_data.action if target.animation_data else None
    if current is None or current in [w.action for w in review.takes]:
        if own.action is not None and any(
            w.action and w.action.genmo.owner not in (None, target) for w in review.takes
        ):
            # A copy of a character under review: two characters shall not move by one action.
            own = replace(own, action=own.action.copy())
        character.put_back(target, own)
    _abandon(target, own.action)
    return added.give_back(target, own, mine)


@contextmanager
def tool(target: bpy.types.Object) -> Iterator[None]:
    """Around whatever rewrites the keys of what a character plays: where that is a waiting take, those that the
    animator has made in it are put aside as she made them, for Drop."""
    data = target.animation_data
    take = data.action if data is not None else None
    if take is None or take not in waiting(target):
        yield
        return
    with added.put_aside(own_state(target), take):
        yield


def reconcile() -> None:
    """After a file was opened, and before takes are added: those that wait are protected, whatever Blender made of
    their users meanwhile; those of a character that was deleted go."""
    for target in [o for o in bpy.data.objects if in_review(o) and not o.users_scene and o.library is None]:
        _abandon(target, target.genmo.review.original)
    for action in bpy.data.actions:
        if action.genmo.owner is not None and action.library is None:
            action.use_fake_user = True


def _abandon(target: bpy.types.Object, own: bpy.types.Action | None) -> None:
    """End a review of which nothing is kept; the animator's action ``own`` needs its protection no longer."""
    if own is not None and own.library is None and not _original_of_another(target, own):
        own.use_fake_user = target.genmo.review.original_fake_user
    _remove(waiting(target))
    _end(target)


def _original_of_another(target: bpy.types.Object, action: bpy.types.Action) -> bool:
    """Whether another character's review still needs the action's protection."""
    return any(o != target and in_review(o) and o.genmo.review.original == action for o in bpy.data.objects)


def _end(target: bpy.types.Object) -> None:
    """Forget the review and give the preview range back."""
    review = target.genmo.review
    scene, preview = review.scene, review.preview
    review.takes.clear()
    data = target.animation_data
    if review.extrapolation and data is not None and (data.action is None or not reading.layered(target)):
        data.action_extrapolation = review.extrapolation
    if scene is not None and preview and preview not in playback.records(scene):  # a copy may show the same range
        playback.restore_range(scene, preview)
    for name in (
        "index",
        "original",
        "original_slot",
        "original_fake_user",
        "had_animation_data",
        "pose",
        "scene",
        "extrapolation",
    ):
        review.property_unset(name)
    review.property_unset("preview")


def _remove(actions: Sequence[bpy.types.Action]) -> None:
    for action in actions:
        dense_keys.forget(action)
        bpy.data.actions.remove(action)
