"""What the tests of clean-up share: a character that plays a recorded clip, and what stands in its keys."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np

DATA = Path(__file__).parents[1] / "data" / "motion" / "train_00.npz"
FIRST = 11
"""The scene's first frame of the clip."""
WALK = "cmu_16_15"


def clip(name: str = WALK) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (T, 22, 4) and path (T, 3) of a recorded clip at 30 frames a second."""
    with np.load(DATA) as data:
        number = list(data["clip_id"]).index(name)
        rows = slice(data["clip_start"][number], data["clip_start"][number] + data["clip_frames"][number])
        q = data["quat"][rows].astype(float)
        return q / np.linalg.norm(q, axis=-1, keepdims=True), data["trans"][rows].astype(float)


def noisy(stage, motion, seed=0, turn=0.008, way=0.002):
    """The motion with the jitter that a take has."""
    rotations, g = stage.module("motion.rotations"), np.random.default_rng(seed)
    q = rotations.multiply(motion[0], rotations.from_rotation_vector(g.normal(0, turn, (*motion[0].shape[:2], 3))))
    return q, motion[1] + g.normal(0, way, motion[1].shape)


def playing(stage, motion, first=FIRST, target=None, fps=30):
    """A character that plays a motion of 30 frames a second from a frame on, in an action of its own."""
    bpy.context.scene.render.fps = fps
    target = target or stage.character()
    character, keying = stage.module("addon.character"), stage.module("addon.keying")
    names = character.body_names()
    curves = keying.pose_curves(
        character.rest_pose(target, names),
        names,
        *motion,
        30.0,
        fps,
        first,
        first + round((len(motion[1]) - 1) / 30.0 * fps),
    )
    action = keying.new_take_action(target, None, "", "Clip")
    keying.write(action, action.slots[0], curves)
    stage.module("addon.compat").assign(target, action, action.slots[0].identifier)
    return target


def motion_of(stage, target, frames) -> tuple[np.ndarray, np.ndarray]:
    """What the character's action does at the frames."""
    state = stage.module("addon.character").read_state(target)
    read = stage.module("addon.reading").motion_at(target, state, np.asarray(frames))
    return read.rotations, read.path


def joints_of(stage, target, frames) -> np.ndarray:
    """Joints (N, 22, 3) of what the character's action does."""
    return stage.module("addon.services.contact_bars").joints(*motion_of(stage, target, frames))


def fields_of(stage, target) -> dict[tuple[str, int], dict[str, np.ndarray]]:
    """Every field of every key, by channel."""
    state, keying = stage.module("addon.character").read_state(target), stage.module("addon.keying")
    curves = stage.module("addon.reading").curves_of(state.action, state.slot)
    return {channel: keying.fields_of(curve) for channel, curve in curves.items()}


def outside(fields, first, last) -> dict[tuple[str, int], bytes]:
    """All that keys outside frames ``first`` .. ``last`` are made of."""
    told = {}
    for channel, keys in fields.items():
        away = (keys["co"][:, 0] < first) | (keys["co"][:, 0] > last)
        told[channel] = b"".join(keys[field][away].tobytes() for field in sorted(keys))
    return told


def preview(first: int, last: int) -> None:
    """Let the tools work on these frames alone."""
    scene = bpy.context.scene
    scene.use_preview_range = True
    scene.frame_preview_end, scene.frame_preview_start, scene.frame_preview_end = last, first, last
