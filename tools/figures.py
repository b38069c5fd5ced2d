"""A table of figures beside their bars: the median and the worst of each, and how many meet it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


class Table:
    """Figures by bar and clip. A bar without a limit is reported alone."""

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[float, str]]] = {}
        self.limits: dict[str, tuple[float | None, bool]] = {}

    def add(self, bar: str, limit: float | None, value: float, clip: str, least: bool = False) -> None:
        """A figure of a clip; ``least``: the bar is what it must at least be."""
        self.limits[bar] = limit, least
        self.rows.setdefault(bar, []).append((float(value), clip))

    def lines(self) -> Iterator[str]:
        """The table, a line a bar, the worst clip named."""
        yield f"{'bar':58} {'limit':>8} {'median':>9} {'mean':>9} {'worst':>9} {'met':>9}  worst clip"
        for bar, found in self.rows.items():
            limit, least = self.limits[bar]
            values = np.array([value for value, _ in found])
            worst = found[int(values.argmin() if least else values.argmax())]
            said, met = "", ""
            if limit is not None:
                said = f"{'>=' if least else '<='} {limit:.3g}"
                met = f"{int(np.sum(values >= limit if least else values <= limit))}/{len(values)}"
            figures = f"{np.median(values):9.3f} {values.mean():9.3f} {worst[0]:9.3f}"
            yield f"{bar:58} {said:>8} {figures} {met:>9}  {worst[1]}"
