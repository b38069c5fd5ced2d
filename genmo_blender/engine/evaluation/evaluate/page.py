"""The readable form of an evaluation: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import isfinite

from .plots import figure_bars, line_plot, short
from .section import Failed, Figure, Section

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #222; max-width: 1180px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.5em } h2 { margin-top: 2em; border-bottom: 1px solid #ddd; padding-bottom: .2em }
table { border-collapse: collapse; margin: .8em 0 } td, th { padding: .25em .7em; border-bottom: 1px solid #eee }
th { text-align: left; background: #f6f7f8 } td.n { text-align: right; font-variant-numeric: tabular-nums }
td.ours { font-weight: 600 } .yes { color: #1d7a3a } .no { color: #b3261e; font-weight: 600 } .quiet { color: #777 }
svg { margin: .4em 1.2em .4em 0; vertical-align: top } svg text { font: 11.5px system-ui, sans-serif; fill: #333 }
ul { margin: .4em 0; padding-left: 1.2em } .failed { background: #fdecea; padding: .6em 1em }
"""


def page(heading: Mapping[str, str], sections: Sequence[Section | Failed], links: Mapping[str, str]) -> str:
    """``heading``: what was measured, by name; ``links``: other pages beside this one, by their words."""
    facts = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in heading.items())
    others = "".join(f'<p><a href="{escape(to, quote=True)}">{escape(words)}</a></p>' for words, to in links.items())
    parts = [_section(s) if isinstance(s, Section) else _failed(s) for s in sections]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Evaluation</title>'
        f"<style>{STYLE}</style></head><body>\n<h1>Evaluation</h1>\n<table>{facts}</table>\n{others}\n"
        f"{_bars(sections)}\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _bars(sections: Sequence[Section | Failed]) -> str:
    """All figures that have a bar, in one table at the top."""
    rows = []
    for section in sections:
        if isinstance(section, Failed):
            rows.append(f'<tr><td>{escape(section.name)}</td><td colspan="4" class="no">not measured</td></tr>')
            continue
        for f in section.figures:
            if f.bar is not None:
                rows.append(
                    f"<tr><td>{escape(section.name)}</td><td>{escape(f.name)}</td>"
                    f'<td class="n ours">{_value(f.value)} {escape(f.unit)}</td>'
                    f'<td class="n">{_limit(f)}</td><td>{_met(f)}</td></tr>'
                )
    if not rows:
        return ""
    head = "<tr><th>section</th><th>figure</th><th>measured</th><th>bar</th><th>met</th></tr>"
    return f"<h2>Bars</h2>\n<table>{head}{''.join(rows)}</table>"


def _section(section: Section) -> str:
    names = list(dict.fromkeys(name for f in section.figures for name in f.baselines))
    columns = ["figure", "this model", *names, "bar", "met"]
    head = "".join(f"<th>{escape(c)}</th>" for c in columns)
    rows = "".join(f"<tr>{_row(f, names)}</tr>" for f in section.figures)
    notes = "".join(f"<li>{escape(note)}</li>" for note in section.notes)
    plots = "".join(line_plot(p) for p in section.plots)
    bars = "".join(figure_bars(f) for f in section.figures if f.bar is not None)
    return (
        f'<h2 id="{escape(section.name, quote=True)}">{escape(section.title)}</h2>\n'
        f"<table><tr>{head}</tr>{rows}</table>\n<div>{plots}</div>\n<div>{bars}</div>\n<ul>{notes}</ul>"
    )


def _row(figure: Figure, names: Sequence[str]) -> str:
    arrow = {"higher": " ↑", "lower": " ↓", "": ""}[figure.better]
    unit = f' <span class="quiet">{escape(figure.unit)}</span>' if figure.unit else ""
    spread = ""
    if figure.interval is not None:
        low, high = (short(x) for x in figure.interval)
        spread = f' <span class="quiet">[{low}, {high}]</span>'
    cells = [
        f"<td>{escape(figure.name)}{unit}{arrow}</td>",
        f'<td class="n ours">{_value(figure.value)}{spread}</td>',
    ]
    for name in names:
        cells.append(f'<td class="n">{_value(figure.baselines[name]) if name in figure.baselines else ""}</td>')
    cells += [f"<td>{_limit(figure)}</td>", f"<td>{_met(figure)}</td>"]
    return "".join(cells)


def _failed(section: Failed) -> str:
    return f'<h2>{escape(section.name)}</h2>\n<p class="failed">Not measured: {escape(section.sentence)}</p>'


def _value(value: float | None) -> str:
    return "-" if value is None or not isfinite(value) else short(value)


def _limit(figure: Figure) -> str:
    if figure.bar is None:
        return ""
    sign = {"<=": "≤", ">=": "≥"}.get(figure.bar.sense, escape(figure.bar.sense))
    words = f' <span class="quiet">({escape(figure.bar.words)})</span>' if figure.bar.words else ""
    return f"{sign} {short(figure.bar.limit) if isfinite(figure.bar.limit) else '-'}{words}"


def _met(figure: Figure) -> str:
    if figure.met is None:
        return ""
    return '<span class="yes">yes</span>' if figure.met else '<span class="no">no</span>'
