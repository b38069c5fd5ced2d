"""The training step: estimation and diffusion under every mixture of conditions, resumable to the same curve.

Whatever a sample draws comes from generators seeded by (seed, step) and its place in the global batch, so a resumed run
sees the batches, timesteps and noise that an unbroken one would have seen, on whatever number of processes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from ..body.filmed_body import FilmedBody
from ..body.free_body import load_free_body
from ..diffusion.schedule import TRAINING_STEPS, DiffusionSchedule
from ..network.conditions import ConditionInputs
from ..network.denoiser import TextContext
from ..network.heads import NetworkOutput
from ..precision import half_products
from ..representation.codec import DIM, Statistics
from .batches import Batch, collate
from .corpus import Corpus
from .distributed import ALONE, World
from .draws import Draws
from .flat import FlatTable, Guide, guide_of, keypoint_term
from .footage import Film, Sight, camera_terms
from .kinds import deviations_of, kinds_of, reworded
from .mixture import DIFFUSION, ESTIMATION, VARIED, WORDS, Given, Mixture, inputs_of, rows_of_batch, rows_of_inputs
from .objective import Weights, terms, total
from .presets import ESTIMATED, GENERATED, Preset
from .replay import Replay
from .songs import SongTable
from .state import TrainingState
from .varying import varied
from .windows import WINDOW, Sampler, Windows, WindowSampler

NOISE_BLOCK = 16  # windows at least whose random numbers come from one generator
NOISE_BLOCKS = 8  # generators of a step at most: every draw asks each of them


def learning_rate(preset: Preset, step: int, progress: float, epoch: float) -> float:
    """Linear warm-up, then a cosine over the run to ``final_rate``, or halved at the epochs that the preset names."""
    warm = min(1.0, (step + 1) / preset.warm_up)
    if preset.halve_at:
        return preset.learning_rate * warm * 0.5 ** sum(epoch >= e for e in preset.halve_at)
    fall = preset.final_rate + (1 - preset.final_rate) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return preset.learning_rate * warm * fall


@dataclass(frozen=True)
class Sample:
    """What one pass is given and measured against. ``mask`` (B, L, 151) bool, the keyed channels; ``noise``
    (B, L, 151), None for an estimation, which starts from nothing; ``t`` (B,); ``film`` and ``sight`` None where nobody
    films."""

    batch: Batch
    inputs: ConditionInputs
    mask: Tensor | None
    noise: Tensor | None
    t: Tensor
    film: Film | None
    sight: Sight | None


@dataclass(frozen=True)
class Passes:
    """Both passes over a share of a step's ``samples``: all of them by diffusion, some of them estimated before."""

    diffusion: Sample | None
    estimation: Sample | None
    samples: int


