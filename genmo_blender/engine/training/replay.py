"""Steps of one shape on a CUDA device: recorded once, then played again as one piece (CUDA graphs).

A small network asks for some thousands of small kernels a step. Asking takes Python three times as long as the card
needs for them, unless it asks once for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor

WARM_UP = 3  # unrecorded calls before: what is kept from call to call must be there, and libraries settled


class Replay:
    """``function`` takes tensors, in dataclasses or mappings, does the same with them every time, and returns scalars
    by name. It must not ask the device for anything. ``forget`` runs before each call that is not played."""

    def __init__(self, function: Callable[[Any], dict[str, Tensor]], forget: Callable[[], None]) -> None:
        self.function, self.forget = function, forget
        self.graph: torch.cuda.CUDAGraph | None = None
        self.inputs: list[Tensor] = []
        self.out: dict[str, Tensor] = {}

    def __call__(self, given: Any) -> dict[str, Tensor]:
        """What the function returns for ``given``; overwritten by the next call. Raises ValueError when something of
        ``given`` has another shape than at the first call."""
        arrays = list(tensors_of(given))
        if self.graph is None:
            self._record(given)
        shapes = [x.shape for x in arrays]
        if shapes != [x.shape for x in self.inputs]:
            raise ValueError(f"what was recorded is of {[x.shape for x in self.inputs]}, not {shapes}")
        for kept, new in zip(self.inputs, arrays, strict=True):
            kept.copy_(new)
        assert self.graph is not None
        self.graph.replay()
        return self.out

    def _record(self, given: Any) -> None:
        kept = mapped(given, lambda x: x.clone(memory_format=torch.contiguous_format))
        self.inputs = list(tensors_of(kept))
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                self.forget()
                self.function(kept)
        torch.cuda.current_stream().wait_stream(side)
        self.forget()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.out = self.function(kept)


def tensors_of(tree: Any) -> Iterator[Tensor]:
    """All tensors in dataclasses and mappings, in order."""
    if isinstance(tree, Tensor):
        yield tree
    elif is_dataclass(tree):
        for f in fields(tree):
            yield from tensors_of(getattr(tree, f.name))
    elif isinstance(tree, dict):
        for value in tree.values():
            yield from tensors_of(value)


def mapped(tree: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same with every tensor changed."""
    if isinstance(tree, Tensor):
        return change(tree)
    if is_dataclass(tree) and not isinstance(tree, type):
        return replace(tree, **{f.name: mapped(getattr(tree, f.name), change) for f in fields(tree)})
    if isinstance(tree, dict):
        return {name: mapped(value, change) for name, value in tree.items()}
    return tree
