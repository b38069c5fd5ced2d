"""Random numbers that belong to samples, so that a share of a batch sees what the whole batch would have seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


class Draws:
    """Draws for B samples, one row each.

    ``generators`` draw for ``size`` samples each, one block of the global batch after the other; ``rows`` (B,) says
    which of these are meant (None: all, in order). What a row holds depends on its block's generator, its place in the
    block and the draws before it, never on which other rows are asked for.
    """

    def __init__(self, generators: Sequence[torch.Generator], size: int, rows: Tensor | None = None) -> None:
        self._generators, self._size, self._rows = tuple(generators), size, rows

    def __len__(self) -> int:
        return self._size * len(self._generators) if self._rows is None else len(self._rows)

    def of(self, rows: Tensor) -> Draws:
        """Draws for some of these samples, (F,) numbers of theirs; the generators are shared."""
        return Draws(self._generators, self._size, rows if self._rows is None else self._rows[rows])

    def uniform(self, *shape: int) -> Tensor:
        """U(0, 1), (B, *shape)."""
        return self._drawn(torch.rand, shape)

    def normal(self, *shape: int) -> Tensor:
        """N(0, 1), (B, *shape)."""
        return self._drawn(torch.randn, shape)

    def either_way(self, *shape: int) -> Tensor:
        """U(-1, 1), (B, *shape)."""
        return 2 * self.uniform(*shape) - 1

    def _drawn(self, draw: Callable[..., Tensor], shape: tuple[int, ...]) -> Tensor:
        blocks = [draw((self._size, *shape), generator=g, device=g.device) for g in self._generators]
        drawn = blocks[0] if len(blocks) == 1 else torch.cat(blocks)
        return drawn if self._rows is None else drawn[self._rows]
