"""``failures.html``: for each action the best, the median and the worst take, so that a person sees what comes out."""

from __future__ import annotations

from html import escape
from pathlib import Path

from ....motion.quality import mean_jerk
from ....protocol.failures import StorageFailure
from ....protocol.motions import Take
from .. import pictures
from ..rule_checks import measure, resolve
from ..rules import Prompt
from ..rules_report import joints_of, judge
from .context import Context

PAGE = "failures.html"
FOLDER = "failures"
KINDS = ("best", "median", "worst")
STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; color: #222; max-width: 1000px; margin: 2em auto; padding: 0 1em }
img { max-width: 100%; border: 1px solid #ddd } h2 { margin: 1.4em 0 .3em; font-size: 1.1em }
.quiet { color: #777; font-weight: normal }
"""


def breach(prompt: Prompt, take: Take) -> tuple[float, float]:
    """How far a delivered take is from keeping its prompt's rule: the sum of what its figures lie beyond their bounds,
    each as a part of the bound; between takes that keep it, the jerk (m/s^3) decides."""
    joints = joints_of(take)
    figures = measure(joints)
    beyond = 0.0
    for bound in prompt.rule.bounds:
        value = resolve(bound.figure, figures, prompt.side)
        for over, limit in ((bound.least, 1.0), (bound.most, -1.0)):
            if over is not None:
                beyond += max(0.0, limit * (over - value)) / max(abs(over), 0.1)
    return beyond, mean_jerk(joints)


def write_page(context: Context) -> bool:
    """Write the page and its pictures to ``context.out``; False where Pillow is missing. Raises StorageFailure."""
    if not pictures.can_draw():
        return False
    actions: dict[str, list[tuple[tuple[float, float], int, Prompt, Take]]] = {}
    for found in context.rule_run.takes:
        for take in found.delivered:
            ranked = actions.setdefault(found.prompt.rule.name, [])
            ranked.append((breach(found.prompt, take), len(ranked), found.prompt, take))
    parts = []
    for action, takes in sorted(actions.items()):
        takes.sort()
        chosen = [takes[0], takes[(len(takes) - 1) // 2], takes[-1]]
        passed = sum(rank[0] == 0.0 for rank, *_ in takes)
        name = f"{FOLDER}/{action}.jpg"
        _picture(context.out / name, action, [(p, t) for _, _, p, t in chosen], context.effort.cells)
        share = f'<span class="quiet">{passed} of {len(takes)} takes keep the rule</span>'
        parts.append(
            f"<h2>{escape(action.replace('_', ' '))} {share}</h2>\n"
            f'<img src="{name}" alt="best, median and worst take of {escape(action)}">'
        )
    text = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Takes</title>'
        f"<style>{STYLE}</style></head><body>\n<h1>Best, median and worst takes of each action</h1>\n"
        "<p>Delivered takes of the frozen prompts, moments from first to last, then the way from above. Left is red, "
        "right is blue. Green words: the take keeps its prompt's rule; red: what it breaks.</p>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )
    write_text(context.out / PAGE, text)
    return True


def _picture(path: Path, action: str, chosen: list[tuple[Prompt, Take]], cells: int) -> None:
    figures = []
    for kind, (prompt, take) in zip(KINDS, chosen, strict=True):
        broken = judge(prompt, joints_of(take))
        words = f"{kind}, seed {take.seed}: {prompt.prompt}"
        words += f"  (breaks {', '.join(broken)})" if broken else ""
        figures.append(pictures.Figure(take.rotations, take.transl, words, not broken))
    pictures.save(pictures.contact_sheet(figures, action.replace("_", " "), cells), path)


def write_text(path: Path, text: str) -> None:
    """Write a file whole. Raises StorageFailure."""
    fresh = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise StorageFailure(
            "cannot_write", f"{path} could not be written ({error}).", "Choose a folder you may write to, with space."
        ) from error
