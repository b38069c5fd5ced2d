"""Keys for tests of requests: poses of a recorded walk, turned and moved to some place in the world."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genmo_blender.motion import rotations as rot
from genmo_blender.protocol.keys import JOINTS, KeyedPoses
from genmo_blender.protocol.motions import Take
from tests.engine.evaluation.clips import clips

PLACE, TURN = np.array([3.0, 0.0, -2.0]), 1.2


def keys_of_a_walk(times: Sequence[float], joints: Sequence[int] = tuple(range(JOINTS))) -> KeyedPoses:
    """Keys of these joints at these seconds."""
    clip = clips()["cmu_16_15"]
    frames = [min(round(t * 30), len(clip.transl) - 1) for t in times]
    q, path = clip.rotations[frames].astype(float), clip.transl[frames].astype(float)
    turn = rot.about_y(TURN)
    q[:, 0] = rot.multiply(np.broadcast_to(turn, q[:, 0].shape), q[:, 0])
    vectors = rot.to_rotation_vector(q)
    mask = np.zeros((len(frames), JOINTS), dtype=bool)
    mask[:, list(joints)] = True
    return KeyedPoses.read(
        {
            "time": np.array(times),
            "root_orient": vectors[:, 0],
            "pose_body": vectors[:, 1:].reshape(-1, 63),
            "trans": rot.rotate(np.broadcast_to(turn, (len(path), 4)), path) + PLACE,
            "joint_mask": mask,
        }
    )


def missed(keys: KeyedPoses, take: Take) -> tuple[float, float]:
    """How far a take is from its keys on their nearest frames: degrees of the worst joint, metres of the worst root."""
    frame = np.floor(keys.time * 30 + 0.5).astype(int)
    vectors = np.concatenate([keys.root_orient[:, None], keys.pose_body.reshape(-1, 21, 3)], axis=1)
    apart = rot.multiply(rot.conjugate(rot.from_rotation_vector(vectors)), take.rotations[frame].astype(float))
    angle = np.linalg.norm(rot.to_rotation_vector(apart), axis=-1)[keys.joint_mask].max()
    gap = np.linalg.norm(take.transl[frame] - keys.trans, axis=-1)[keys.roots]
    return float(np.degrees(angle)), float(gap.max(initial=0.0))
