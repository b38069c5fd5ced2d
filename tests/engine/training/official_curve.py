"""A short run of the release's recipe on a small network and a small body: ``official_curve.py FOLDER STEPS STOP``.

Alone or under torchrun; fp32, no dropout, a line in the log for every step, footage with image features among the data.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from genmo_blender.engine.body.smplx_body import LiteBody, load_smplx
from genmo_blender.engine.evaluation.stripped import stripped
from genmo_blender.engine.representation.codec import official_statistics
from genmo_blender.engine.training import corpus, presets, running
from genmo_blender.engine.training.distributed import joined
from genmo_blender.engine.training.flat import captions_of, flat_table
from genmo_blender.engine.training.importers import shards
from genmo_blender.engine.training.official.body import coco17_regressor
from genmo_blender.engine.training.official.trainer import OfficialTrainer
from genmo_blender.engine.training.state import STATE_NAME, load_state, new_state
from tests.engine.training.curve import DATA, Killed

BODY = Path(__file__).parents[2] / "data" / "parity" / "body_open.npz"
IMAGE = 6


def small_body(vertices=12):
    """The synthetic body with a handful of vertices to look at, which is what takes the time."""
    body = load_smplx(BODY)
    return LiteBody.build(body, torch.arange(vertices) * 31, coco17_regressor(body, BODY, kept=2))


def small_preset(**changes):
    """The release's recipe on a network that trains in milliseconds."""
    official = presets.preset("official")
    sizes = {"latent_dim": 32, "layers": 2, "heads": 2, "text_dim": 8, "text_tokens": 4, "dropout": 0.0}
    small = {"network": replace(official.network, image_dim=IMAGE, **sizes), "batch": 4, "learning_rate": 2e-3}
    small["shares"] = replace(official.shares, flat=0.5)
    return replace(official, **small | changes)


def small_data():
    """The tests' motion, and footage of four of its clips with image features for the first two."""
    clips = shards.load(DATA)
    footage = stripped(clips[:4], 3)
    rng = np.random.default_rng(2)
    for i in range(2):
        images = rng.normal(size=(footage[i].frames, IMAGE)).astype(np.float16)
        footage[i] = replace(footage[i], keypoints=replace(footage[i].keypoints, images=images))
    built = corpus.build(clips, captions_of(footage))
    return built, flat_table(footage, built)


def small_trainer(built, preset, seed=0, lite=None, **more):
    """A trainer on random sentence features."""
    features = torch.randn(len(built.sentences), 4, 8, generator=torch.Generator().manual_seed(11)).half()
    state = new_state(preset, seed)
    return OfficialTrainer(lite or small_body(), built, features, official_statistics(), preset, state, seed, **more)


def main(folder, steps, stop, accumulate=1):
    def end(state):
        if state.step == stop:
            raise Killed

    with joined("cpu") as world:
        built, flat = small_data()
        trainer = small_trainer(built, small_preset(batch=8), world=world, accumulate=accumulate, flat=flat)
        if (folder / STATE_NAME).exists():
            load_state(trainer.state, folder)
        running.run(trainer, running.Budget(steps=steps), folder, end, every_seconds=0.0, report_every=1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
