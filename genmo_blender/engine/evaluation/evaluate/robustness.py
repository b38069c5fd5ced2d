"""How takes bear what is wrong with what they are told: words that are missing, sound that is damaged."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from . import robust_sound, robust_words
from .context import Context
from .section import Figure, Plot, Section, plain


def measure(context: Context) -> Section:
    """The section ``robustness``: the prompts' part always, the songs' where the model hears songs and there are some.
    How estimates bear what is wrong with keypoints is in the section ``estimation``."""
    words = robust_words.tried(context)
    figures: list[Figure] = robust_words.figures(words)
    plots: tuple[Plot, ...] = robust_words.plots(words)
    details: dict[str, Any] = {
        "prompts": [
            {"damage": kind, "level": level, "kept": plain(all_of), "sides_kept": plain(sides)}
            for (kind, level), (all_of, sides) in words.shares.items()
        ]
    }
    notes = [
        f"Prompts: {words.takes} raw takes of each of {words.prompts} frozen prompts, the same seeds whatever was done "
        "to them, judged by the rule of the whole prompt. Cut words may have been the ones that say what is asked: no "
        "model can keep the rule then. Dashed: how often takes of other prompts keep a prompt's rule.",
    ]
    reason = _no_songs(context)
    if reason or context.songs is None:
        notes.append(f"Songs were left out: {reason}")
    else:
        songs = robust_sound.tried(context, context.songs)
        figures += robust_sound.figures(songs)
        plots += robust_sound.plots(songs)
        details["songs"] = {
            "clean": asdict(songs.clean), "another seed": asdict(songs.seed), "another song": asdict(songs.song),
            "damaged": [{"damage": k, "level": x, **asdict(h)} for (k, x), h in songs.damaged.items()],
        }  # fmt: skip
        notes.append(
            f"Songs: {songs.dances} dances of {songs.frames / 30:.1f} s to held-out songs, the same seeds for each "
            "damage, 10 s around each piece damaged as well. Beats are those of the clean song; “beats found” is what "
            "the tracker that the model listens to still marks within 70 ms (F-measure). Distance: joints seen from "
            "the pelvis, from the dance of the same seed to the clean song; in the curves as a part of another song's."
        )
    notes.append(
        "Keypoints: the curves over their error, missing joints and seconds that nothing is seen are in the section "
        "“Motion from footage” (--sections estimation)."
    )
    return Section("robustness", "Robustness", tuple(figures), tuple(notes), plots, details)


def _no_songs(context: Context) -> str:
    """Why dances cannot be measured; empty where they can."""
    if "encoded_music" not in context.pipeline.model.network.config.conditions:
        return "this model hears no music."
    return "" if context.songs is not None else "there are none (--songs FOLDER)."
