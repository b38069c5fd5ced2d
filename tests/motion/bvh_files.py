"""BVH of a motion on the canonical skeleton, as some other program would have written it."""

from __future__ import annotations

import numpy as np

from genmo_blender.motion import kinematics, rotations
from genmo_blender.motion.skeleton import canonical

MIXAMO = (
    "Hips LeftUpLeg RightUpLeg Spine LeftLeg RightLeg Spine1 LeftFoot RightFoot Spine2 LeftToeBase RightToeBase Neck "
    "LeftShoulder RightShoulder Head LeftArm RightArm LeftForeArm RightForeArm LeftHand RightHand"
).split()
UNREAL = (
    "pelvis thigh_l thigh_r spine_01 calf_l calf_r spine_02 foot_l foot_r spine_03 ball_l ball_r neck_01 clavicle_l "
    "clavicle_r head upperarm_l upperarm_r lowerarm_l lowerarm_r hand_l hand_r"
).split()
BIPED = (
    "Bip01 Pelvis|Bip01 L Thigh|Bip01 R Thigh|Bip01 Spine|Bip01 L Calf|Bip01 R Calf|Bip01 Spine1|Bip01 L Foot|"
    "Bip01 R Foot|Bip01 Spine2|Bip01 L Toe0|Bip01 R Toe0|Bip01 Neck|Bip01 L Clavicle|Bip01 R Clavicle|Bip01 Head|"
    "Bip01 L UpperArm|Bip01 R UpperArm|Bip01 L Forearm|Bip01 R Forearm|Bip01 L Hand|Bip01 R Hand"
).split("|")


def bvh_text(local, transl, fps, names, rest_turns=None, turn=(1.0, 0.0, 0.0, 0.0), unit=1.0, order="ZXY", joints=22):
    """``rest_turns`` (22, 4): how each bone is turned in the file's rest pose, against the canonical one; ``turn``
    (4,): of model axes to the file's; ``unit``: how many of the file's units a metre has; ``order`` of rotations."""
    skeleton, turn = canonical(), np.array(turn)
    rest_turns = np.tile(rotations.IDENTITY, (22, 1)) if rest_turns is None else rest_turns
    parents = skeleton.parents[:joints]
    offsets = np.zeros((joints, 3))
    for j in range(1, joints):
        offsets[j] = rotations.rotate(rest_turns[parents[j]], skeleton.offsets[j])
    offsets = rotations.rotate(np.tile(turn, (joints, 1)), offsets) * unit
    world = kinematics.world_rotations(skeleton, np.asarray(local, dtype=np.float64))
    world = rotations.multiply(world, np.broadcast_to(rotations.conjugate(rest_turns), world.shape))
    world = rotations.multiply(np.broadcast_to(turn, world.shape), world)
    world = rotations.multiply(world, np.broadcast_to(rotations.conjugate(turn), world.shape))[:, :joints]
    own = world.copy()
    for j in range(1, joints):
        own[:, j] = rotations.multiply(rotations.conjugate(world[:, parents[j]]), world[:, j])
    place = rotations.rotate(np.tile(turn, (len(transl), 1)), np.asarray(transl, dtype=np.float64)) * unit
    angles = euler(rotations.to_matrix(own), order)
    lines = ["HIERARCHY", *_tree(0, names, parents, offsets, order), "MOTION"]
    lines += [f"Frames: {len(place)}", f"Frame Time: {1 / fps:.8f}"]
    numbers = _channel_order(parents)
    for t in range(len(place)):
        row = np.concatenate([place[t], angles[t, numbers].reshape(-1)])
        lines.append(" ".join(f"{x:.5f}" for x in row))
    return "\n".join(lines) + "\n"


def euler(m, order):
    """Angles (..., 3) in degrees for rotation matrices, in the order of the channels, first one outermost."""
    i, j, k = ("XYZ".index(c) for c in order)
    odd = -1.0 if (j - i) % 3 == 2 else 1.0
    middle = np.arcsin(np.clip(odd * m[..., i, k], -1, 1))
    first = np.arctan2(-odd * m[..., j, k], m[..., k, k])
    last = np.arctan2(-odd * m[..., i, j], m[..., i, i])
    return np.degrees(np.stack([first, middle, last], axis=-1))


def _channel_order(parents):
    out = []

    def visit(j):
        out.append(j)
        for child in (c for c, p in enumerate(parents) if p == j):
            visit(child)

    visit(0)
    return out


def _tree(joint, names, parents, offsets, order, depth=0):
    pad = "\t" * depth
    turns = " ".join(f"{axis}rotation" for axis in order)
    channels = f"6 Xposition Yposition Zposition {turns}" if joint == 0 else f"3 {turns}"
    place = " ".join(f"{x:.6f}" for x in offsets[joint])
    yield f"{pad}{'JOINT' if depth else 'ROOT'} {names[joint]}"
    yield pad + "{"
    yield f"{pad}\tOFFSET {place}"
    yield f"{pad}\tCHANNELS {channels}"
    children = [c for c, p in enumerate(parents) if p == joint]
    for child in children:
        yield from _tree(child, names, parents, offsets, order, depth + 1)
    if not children:
        end = 0.5 * offsets[joint]
        yield f"{pad}\tEnd Site"
        yield pad + "\t{"
        yield f"{pad}\t\tOFFSET {end[0]:.6f} {end[1]:.6f} {end[2]:.6f}"
        yield pad + "\t}"
    yield pad + "}"
