"""What a training run needs to go on, in memory and on disk."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch
from torch import Tensor, nn

from ...protocol.failures import ModelFailure, StorageFailure
from ..checkpoint import load_checkpoint
from ..checkpoint import load_state as load_state_of
from ..network.genmo import GenmoNetwork
from ..representation.codec import Statistics
from .presets import Preset

RARE, RARE_FACTOR = (
    (
        "embed_sentence.values.weight",
        "skip.log_variance.weight",
        "skip.log_variance.bias",
        "leaning.trust.weight",
        "leaning.trust.bias",
    ),
    10.0,
)
STATE_NAME = "training_state.pt"
BRINGS = {
    "sentence_kinds": ("embed_sentence.kinds.", "embed_sentence.values."),
    "head_bypass": ("heads.bypass.",),
    "noise_skip": ("heads.skip.",),
    "between": ("between_embedder.", "heads.leaning."),
}
"""Options that a network may be given after it was trained without, and the parameters that they bring."""


@dataclass
class TrainingState:
    """Weights, their moving average, the optimiser, and how far the run is.

    ``seconds`` are those of steps alone, ``spent`` those of a run that has a time to keep, everything included.
    ``sums`` of the ``counted`` steps since the last line of the log. ``statistics`` are those the weights know.
    """

    network: GenmoNetwork
    average: dict[str, Tensor]
    optimiser: torch.optim.Optimizer
    statistics: Statistics | None = None
    step: int = 0
    samples: int = 0
    seconds: float = 0.0
    spent: float = 0.0
    sums: dict[str, Tensor] = field(default_factory=dict)
    counted: int = 0

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.network.parameters()).device


def new_state(preset: Preset, seed: int, init: Path | None = None, device: torch.device | str = "cpu") -> TrainingState:
    """Fresh weights drawn from ``seed``, or those of the checkpoint ``init`` (its EMA) with a fresh optimiser.

    Raises ModelFailure when the checkpoint is of another network than the preset's.
    """
    torch.manual_seed(seed)
    network = GenmoNetwork(preset.network)
    statistics = None
    if init is not None:
        statistics = _fill(network, init, preset)
    else:
        for name, parameter in network.named_parameters():
            if ".gate_" in name:
                nn.init.constant_(parameter, preset.gates)
    network = network.to(device)
    # one kernel for all parameters: torch's default loops over them, a tenth of a step at this size
    groups = _groups(network)
    optimiser = torch.optim.AdamW(groups, lr=preset.learning_rate, weight_decay=0.01, fused=True)
    average = {k: v.detach().clone() for k, v in network.state_dict().items()}
    return TrainingState(network, average, optimiser, statistics)


def _groups(network: GenmoNetwork) -> list[dict[str, Any]]:
    """Parameters to learn and by how much more than the others: a kind's values are heard once in a hundred samples,
    and Adam divides by what all of them do."""
    learned = {name: p for name, p in network.named_parameters() if p.requires_grad}
    rare = [p for name, p in learned.items() if name.endswith(RARE)]
    usual = [p for name, p in learned.items() if not name.endswith(RARE)]
    return [{"params": usual, "factor": 1.0}, {"params": rare, "factor": RARE_FACTOR}]


def _fill(network: GenmoNetwork, init: Path, preset: Preset) -> Statistics:
    checkpoint = load_checkpoint(init)
    state = checkpoint.state
    for option, added in BRINGS.items():
        if getattr(preset.network, option) and not getattr(checkpoint.record.network, option):
            state = state | {k: v for k, v in network.state_dict().items() if any(name in k for name in added)}
    try:
        load_state_of(network, state)
    except ModelFailure as failure:
        if failure.code != "weights_mismatch":
            raise
        ours = f"{preset.network.latent_dim} wide with {preset.network.layers} layers"
        raise ModelFailure(
            "weights_mismatch",
            f"{init.name} is of another network than the preset's, which is {ours}. {failure.sentence}",
            "Choose the --preset that the weights were trained with.",
        ) from failure
    return checkpoint.statistics


def save_state(state: TrainingState, folder: Path) -> None:
    """Write atomically: a run killed in the middle leaves the state before."""
    statistics = state.statistics
    record = {
        "network": state.network.state_dict(),
        "average": state.average,
        "optimiser": state.optimiser.state_dict(),
        "statistics": None if statistics is None else (statistics.mean, statistics.std),
        **{name: getattr(state, name) for name in ("step", "samples", "seconds", "spent", "sums", "counted")},
    }
    fresh = folder / (STATE_NAME + ".new")
    torch.save(record, fresh)
    os.replace(fresh, folder / STATE_NAME)


def load_state(state: TrainingState, folder: Path) -> TrainingState:
    """Fill ``state`` from the folder.

    Raises StorageFailure when there is nothing to go on from, it is damaged, or it is of another network.
    """
    path = folder / STATE_NAME
    if not path.is_file():
        raise StorageFailure("no_state", f"There is no run to resume in {folder}.", "Leave --resume away to start one.")
    try:
        record = torch.load(path, map_location=state.device, weights_only=True)
        weights, average, optimiser = record["network"], record["average"], record["optimiser"]
    except (OSError, RuntimeError, KeyError, EOFError, BadZipFile, pickle.UnpicklingError) as error:
        raise StorageFailure(
            "state_damaged",
            f"{path} is damaged or no training state.",
            "Start again with --init and the newest weights.",
        ) from error
    try:
        state.network.load_state_dict(weights)
        state.optimiser.load_state_dict(optimiser)
    except (RuntimeError, ValueError) as error:
        raise StorageFailure(
            "state_mismatch",
            f"The run in {folder} trains another network than this preset's.",
            "Resume it with the --preset it was started with.",
            details=str(error),
        ) from error
    state.average = average
    for group in state.optimiser.param_groups:  # a state saved by an earlier version brings its own kind of kernel
        group["fused"], group["foreach"] = True, None
    for moments in state.optimiser.state.values():  # a fused kernel counts its steps where the weights are
        moments["step"] = moments["step"].to(state.device, torch.float32)
    if record.get("statistics") is not None:
        state.statistics = Statistics(*record["statistics"])
    for name in ("step", "samples", "seconds", "spent", "sums", "counted"):
        setattr(state, name, record.get(name, getattr(state, name)))
    return state
