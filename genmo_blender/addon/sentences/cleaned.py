"""What a clean-up tool has done."""

from __future__ import annotations


def contacts_found(name: str, count: int, share: float) -> str:
    return f"{count} contact{'' if count == 1 else 's'} of {name}: some foot is down {100 * share:.0f} % of the time."


def feet_locked(name: str, before: float, after: float, sink: float) -> str:
    return f"Feet of {name}: slide {before:.1f} → {after:.1f} cm/s, sink {abs(sink):.1f} cm."


def unchanged(name: str) -> str:
    return f"{name} needed no change."


def smoothed(name: str, before: float, after: float, reach: float | None) -> str:
    kept = f", quick reaches keep {100 * reach:.0f} %" if reach is not None else ""
    return f"Smoothed {name}: jerk {before:.0f} → {after:.0f} m/s³{kept}."


def keys_reduced(before: int, after: int, worst: float, slide: float) -> str:
    return f"Reduced {before} to {after} keys, worst {worst:.1f} mm, feet slide {max(slide, 0.0):.2f} cm/s more."


def keys_restored(name: str, count: int) -> str:
    return f"Restored {count} dense keys of {name}."


def loop_made(name: str, first: int, last: int, gap: float, travel: float) -> str:
    way = f"goes on {travel:.2f} m a round" if travel > 0.005 else "stays in place"
    return f"Loop of {name}: frames {first}–{last}, a gap of {gap:.0f} mm closed, {way}."


def made_in_place(name: str, metres: float) -> str:
    return f"{name} stays in place; {metres:.2f} m of travel are kept with the action."


def travel_restored(name: str, metres: float) -> str:
    return f"{name} travels {metres:.2f} m again."


def mirrored(name: str) -> str:
    return f"Mirrored {name}: left and right exchanged, from where it started."


def retimed(name: str, before: int, after: int) -> str:
    return f"Retimed {name}: {before} to {after} frames; feet stand as long as their share of it."