class Trainer:
    """Ties corpus, sampler and preset together; ``step`` is one optimiser step.

    ``batch`` and ``losses`` say what is learned from; what they draw at random must depend on the step and on a
    window's place in the global batch alone, never on the share that a process has: `draws` gives such numbers.
    ``half`` runs the network, not the losses, in bf16. ``accumulate`` passes make one step. Everything lies on the
    device of the state.
    """

    replayed = True
    """Whether steps on a CUDA device are recorded once and played again."""

    def __init__(
        self,
        corpus: Corpus,
        features: Tensor,
        statistics: Statistics,
        preset: Preset,
        state: TrainingState,
        seed: int,
        world: World = ALONE,
        accumulate: int = 1,
        half: bool = False,
        songs: SongTable | None = None,
        flat: FlatTable | None = None,
        sampler: Sampler | None = None,
    ) -> None:
        self.device = state.device
        self.corpus, self.statistics = corpus.to(self.device), statistics.to(self.device)
        self.preset, self.state, self.seed, self.world, self.half = preset, state, seed, world, half
        self.sampler: Sampler = sampler or WindowSampler(corpus, preset.practised)
        self.songs = None if songs is None else songs.to(self.device)
        self._learn_from(features, self.songs, None if flat is None else flat.to(self.device))
        self.schedule = DiffusionSchedule.cosine()
        self.windows = preset.batch // 2
        self.shares = world.shares(self.windows, accumulate)
        self.block = max(NOISE_BLOCK, self.windows // NOISE_BLOCKS)
        one_piece = self.replayed and self.device.type == "cuda" and len(self.shares) == 1
        self.replay = Replay(self._learn, state.optimiser.zero_grad) if one_piece else None
        self.epoch_samples = 2 * int(np.maximum(corpus.length // WINDOW, 1).sum())  # spec 7.7

    def _learn_from(self, features: Tensor, songs: SongTable | None, flat: FlatTable | None) -> None:
        """What samples are given and what weighs how much."""
        preset, corpus = self.preset, self.sampler.corpus
        self.features = features.to(self.device)
        told = preset.reworded and corpus.texts
        self.deviations = deviations_of(self.features, kinds_of(corpus)) if told else None
        films = preset.shares.filmed or preset.shares.flat
        self.body = FilmedBody.of(load_free_body()).to(self.device) if films else None
        self.mixture = Mixture(preset.shares, self.statistics, corpus, self.body, songs, flat)
        assert isinstance(preset.weights, Weights)
        self.weights, self.channels = preset.weights, preset.weights.channels().to(self.device)

    def total(self, parts: dict[str, Tensor]) -> Tensor:
        """The whole loss of a pass's terms."""
        return total(parts, self.weights)

    def draw(self, step: int) -> Windows:
        """All windows of a step's global batch; the same whenever and wherever they are asked for."""
        rng = np.random.default_rng((self.seed, step))
        return self.mixture.windows(self.sampler.draw(rng, self.windows), rng)

    def batch(self, step: int, share: slice) -> Given:
        """A share of a step's windows as tensors, their mirrored twins behind them, with their conditions."""
        windows = self.draw(step).part(share)
        vary = None
        if windows.gap and self.preset.varied:
            vary = partial(varied, share=self.preset.varied, draws=self.draws(step, share, VARIED))
        made = collate(self.corpus, windows, self.features, self.statistics, vary)
        if self.deviations is not None:
            heard = reworded(made.text, self.deviations, self.preset.reworded, self.draws(step, share, WORDS))
            made = replace(made, text=heard)
        return self.mixture.given(made, windows, lambda stream: self.draws(step, share, stream))

    def draws(self, step: int, share: slice, stream: int = 0) -> Draws:
        """Random numbers of the share's samples, in the order of `batch`; every ``stream`` (0: `noise`) has its own."""
        first, end = share.start // self.block, -(-share.stop // self.block)
        generators = []
        for block in range(first, end):
            seed = np.random.SeedSequence((self.seed, step, block, stream)).generate_state(1, np.uint64)[0]
            generators.append(torch.Generator(self.device).manual_seed(int(seed) % 2**63))
        places = 2 * (np.arange(share.start, share.stop) - first * self.block)
        rows = torch.from_numpy(np.concatenate([places, places + 1])).to(self.device, non_blocking=True)
        return Draws(generators, 2 * min(self.block, self.windows), rows)

    def noise(self, step: int, share: slice) -> tuple[Tensor, Tensor]:
        """Timesteps (B,) and noise (B, L, 151) of the share's samples, in the order of `batch`."""
        draws = self.draws(step, share)
        chosen = draws.uniform() < self.preset.noisy_share
        (low, end), drawn = self.preset.noisy, draws.uniform()
        spread = drawn**self.preset.timestep_power * TRAINING_STEPS
        t = torch.where(chosen, low + drawn * (end - low), spread).long().clamp(max=TRAINING_STEPS - 1)
        return t, draws.normal(WINDOW, DIM)

    def losses(self, step: int, share: slice, t: Tensor | None = None) -> dict[str, Tensor]:
        """Both passes on a share of a step's samples (spec 7.1), their losses added, each a mean over all samples.

        ``t`` (B,) are the diffusion timesteps, drawn where they are not given.
        """
        return self._both(self._passes(step, share, t))

    def one_pass(self, step: int, share: slice) -> dict[str, Tensor]:
        """The terms of what a step has in memory at once for its gradient: here of both passes."""
        return self.losses(step, share)

    def _passes(self, step: int, share: slice, t: Tensor | None = None) -> Passes:
        """What both passes on a share are given. Nothing here may wait for the device."""
        given = self.batch(step, share)
        estimated = None
        if len(given.twice) and ESTIMATED in self.preset.passes:
            estimated = self._estimation(given, self.draws(step, share, ESTIMATION))
        if GENERATED not in self.preset.passes:
            return Passes(None, estimated, len(given.batch.valid))
        drawn, noise = self.noise(step, share)
        t = drawn if t is None else t
        inputs, sight = inputs_of(given, self.state.network.config, False, self.draws(step, share, DIFFUSION))
        noise = noise[:, : given.batch.valid.shape[1]]  # windows of practice are shorter
        diffusion = Sample(given.batch, inputs, given.mask, noise, t, given.film, sight)
        return Passes(diffusion, estimated, len(t))

    def _estimation(self, given: Given, draws: Draws) -> Sample:
        """The samples with footage or dense keys, from nothing and as if at the last timestep."""
        rows = given.twice
        inputs, sight = inputs_of(given, self.state.network.config, True, draws)
        batch = rows_of_batch(given.batch, rows)
        return Sample(
            batch,
            rows_of_inputs(inputs, rows),
            None if given.mask is None else given.mask[rows],
            None,
            torch.full((len(rows),), TRAINING_STEPS - 1, device=self.device),
            None if given.film is None else given.film.of(rows),
            sight,
        )

    def _both(self, passes: Passes) -> dict[str, Tensor]:
        """The terms of both passes added, each a mean over all samples. The estimation comes first: what it says of
        those without truth is what the diffusion gets noised (spec 7.6)."""
        count, first, guide = passes.samples, passes.estimation, None
        estimated: dict[str, Tensor] = {}
        if first is not None:
            out, estimated = self._pass(first, count)
            guide = guide_of(out, first.film) if first.film is not None and len(first.film.flat) else None
        if passes.diffusion is None:
            return estimated
        _, parts = self._pass(passes.diffusion, count, guide)
        return {name: part + estimated.get(name, 0.0) for name, part in parts.items()}

    def _pass(self, sample: Sample, count: int, guide: Guide | None = None) -> tuple[NetworkOutput, dict[str, Tensor]]:
        """One call of the network and what it is worth, as means over ``count`` samples."""
        network, batch, film = self.state.network, sample.batch, sample.film
        here, frames = batch.valid.shape
        x0 = batch.x0
        if guide is not None:
            assert film is not None
            x0 = x0.index_copy(0, film.rows.index_select(0, film.flat), guide.x0)
        x_t = torch.zeros_like(x0) if sample.noise is None else self.schedule.q_sample(x0, sample.t, sample.noise)
        with half_products(self.device, self.half):
            f_cond = network.conditions.f_cond(sample.inputs, here, frames)
            text = TextContext(batch.text.features, batch.text.weights) if batch.text.weights.shape[1] else None
            told = sample.inputs.between
            prepared = network.denoiser.prepare(f_cond.expand(here, frames, -1), text, batch.length, between=told)
            observed = None if sample.mask is None else batch.x0
            out = network.denoiser(x_t, sample.t, prepared, observed, sample.mask)
        parts, said = terms(out, batch, self.statistics, self.channels, film)
        parts = {name: part * (here / count) for name, part in parts.items()}
        if film is not None and sample.sight is not None:
            pred_cam, joints, root, root_camera = (
                x.index_select(0, film.rows) for x in (out.pred_cam.float(), said.joints, said.root, said.root_camera)
            )
            parts |= camera_terms(pred_cam, joints, root, root_camera, film, sample.sight, count)
            if self.mixture.shares.flat:
                assert self.body is not None
                fit = keypoint_term(out, film, sample.sight, self.body, self.statistics, guide, count)
                parts["keypoints"] = fit
        return out, parts

    def _learn(self, passes: Passes) -> dict[str, Tensor]:
        """Gradients of a share's passes; returns its terms and the whole loss."""
        parts = self._both(passes)
        parts["loss"] = self.total(parts)
        parts["loss"].backward()
        return {name: part.detach() for name, part in parts.items()}

    def _gradients(self, step: int) -> dict[str, Tensor]:
        """Gradients of all of a step's samples; returns the mean terms."""
        if self.replay is not None:
            (share,) = self.shares
            parts = self.replay(self._passes(step, share))
            return {name: part.clone() for name, part in parts.items()}
        self.state.optimiser.zero_grad(set_to_none=True)
        sums: dict[str, Tensor] = {}
        for share in self.shares:
            parts = self.losses(step, share)
            parts["loss"] = self.total(parts)
            (parts["loss"] / len(self.shares)).backward()
            sums = {k: sums.get(k, 0.0) + v.detach() / len(self.shares) for k, v in parts.items()}
        return sums

    def step(self, progress: float) -> dict[str, Tensor]:
        """One optimiser step at ``progress`` (0 to 1) of the run; returns the mean terms, still on the device."""
        state, preset = self.state, self.preset
        # of dropout; every process has its own
        torch.manual_seed((self.seed * 1_000_003 + state.step * 1_009 + self.world.rank) % (2**63))
        state.network.train()
        sums = self._gradients(state.step)
        self.world.mean_gradients(state.network)
        sums = dict(zip(sums, self.world.mean(torch.stack(list(sums.values()))), strict=True))
        sums["grad_norm"] = nn.utils.clip_grad_norm_(state.network.parameters(), preset.clip)
        rate = learning_rate(preset, state.step, progress, state.samples / self.epoch_samples)
        for group in state.optimiser.param_groups:
            group["lr"] = rate * group["factor"]
        # a step with a gradient that is no number is left out; asking here whether it is would wait for the device
        state.optimiser.found_inf = (~torch.isfinite(sums["grad_norm"])).float()  # type: ignore[attr-defined]
        state.optimiser.step()
        self._follow()
        state.step += 1
        state.samples += 2 * self.windows
        return sums

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(self.preset.ema, (1 + self.state.step) / (10 + self.state.step))
        current = self.state.network.state_dict()
        names = [k for k, v in current.items() if v.is_floating_point()]
        torch._foreach_lerp_([self.state.average[k] for k in names], [current[k] for k in names], 1 - decay)

    @torch.no_grad()
    def validate(self, batches: int = 4) -> dict[str, float]:
        """Terms on fixed windows of another corpus's trainer (held-out performers), at fixed noise levels."""
        network = self.state.network
        kept = {k: v.clone() for k, v in network.state_dict().items()}
        network.load_state_dict(self.state.average)
        network.eval()
        everything = slice(0, self.windows)
        sums: dict[str, Tensor] = {}
        for k in range(batches):
            t = torch.linspace(20, 980, 2 * self.windows).long().to(self.device)
            for name, value in self.losses(k, everything, t).items():
                sums[name] = sums.get(name, 0.0) + value / batches
        network.load_state_dict(kept)
        return {k: v.item() for k, v in sums.items()}
