"""Run the frozen prompts through a generator and judge the takes: table, JSON, contact sheets."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...motion import kinematics
from ...motion.floor import sole_level
from ...motion.skeleton import canonical
from ...protocol.failures import StorageFailure
from ...protocol.motions import Take
from ...protocol.requests import MODEL_FPS
from . import pictures
from .baseline import RealMotion
from .quality import NEAREST_FRAMES, middle, smoothness, spread, window_rows
from .rule_checks import measure
from .rules import Prompt, frozen_hashes, load_rules

Array = np.ndarray
Generate = Callable[[str, float, Sequence[int]], list[Take]]
Deliver = Callable[[Take], Take]
Say = Callable[[str], None]


@dataclass(frozen=True)
class PromptResult:
    """One prompt's takes: what each broke, raw and as delivered (the same where nothing is cleaned)."""

    prompt: Prompt
    raw: tuple[tuple[str, ...], ...]
    delivered: tuple[tuple[str, ...], ...]
    spread: float
    nearest: tuple[float, ...]


def grounded_joints(take: Take) -> Array:
    """Joints (T, 22, 3) with planted soles at y = 0, as the importer puts real clips."""
    joints = joints_of(take)
    return joints - [0.0, sole_level(joints, MODEL_FPS), 0.0]


def joints_of(take: Take) -> Array:
    """Joints (T, 22, 3) metres, as they are."""
    q, path = (np.asarray(x, dtype=np.float64) for x in (take.rotations, take.transl))
    return kinematics.joint_positions(canonical(), q, path)


def judge(prompt: Prompt, joints: Array) -> tuple[str, ...]:
    """The figures of the prompt's rule that joints (T, 22, 3) break; empty when they do what the prompt says."""
    return prompt.rule.broken(measure(joints), prompt.side)


def run_rules(
    generate: Generate,
    out: Path,
    *,
    deliver: Deliver | None = None,
    real: RealMotion | None = None,
    seeds: Sequence[int] = tuple(range(1, 9)),
    prompts: Sequence[Prompt] | None = None,
    draw: bool = True,
    say: Say = print,
) -> dict[str, Any]:
    """Generate every prompt with every seed, judge raw and delivered takes, write ``out/rules.json``, ``rules.txt``,
    ``takes.npz`` and one contact sheet a prompt. Returns what stands in the JSON.

    ``generate(prompt, seconds, seeds)`` gives raw takes; ``deliver`` cleans one as the product does. Without ``real``
    the figures of quality stand alone. Raises StorageFailure when ``out`` cannot be written.
    """
    rules_hash, checks_hash = frozen_hashes()
    say(f"prompt_rules.json sha256 {rules_hash}\nrule_checks.py sha256 {checks_hash}")
    results, raw_joints, final_joints, arrays = [], [], [], {}
    for prompt in load_rules()[0] if prompts is None else prompts:
        takes = generate(prompt.prompt, prompt.seconds, seeds)
        finals = takes if deliver is None else [deliver(t) for t in takes]
        raw, final = [grounded_joints(t) for t in takes], [joints_of(t) for t in finals]
        results.append(_result(prompt, raw, final, real))
        raw_joints += raw
        final_joints += final
        arrays.update({f"{prompt.id}/{t.seed}/rotations": t.rotations for t in finals})
        arrays.update({f"{prompt.id}/{t.seed}/transl": t.transl for t in finals})
        say(_line(results[-1], real))
        if draw:
            pictures.save(_sheet(results[-1], finals), out / f"{prompt.id}.png")
    report = _report(results, raw_joints, final_joints, real)
    report |= {"prompt_rules_sha256": rules_hash, "rule_checks_sha256": checks_hash, "seeds": list(seeds)}
    _write(out, report, results, arrays, real)
    say(summary(report))
    return report


def _result(prompt: Prompt, raw: list[Array], final: list[Array], real: RealMotion | None) -> PromptResult:
    rows = np.concatenate([window_rows(j, middle(j, NEAREST_FRAMES)) for j in final])
    nearest = real.nearest.distances(rows) if real is not None and len(rows) else np.array([])
    return PromptResult(
        prompt,
        tuple(judge(prompt, j) for j in raw),
        tuple(judge(prompt, j) for j in final),
        spread(final)[0],
        tuple(float(x) for x in nearest),
    )


def _sheet(result: PromptResult, takes: list[Take]) -> Any:
    figures = [
        pictures.Figure(
            t.rotations, t.transl, f"seed {t.seed}: {'passes' if not b else 'breaks ' + ', '.join(b)}", not b
        )
        for t, b in zip(takes, result.delivered, strict=True)
    ]
    return pictures.contact_sheet(figures, f"{result.prompt.id}: {result.prompt.prompt}")


def passed(outcomes: Sequence[tuple[str, ...]]) -> int:
    """How many takes broke nothing."""
    return sum(not broken for broken in outcomes)


