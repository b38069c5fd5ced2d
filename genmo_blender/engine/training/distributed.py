"""One process or many (``torchrun``), each with a share of the same global batch, and the device of each.

Gradients are summed here rather than by torch's wrapper, which only follows ``module(...)`` and cannot tell a parameter
that no process used (it keeps no gradient and is left alone) from one that another process used.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ...protocol.failures import RequestFailure

DEVICES = ("auto", "cpu", "cuda", "mps")
PATIENCE = timedelta(days=1)  # the first process may stand still for long: a pause, a validation, a cold cache


@dataclass(frozen=True)
class World:
    """This process among ``size``; ``rank`` 0, the chief, writes files. Processes agree by calling the same methods in
    the same order."""

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")

    @property
    def chief(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    def shares(self, windows: int, accumulate: int) -> list[slice]:
        """This process's parts of a step's windows, one for each pass. Raises RequestFailure for unequal parts."""
        parts = self.size * accumulate
        if windows % parts:
            raise RequestFailure(
                "batch",
                f"A batch of {2 * windows} samples ({windows} windows and their mirrored twins) cannot be cut into "
                f"{parts} equal parts ({self.size} processes, {accumulate} passes each).",
                "Choose another --batch or --accumulate.",
            )
        each = windows // parts
        return [slice(i * each, (i + 1) * each) for i in range(self.rank * accumulate, (self.rank + 1) * accumulate)]

    def mean_gradients(self, network: nn.Module) -> None:
        """Replace every gradient by the mean over processes; None stays where no process has one."""
        if self.size == 1:
            return
        parameters = list(network.parameters())
        there = torch.tensor([p.grad is not None for p in parameters], dtype=torch.float32, device=self.device)
        gradients = [(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters]
        flat = torch.cat([*gradients, there])
        dist.all_reduce(flat)
        *gradients, there = flat.split([p.numel() for p in parameters] + [len(parameters)])
        for parameter, gradient, used in zip(parameters, gradients, there.tolist(), strict=True):
            parameter.grad = gradient.view_as(parameter) / self.size if used else None

    def mean(self, values: Tensor) -> Tensor:
        """The mean over processes."""
        if self.size > 1:
            dist.all_reduce(values)
        return values / self.size

    def agree(self, value: float) -> float:
        """The chief's value, for what each would decide by its own clock."""
        if self.size == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64, device=self.device)
        dist.broadcast(told, 0)
        return float(told)

    @contextmanager
    def chief_first(self) -> Iterator[None]:
        """The others enter when the chief is through: what it cached they read."""
        if self.size > 1 and not self.chief:
            dist.barrier()
        yield
        if self.size > 1 and self.chief:
            dist.barrier()


ALONE = World()


@contextmanager
def joined(device: str) -> Iterator[World]:
    """The world that ``torchrun`` describes in the environment, or one process; left at the end.

    ``device`` is one of DEVICES; "auto" takes CUDA where there is one and the processor elsewhere. Raises
    RequestFailure for a device that this machine does not have.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    place = chosen_device(device, int(os.environ.get("LOCAL_RANK", "0")))
    if size == 1:
        yield World(device=place)
        return
    if place.type == "mps":
        raise RequestFailure("device", "Several processes cannot share Metal.", "Use --device cpu, or one process.")
    dist.init_process_group("nccl" if place.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield World(dist.get_rank(), size, place)
    finally:
        dist.destroy_process_group()


def chosen_device(name: str, index: int = 0) -> torch.device:
    """The device that a name of DEVICES means, ``index`` counting graphics cards. Raises RequestFailure."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(name, False):
        raise RequestFailure(
            "device", f"This machine has no device “{name}” that torch can use.", "Use --device auto or cpu."
        )
    if name != "cuda":
        return torch.device(name)
    if index >= torch.cuda.device_count():
        raise RequestFailure(
            "device",
            f"Process {index} of this machine has no graphics card of its own: there are {torch.cuda.device_count()}.",
            "Start at most one process for each card.",
        )
    torch.cuda.set_device(index)
    return torch.device("cuda", index)
