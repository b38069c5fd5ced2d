"""Named training settings."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...model.config import NetworkConfig
from ...model.schedule import TRAINING_STEPS
from ...protocol.failures import RequestFailure
from .losses import LossWeights
from .mixture import Shares
from .objective import Weights

ESTIMATED, GENERATED = BOTH = "estimation", "diffusion"

MIXED = Shares(filmed=0.33, wordless=0.6, keyed=0.25, dense=0.12, flat=0.2, waypoints=0.15, dances=0.12, songs=0.5)
"""``flat`` where there is footage without truth, else none."""


@dataclass(frozen=True)
class Preset:
    """One way to train. ``batch`` counts samples, mirrored twins included, over all processes."""

    network: NetworkConfig
    weights: Weights | LossWeights
    batch: int = 32
    learning_rate: float = 8e-4
    warm_up: int = 200
    final_rate: float = 0.1
    """Of the learning rate, reached by a cosine at the end of the run; without one where ``halve_at`` is given."""
    halve_at: tuple[int, ...] = ()
    """Epochs at whose beginning the learning rate is halved; an epoch draws as many windows as the data is long."""
    clip: float = 1.0
    ema: float = 0.999
    gates: float = 0.25
    """Where the gates of fresh blocks begin. The release begins at zero; with few steps to spend that wastes the first
    thousand on opening them."""
    noisy_share: float = 0.0
    """Part of the samples whose timestep is drawn from ``noisy`` alone. A motion is smooth, so its code can be read
    out of the noise up to 920, and only above does the text decide anything (docs/developers/training.md)."""
    noisy: tuple[int, int] = (920, TRAINING_STEPS)
    """First timestep, and the one behind the last."""
    timestep_power: float = 1.0
    """Other timesteps are 1000 u^power with u drawn evenly; below 1 the higher ones are more frequent. With little
    noise the noised motion itself says nearly all (network/skip.py)."""
    reworded: float = 0.0
    """Part of the sentences that are heard as if they were worded otherwise (kinds.py)."""
    practised: float = 0.0
    """Part of the windows about a measured caption that are of those that weights find hard (windows.py)."""
    shares: Shares = Shares()
    """Part of the samples that get footage, keys, paths and music."""
    glimpses: int = 0
    """How many times as many samples a step of short looks at footage has, one after every other step (practice.py); 0:
    there is none."""
    gaps: int = 0
    """The same of steps of gaps between keyed poses."""
    acts: int = 0
    """The same of steps of short windows about what somebody does."""
    dances: int = 0
    """The same of steps of dances to their songs."""
    varied: float = 0.0
    """Part of these gaps whose motion is retimed, played backwards or held otherwise (varying.py)."""
    passes: tuple[str, ...] = BOTH
    """Which passes are learned from; one alone is of use for comparison only (evaluation/ablation.py)."""
    steps: int = 0
    """How many it is meant for; 0: as many as there is time for."""

    @property
    def official(self) -> bool:
        """Whether it is trained as the release is (`official.trainer`): on the SMPL-X body, with T5."""
        return isinstance(self.weights, LossWeights)


def _official() -> Preset:
    """The release's own settings (spec 7.8). It starts at closed gates, keeps no average and warms nothing up.

    Every sample is filmed, estimated and diffused. Half of them have no sentence, as AMASS beside HumanML3D in the
    release; dances and footage without truth where there are some.
    """
    return Preset(
        NetworkConfig.official(),
        LossWeights(),
        batch=128,
        learning_rate=2e-4,
        warm_up=1,
        halve_at=(500, 750),
        clip=0.5,
        ema=0.0,
        gates=0.0,
        shares=Shares(filmed=1.0, wordless=0.5, flat=0.2, dances=0.05),
        steps=500_000,
    )


def presets() -> dict[str, Preset]:
    """All of them by name: ``mini`` is the bundled model's recipe, ``mini_text`` the same with sentences alone,
    ``mini_256`` a size larger for a graphics card, ``mini_256_steady`` the same without what changes shape from step to
    step, footage and estimation, so that a card plays its steps several times as fast, ``mini_256_further`` for going
    on from such weights: less noise, where motion gets its details, and more of what is hard, ``mini_256_all`` the same
    with footage and estimation, ``mini_256_keys`` with more
    dances and gaps and less footage, for two cores, ``official`` the paper's."""
    text = Preset(NetworkConfig.mini(), Weights(), noisy_share=0.7, reworded=0.5)
    mini = replace(text, shares=MIXED)
    large = replace(mini, network=replace(mini.network, latent_dim=256, layers=7))
    steady = replace(large, shares=replace(MIXED, filmed=0.0, dense=0.0, flat=0.0))
    everything = replace(
        large,
        glimpses=8,
        gaps=2,
        varied=0.7,
        learning_rate=3e-4,
        warm_up=100,
        noisy_share=0.5,
        timestep_power=0.5,
        practised=0.3,
    )
    return {
        "mini": mini,
        "mini_text": text,
        "mini_256": large,
        "mini_256_steady": steady,
        "mini_256_further": replace(
            steady, learning_rate=2e-4, warm_up=50, noisy_share=0.45, timestep_power=0.5, practised=0.25
        ),
        "mini_256_all": everything,
        "mini_256_keys": replace(
            everything,
            shares=replace(MIXED, filmed=0.1, dense=0.1, dances=0.2),
            glimpses=1,
            gaps=2,
            acts=4,
            dances=2,
        ),
        "official": _official(),
    }


def preset(name: str) -> Preset:
    """The preset of this name. Raises RequestFailure for another one."""
    known = presets()
    if name not in known:
        raise RequestFailure("preset", f"There is no training preset “{name}”.", f"Use --preset {', '.join(known)}.")
    return known[name]