def _line(result: PromptResult, real: RealMotion | None) -> str:
    p, n = result.prompt, len(result.delivered)
    why = Counter(name for broken in result.delivered for name in broken).most_common(2)
    near = f"{100 * np.median(result.nearest):5.1f}" if result.nearest else "    -"
    base = f"/{100 * real.spread[p.id][0]:<5.1f}" if real and p.id in real.spread else ""
    return (
        f"{p.id:<22}{p.side or '-':<6}{'novel' if p.novel else '':<6}"
        f"raw {passed(result.raw)}/{n} delivered {passed(result.delivered)}/{n}"
        f"  spread {100 * result.spread:5.1f}{base} near {near} cm  {' '.join(f'{w}:{c}' for w, c in why)}"
    )


def _rate(results: Sequence[PromptResult], outcomes: str) -> dict[str, Any]:
    all_takes = [broken for r in results for broken in getattr(r, outcomes)]
    done = passed(all_takes)
    return {"passed": done, "takes": len(all_takes), "share": done / len(all_takes) if all_takes else None}


def _report(
    results: list[PromptResult], raw: list[Array], final: list[Array], real: RealMotion | None
) -> dict[str, Any]:
    groups = {
        "all": results,
        "left_right": [r for r in results if r.prompt.side],
        "novel": [r for r in results if r.prompt.novel],
        "pattern": [r for r in results if not r.prompt.novel],
    }
    report: dict[str, Any] = {
        "rules": {name: {k: _rate(group, k) for k in ("raw", "delivered")} for name, group in groups.items()},
        "smoothness": {"raw": asdict(smoothness(raw)), "delivered": asdict(smoothness(final))},
        "spread_m": {"seeds": _mean([r.spread for r in results])},
        "prompts": [_record(r) for r in results],
    }
    if real is not None:
        report["smoothness"] |= {"real_same_actions": asdict(real.matched), "real_all": asdict(real.whole)}
        both = [(r.spread, real.spread[r.prompt.id][0]) for r in results if real.spread[r.prompt.id][1]]
        # A lone clip has no partner: prompts without a real pair are left out on both sides.
        report["spread_m"] |= {
            "seeds_where_real_pairs": _mean([a for a, _ in both]),
            "real_pairs": _mean([b for _, b in both]),
            "prompts_with_real_pairs": len(both),
        }
        near = np.array([x for r in results for x in r.nearest])
        report["nearest_m"] = {
            "takes_median": float(np.median(near)),
            "takes_5th_percentile": float(np.percentile(near, 5)),
            "validation_median": float(np.median(real.held_out)),
            "validation_5th_percentile": real.copy_limit,
            "takes_at_or_above_limit": float(np.mean(near >= real.copy_limit)),
        }
    return report


def _mean(values: Sequence[float]) -> float | None:
    """Of the numbers among them; None when there is none (JSON has no nan)."""
    numbers = [v for v in values if not np.isnan(v)]
    return float(np.mean(numbers)) if numbers else None


def _record(result: PromptResult) -> dict[str, Any]:
    p = result.prompt
    return {
        "id": p.id, "prompt": p.prompt, "seconds": p.seconds, "side": p.side, "novel": p.novel, "rule": p.rule.name,
        "raw_passed": passed(result.raw), "delivered_passed": passed(result.delivered), "takes": len(result.delivered),
        "delivered_broken": [list(b) for b in result.delivered], "spread_m": _mean([result.spread]),
        "nearest_m": list(result.nearest),
    }  # fmt: skip


def summary(report: dict[str, Any]) -> str:
    """A few lines for people: each figure beside that of real motion, where it is known."""
    lines = []
    for name, both in report["rules"].items():
        cells = [f"{k} {r['passed']}/{r['takes']} = {100 * (r['share'] or 0):.1f} %" for k, r in both.items()]
        lines.append(f"rules, {name:<11} {', '.join(cells)}")
    for name, s in report["smoothness"].items():
        jerk = "      -" if s["jerk"] is None else f"{s['jerk']:7.1f}"
        slide = "     -" if s["slide"] is None else f"{100 * s['slide']:6.2f}"
        lines.append(f"{name:<18} jerk {jerk} m/s3   toe slide {slide} cm/s   ({s['motions']} motions)")
    words = [f"{k} {100 * v:.1f} cm" if isinstance(v, float) else f"{k} {v}" for k, v in report["spread_m"].items()]
    lines.append("spread: " + ", ".join(words))
    if "nearest_m" in report:
        near = report["nearest_m"]
        cells = [f"{k} {100 * v:.1f} cm" for k, v in near.items() if k != "takes_at_or_above_limit"]
        lines.append(f"nearest: {', '.join(cells)}; {100 * near['takes_at_or_above_limit']:.1f} % of takes keep off")
    return "\n".join(lines)


def _write(
    out: Path, report: dict[str, Any], results: list[PromptResult], arrays: dict[str, Array], real: RealMotion | None
) -> None:
    table = "\n".join([*(_line(r, real) for r in results), "", summary(report), ""])
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "rules.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        (out / "rules.txt").write_text(table, encoding="utf-8")
        np.savez_compressed(out / "takes.npz", allow_pickle=False, **arrays)
    except OSError as error:
        raise StorageFailure(
            "cannot_write", f"{out} could not be written ({error}).", "Choose a folder you may write to, with space."
        ) from error
