"""Plots as SVG text, drawn here so that a page needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import floor, isfinite, log10

from .section import Figure, Plot

WIDTH, HEIGHT = 560, 260
LEFT, RIGHT, TOP, BOTTOM = 58, 150, 28, 40
COLOURS = ("#2f6fb5", "#c2563f", "#4f9150", "#8a63a8", "#9a7b2f", "#5b6770", "#c05a92", "#3d9ba3")
OURS, OTHERS, LIMIT = "#2f6fb5", "#b9bec4", "#222"
ROW, NAMES, BARS = 18, 190, 300


def line_plot(plot: Plot) -> str:
    """The plot's curves with points, grid, legend and mark. Points that are no numbers are left out."""
    curves = [[(x, y) for x, y in line.points if isfinite(x) and isfinite(y)] for line in plot.lines]
    xs, ys = [p[0] for c in curves for p in c], [p[1] for c in curves for p in c]
    if not xs:
        return f"<p>{escape(plot.title)}: nothing could be measured.</p>"
    x_ticks, y_ticks = ticks(min(xs), max(xs)), ticks(min(0.0, *ys), max(ys))
    low_x, high_x = min(xs[0], *xs), max(*xs, xs[0])
    low_y, high_y = y_ticks[0], y_ticks[-1]

    def px(x: float) -> float:
        return LEFT + (x - low_x) / ((high_x - low_x) or 1.0) * (WIDTH - LEFT - RIGHT)

    def py(y: float) -> float:
        return HEIGHT - BOTTOM - (y - low_y) / ((high_y - low_y) or 1.0) * (HEIGHT - TOP - BOTTOM)

    out = [_open(WIDTH, HEIGHT, plot.title), _text(LEFT, 16, plot.title, weight="bold")]
    for y in y_ticks:
        out.append(_stroke(LEFT, py(y), WIDTH - RIGHT, py(y), "#e3e5e8"))
        out.append(_text(LEFT - 6, py(y) + 4, short(y), anchor="end"))
    for x in (t for t in x_ticks if low_x <= t <= high_x):
        out.append(_text(px(x), HEIGHT - BOTTOM + 16, short(x), anchor="middle"))
    out.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, plot.x, anchor="middle"))
    out.append(_text(12, TOP - 4 + 10, plot.y, rotate=(12, (TOP + HEIGHT - BOTTOM) / 2)))
    if plot.mark is not None and low_x <= plot.mark <= high_x:
        out.append(_stroke(px(plot.mark), TOP, px(plot.mark), HEIGHT - BOTTOM, LIMIT, dash="2 3"))
    for i, (line, curve) in enumerate(zip(plot.lines, curves, strict=True)):
        colour, dash = COLOURS[i % len(COLOURS)], ' stroke-dasharray="5 4"' if line.dashed else ""
        path = " ".join(f"{px(x):.1f},{py(y):.1f}" for x, y in curve)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        if len(curve) <= 20:
            out += [f'<circle cx="{px(x):.1f}" cy="{py(y):.1f}" r="2.5" fill="{colour}"/>' for x, y in curve]
        top = TOP + 8 + 16 * i
        out.append(f'<rect x="{WIDTH - RIGHT + 10}" y="{top - 5}" width="14" height="3" fill="{colour}"/>')
        out.append(_text(WIDTH - RIGHT + 30, top + 1, line.name))
    return "".join(out) + "</svg>"


def figure_bars(figure: Figure) -> str:
    """A figure beside its baselines as bars from nothing, with the bar's limit as a line and the interval as a stroke;
    empty where there is nothing to compare with."""
    rows = [("this model", figure.value, OURS), *((n, v, OTHERS) for n, v in figure.baselines.items())]
    numbers = [v for _, v, _ in rows if v is not None and isfinite(v)]
    if len(numbers) < 2:
        return ""
    limit = figure.bar.limit if figure.bar and isfinite(figure.bar.limit) else None
    low = min(0.0, *numbers, 0.0 if limit is None else limit)
    high = max(0.0, *numbers, 0.0 if limit is None else limit) or 1.0
    scale = BARS / (high - low)
    zero, height = NAMES - low * scale, ROW * len(rows) + 26
    out = [
        _open(NAMES + BARS + 70, height, figure.name),
        _text(0, 13, f"{figure.name} ({figure.unit or '-'})", weight="bold"),
    ]
    for i, (name, value, colour) in enumerate(rows):
        y = 22 + ROW * i
        out.append(_text(NAMES - 8, y + 11, name, anchor="end"))
        if value is None or not isfinite(value):
            out.append(_text(zero + 4, y + 11, "-"))
            continue
        begin, size = zero + min(value, 0.0) * scale, max(abs(value) * scale, 1.0)
        out.append(f'<rect x="{begin:.1f}" y="{y}" width="{size:.1f}" height="{ROW - 5}" fill="{colour}"/>')
        out.append(_text(max(zero, begin + size) + 4, y + 11, short(value)))
    if figure.interval is not None:
        a, b = (zero + x * scale for x in figure.interval)
        out.append(_stroke(a, 22 + (ROW - 5) / 2, b, 22 + (ROW - 5) / 2, LIMIT))
    if limit is not None:
        out.append(_stroke(zero + limit * scale, 20, zero + limit * scale, height - 4, LIMIT, dash="3 3"))
    return "".join(out) + "</svg>"


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from at or below ``low`` to at or above ``high``."""
    if high <= low:
        high = low + 1.0
    raw = (high - low) / about
    power = 10.0 ** floor(log10(raw))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw * 0.999)
    first = floor(low / step + 1e-9)
    out = [first * step]
    while out[-1] < high - 1e-9 * step:
        out.append((first + len(out)) * step)
    return out


def short(value: float) -> str:
    """A number as people read it: three digits that count."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:.0f}"
    text = f"{value:.3g}"
    return text if "e" not in text else f"{value:.1e}"


def _open(width: float, height: float, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(title, quote=True)}">'
    )


def _text(
    x: float, y: float, words: str, anchor: str = "start", weight: str = "", rotate: Sequence[float] | None = None
) -> str:
    turn = ""
    if rotate is not None:
        x, y = rotate
        turn, anchor = f' transform="rotate(-90 {x:.1f} {y:.1f})"', "middle"
    bold = f' font-weight="{weight}"' if weight else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{bold}{turn}>{escape(words)}</text>'


def _stroke(x1: float, y1: float, x2: float, y2: float, colour: str, dash: str = "") -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{dashes}/>'
