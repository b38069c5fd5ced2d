"""In-betweening as the built-in model delivers it: cleaned up and fitted to its keys, beside interpolation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genmo_blender.engine.evaluation.evaluate.context import evenly
from genmo_blender.engine.evaluation.evaluate.keys import CONTEXT, GAPS, JUDGED, facing_ahead, places_of
from genmo_blender.engine.evaluation.in_between import Motions, curved, gap_error, interpolated
from genmo_blender.engine.training.samples import Clip
from genmo_blender.lite.pipeline import Pipeline
from genmo_blender.motion import rotations as rot
from genmo_blender.protocol.keys import KeyedPoses
from genmo_blender.protocol.requests import MODEL_FPS, GenerateRequest

from ..figures import Table

WINDOWS = 24
"""Of each gap."""
SHARE = 0.75
"""Of what interpolation scores: the bar of the evaluation's own section."""


def between(table: Table, clips: Sequence[Clip], pipeline: Pipeline) -> None:
    """L2P and NPSS of gaps, as shares of those of both interpolations: the figure of a gap is over all its windows."""
    for gap in GAPS:
        places = evenly(places_of(clips, CONTEXT + gap + 1), WINDOWS)
        if not places:
            continue
        true = facing_ahead(places, CONTEXT + gap + 1)
        first, last = CONTEXT - 1, CONTEXT + gap
        inside = true.frames(slice(CONTEXT, last))
        ours = gap_error(filled(true, pipeline).frames(slice(CONTEXT, last)), inside)
        others = {"slerp": interpolated(true, first, last), "Bézier": curved(true, first, last)}
        for name, motions in others.items():
            theirs = gap_error(motions, inside)
            limit = SHARE if name == "slerp" and gap in JUDGED else 1.0 if gap in JUDGED else None
            for what in ("l2p", "npss"):
                mine, other = getattr(ours, what), getattr(theirs, what)
                said = f"{len(places)} windows: {mine:.3f} against {other:.3f}"
                table.add(f"gap of {gap}, fitted: {what.upper()} / that of {name}", limit, mine / other, said)


def filled(true: Motions, pipeline: Pipeline) -> Motions:
    """All frames of each motion, from a request that holds the first `CONTEXT` frames and the last one."""
    length = true.path.shape[1]
    known = np.array([*range(CONTEXT), length - 1])
    q, path = [], []
    for rotations, way in zip(true.rotations, true.path, strict=True):
        turns = rot.to_rotation_vector(rotations[known])
        keys = KeyedPoses.read(
            {
                "time": known / MODEL_FPS,
                "root_orient": turns[:, 0],
                "pose_body": turns[:, 1:].reshape(len(known), -1),
                "trans": way[known],
                "joint_mask": np.ones((len(known), 22)),
            }
        )
        (take,) = pipeline.generate(GenerateRequest((length - 1) / MODEL_FPS, keys=keys)).takes
        q.append(take.rotations)
        path.append(take.transl)
    return Motions(np.stack(q).astype(float), np.stack(path).astype(float))
