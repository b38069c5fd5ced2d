"""How exactly a model finds motion again under noise: what a take can be like at best.

``python -m genmo_blender.engine.training.denoising --model FILE --data FOLDERS_OR_PACK``: windows of the training and
of held-out clips, with their sentences, are noised to several timesteps and predicted once. Printed are the mean error
of the joints from the pelvis, and how fast hands and feet are, where truly faster than 2.5 m/s, in parts of their true
speed. Who finds only half of a blow's speed in a motion that is hardly noised will never make a blow out of noise.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...motion.skeleton import CONTACT_JOINTS
from ...protocol.failures import GenmoFailure
from ..conditions.root_goals import start_goals
from ..diffusion.schedule import DiffusionSchedule
from ..models import Model, load_model
from ..network.conditions import ConditionInputs
from ..network.denoiser import TextContext
from ..options import whole
from .batches import Batch, collate
from .command import CACHE, sentence_features
from .corpus import Corpus, build
from .objective import FPS, Weights, terms
from .pack import SPLITS, prepared
from .windows import AHEAD, WINDOW, WindowSampler

TIMESTEPS = (5, 100, 200, 400, 600, 750, 850, 920, 960, 990)
FAST = 2.5  # m/s
SEED = 3


def windows_of(corpus: Corpus, features: Tensor, model: Model, count: int) -> Batch:
    """``count`` windows and their mirrored twins that begin facing ahead, always the same ones."""
    drawn = WindowSampler(corpus).draw(np.random.default_rng(SEED), count)
    drawn = replace(drawn, facing=np.full(count, AHEAD))
    return collate(corpus.to(model.device), drawn, features.to(model.device), model.statistics)


@torch.no_grad()
def found(model: Model, batch: Batch, timestep: int) -> tuple[float, float]:
    """Mean error of the joints (metres) and the share of fast joints' speed in one prediction, nan without any."""
    count, device = len(batch.x0), model.device
    network = model.network
    goals = start_goals(torch.zeros(1), torch.ones(1, dtype=torch.bool), WINDOW).to(device)
    told = ConditionInputs(root_goal=goals if network.config.root_goal else None)
    f_cond = network.conditions.f_cond(told, 1, WINDOW).expand(count, WINDOW, -1)
    text = TextContext(batch.text.features, batch.text.weights) if network.config.text else None
    prepared_once = network.denoiser.prepare(f_cond, text, batch.length)
    noise = torch.randn(batch.x0.shape, generator=torch.Generator().manual_seed(SEED)).to(device)
    t = torch.full((count,), timestep, device=device)
    out = network.denoiser(DiffusionSchedule.cosine().q_sample(batch.x0, t, noise), t, prepared_once)
    _, said = terms(out, batch, model.statistics, Weights().channels().to(device))
    error = torch.linalg.vector_norm(said.joints - batch.joints, dim=-1)[batch.valid].mean()
    speed, true = (_speeds(joints) for joints in (said.joints, batch.joints))
    fast = (true > FAST) & (batch.valid[:, 1:] & batch.valid[:, :-1])[..., None]
    return float(error), float(speed[fast].sum() / true[fast].sum())


def _speeds(joints: Tensor) -> Tensor:
    """(B, L-1, 6) m/s of hands and feet about the pelvis."""
    return torch.linalg.vector_norm(joints[:, :, CONTACT_JOINTS].diff(dim=1), dim=-1) * FPS


def main(arguments: list[str]) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="denoising", description=__doc__)
    parser.add_argument("--model", type=Path, help="weights (without: the bundled ones)")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of motion shards, packed files")
    parser.add_argument("--windows", type=whole(1), default=96, help="of each split, mirrored twins not counted")
    options = parser.parse_args(arguments)
    try:
        model, data = load_model(options.model), prepared(options.data, CACHE)
    except GenmoFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    print("split  timestep  error cm  fast speed")
    for split in SPLITS:
        corpus = build(list(getattr(data, split)))
        batch = windows_of(corpus, sentence_features(corpus)[0], model, options.windows)
        for timestep in TIMESTEPS:
            error, speed = found(model, batch, timestep)
            print(f"{split:<5}  {timestep:8d}  {100 * error:8.2f}  {speed:10.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
