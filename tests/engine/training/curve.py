"""A short run of a small network on the tests' motion, alone or under torchrun: ``curve.py FOLDER STEPS STOP``.

Fp32, no dropout, a line in the log for every step. It ends as if killed once step STOP is saved.
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch

from genmo_blender.engine.training import corpus, loop, presets, running
from genmo_blender.engine.training.distributed import joined
from genmo_blender.engine.training.importers import shards
from genmo_blender.engine.training.state import STATE_NAME, load_state, new_state
from genmo_blender.model.config import NetworkConfig

DATA = Path(__file__).parents[2] / "data" / "motion"


class Killed(Exception):
    pass


def small_preset(**changes):
    """The bundled recipe on a network that trains in milliseconds."""
    sizes = {"latent_dim": 32, "layers": 2, "heads": 2, "text_dim": 8, "text_tokens": 4, "dropout": 0.0}
    small = {"network": replace(NetworkConfig.mini(), **sizes), "batch": 4, "warm_up": 5}
    return replace(presets.preset("mini"), **small | changes)


def small_trainer(built, preset, seed=0, **more):
    """A trainer on random sentence features."""
    generator = torch.Generator().manual_seed(11)
    features = torch.randn(len(built.sentences), 4, 8, generator=generator).half()
    return loop.Trainer(built, features, corpus.statistics_of(built), preset, new_state(preset, seed), seed, **more)


def main(folder, steps, stop, accumulate=1):
    def end(state):
        if state.step == stop:
            raise Killed

    with joined("cpu") as world:
        trainer = small_trainer(
            corpus.build(shards.load(DATA)), small_preset(batch=16), world=world, accumulate=accumulate
        )
        if (folder / STATE_NAME).exists():
            load_state(trainer.state, folder)
        running.run(trainer, running.Budget(steps=steps), folder, end, every_seconds=0.0, report_every=1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
