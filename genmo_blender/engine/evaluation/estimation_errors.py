"""How the bundled network's estimates are off, measured on training clips before cameras of their own.

``python -m genmo_blender.engine.evaluation.estimation_errors --data MOTION ... [--model FILE] --out FILE``

writes what `refine.reprojection` goes by: second moments of a frame's errors and of the shape's. Held-out clips are
never looked at, since they judge what comes of it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...protocol.failures import GenmoFailure
from ..models import Model, load_model
from ..options import check_folder
from ..refine.reprojection import NUMBERS, SHAPES
from ..representation.rotations import matrix_to_axis_angle
from ..training.command import CACHE
from ..training.pack import prepared
from ..training.samples import Clip
from .estimation import answer, body_of
from .scenes import Scene, scenes_of

CLIPS = 60
LONGEST = 150  # frames of a scene
HIP = 1  # the joint that is COCO's left hip
COCO_HIP = 11


def place_of(scene: Scene) -> Tensor:
    """The pelvis before the camera, (L, 3) metres."""
    return scene.coco[:, COCO_HIP] - scene.body.joints()[:, HIP]


def errors_of(model: Model, scene: Scene, seed: int) -> tuple[Tensor, Tensor]:
    """A scene's errors: (L, 69) of frames, as `NUMBERS` says, and (6,) of the shape."""
    said = answer(model, scene, scene.keypoints(seed), fit=False)
    body = body_of(said)
    turn = matrix_to_axis_angle(body.rotations.mT @ scene.body.rotations).flatten(1)
    true = place_of(scene)
    across = true[:, :2] / true[:, 2:] - said.place[:, :2] / said.place[:, 2:]
    depth = (true[:, 2:] / said.place[:, 2:]).clamp(min=1e-3).log()
    return torch.cat([turn, across, depth], dim=1)[said.boxed], scene.body.shape - body.shape


def measured(model: Model, clips: Sequence[Clip], seed: int = 0) -> dict[str, np.ndarray]:
    """``frame`` (69, 69) and ``shape`` (6, 6), second moments over the scenes of some clips."""
    found = [errors_of(model, scene, number) for number, scene in enumerate(scenes_of(clips, seed, LONGEST))]
    frames, shapes = torch.cat([f for f, _ in found]), torch.stack([s for _, s in found])
    assert frames.shape[1] == NUMBERS and shapes.shape[1] == SHAPES
    moments = {"frame": frames.T @ frames / len(frames), "shape": shapes.T @ shapes / len(shapes)}
    return {name: value.numpy().astype(np.float32) for name, value in moments.items()}


def main(arguments: list[str]) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="estimation_errors", description=__doc__)
    parser.add_argument("--model", type=Path, help="weights (without: the bundled ones)")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of motion shards, packed files")
    parser.add_argument("--out", type=Path, required=True, help="the file to write, .npz")
    options = parser.parse_args(arguments)
    try:
        check_folder(options.out.parent)
        model, data = load_model(options.model, torch.device("cpu")), prepared(options.data, CACHE)
    except GenmoFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    clips = list(data.train)
    found = measured(model, clips[:: max(1, len(clips) // CLIPS)])
    np.savez_compressed(options.out, frame=found["frame"], shape=found["shape"])
    off = np.sqrt(np.diag(found["frame"]))
    print(
        f"root {np.linalg.norm(off[:3]):.2f} rad, depth {100 * off[-1]:.0f} %, shape {np.sqrt(np.diag(found['shape']))}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
