"""Dances to songs that training has not heard: whether they move, and whether they move with the beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ....motion import kinematics
from ....motion.floor import sole_level
from ....motion.on_the_beat import danced as on_the_beat
from ....motion.skeleton import canonical
from ....protocol.failures import RequestFailure
from ....protocol.requests import SONG_STRENGTH
from ....sound.music import standardised
from ...network.conditions import ConditionInputs
from ...solve import solve, standing_start, whole_tokens, world_motion
from ...training.motion_rhythm import rhythm_of
from ...training.samples import Clip
from ...training.songs import song_files
from ..dance_features import diversity, feature_rows, frechet_distance
from ..music import EDGE_BEAT_ALIGNMENT, Excerpt, alignment_matrix, amount_of_motion, excerpts, permutation_test
from ..music_metrics import physical_foot_contact
from ..rule_checks import FPS
from .context import Context, evenly
from .section import MEAN_POSE, RANDOM, REAL, Bar, Figure, Section

Array = np.ndarray
SALT = 4
FRAMES = 148
"""About five seconds, EDGE's length: the shortest of the held-out songs is hardly longer."""
BATCH = 24
MODEL, TRAINING, SHUFFLED, EDGE = "this model", "training dances", "shuffled songs", "EDGE, on AIST++"


def measure(context: Context) -> Section:
    """The section ``music``."""
    model = context.pipeline.model
    if "encoded_music" not in model.network.config.conditions:
        raise RequestFailure("no_music", "This model hears no music.", "Leave the section out.")
    if context.songs is None:
        raise RequestFailure("no_songs", "There is no music to dance to.", "Give --songs FOLDER.")
    frames, rng = whole_tokens(model, FRAMES), context.rng(SALT)
    heard = excerpts(song_files(context.songs, "val"), frames, context.effort.excerpts)
    context.say(f"{len(heard)} dances")
    danced, snapped = dances(context, heard, frames)
    sets = {
        MODEL: danced,
        TRAINING: _real_dances(context.train, frames),
        REAL: _real_dances(context.held_out, frames),
        RANDOM: [context.baselines.random(frames, rng) for _ in heard],
        MEAN_POSE: [context.baselines.mean_pose(frames)] * max(2, len(heard)),
    }
    sets = {name: motions for name, motions in sets.items() if len(motions) >= 2}
    figures = [*_beats(sets, heard, rng), *_snapped(snapped, heard, rng), *_moving(sets), *_features(sets)]
    songs = sorted({e.song for e in heard})
    notes = (
        f"{len(heard)} dances of {frames / FPS:.1f} s without a word to {', '.join(songs)}, which no training heard.",
        f"Real motion: {len(sets.get(REAL, ()))} windows of held-out dances; {len(sets.get(TRAINING, ()))} of training "
        "dances. They were not danced to these songs, so their beat alignment is that of chance.",
        "Beat alignment counts beats of the music near which the body slows down; p: how often the same dances score "
        "as high against each other's songs, of 9,999 shuffles. Amount: mean speed of the joints seen from the pelvis.",
        "As delivered: the same dances retimed by up to eight frames so that slow moments fall on beats, which the "
        "clean-up of takes does (motion/on_the_beat.py). That looks at the beats themselves: it says nothing of what "
        "the model heard.",
        "FIDk, FIDm against training dances, all sets of one size.",
    )
    return Section("music", "Music", tuple(figures), notes)


def dances(
    context: Context, heard: Sequence[Excerpt], frames: int, further: int = 0
) -> tuple[list[Array], list[Array]]:
    """Joints (frames, 22, 3) on the floor of one dance to each excerpt, as it is and with its accents on the beats;
    ``further`` is added to the seeds."""
    model = context.pipeline.model
    start = standing_start(model, frames)
    out: list[Array] = []
    snapped: list[Array] = []
    for begin in range(0, len(heard), BATCH):
        features = np.stack([e.features for e in heard[begin : begin + BATCH]])
        told = features if model.record.official else standardised(features)
        inputs = ConditionInputs(
            encoded_music=torch.from_numpy(np.asarray(told, dtype=np.float32)).to(model.device),
            has_music=torch.ones(len(told), frames, dtype=torch.bool, device=model.device),
            root_goal=start,
        )
        first = 1 + context.seed + further + begin
        seeds = range(first, first + len(told))
        strength = SONG_STRENGTH * context.guidance
        motion = world_motion(model, solve(model, inputs, frames, seeds, steps=context.steps, guidance=strength))
        joints = kinematics.joint_positions(canonical(), motion.rotations, motion.path)
        out += [j - [0.0, sole_level(j, FPS), 0.0] for j in joints]
        for excerpt, q, way, planted in zip(
            heard[begin:], motion.rotations, motion.path, motion.contacts, strict=False
        ):
            turned, path, _ = on_the_beat(q, way, planted, excerpt.beats)
            snapped.append(kinematics.joint_positions(canonical(), turned, path))
    return out, snapped


def _real_dances(clips: Sequence[Clip], frames: int) -> list[Array]:
    """Windows, side by side, of the clips that are dances."""
    out = []
    for clip in clips:
        rhythm = rhythm_of(clip)
        if rhythm is not None and rhythm.dance:
            joints = clip.joints()
            out += [joints[a : a + frames] for a in range(0, clip.frames - frames + 1, frames)]
    return out


def _beats(sets: dict[str, list[Array]], heard: Sequence[Excerpt], rng: np.random.Generator) -> list[Figure]:
    beats = [e.beats for e in heard]
    ours = permutation_test(alignment_matrix(sets[MODEL], beats), rng)
    baselines: dict[str, float | None] = {SHUFFLED: ours.shuffled, EDGE: EDGE_BEAT_ALIGNMENT}
    for name in (REAL, TRAINING, RANDOM, MEAN_POSE):
        if name in sets:
            baselines[name] = float(alignment_matrix(evenly(sets[name], len(heard)), beats).mean())
    return [
        Figure(
            "beat alignment", ours.score, "", "higher", None, baselines,
            Bar(">", ours.shuffled, "the same dances with shuffled songs"),
        ),
        Figure("p of that difference", ours.p, "", "lower", None, {}, Bar("<", 0.01)),
    ]  # fmt: skip


def _snapped(motions: Sequence[Array], heard: Sequence[Excerpt], rng: np.random.Generator) -> list[Figure]:
    ours = permutation_test(alignment_matrix(motions, [e.beats for e in heard]), rng)
    return [
        Figure(
            "beat alignment, as delivered", ours.score, "", "higher", None, {SHUFFLED: ours.shuffled},
            Bar(">", ours.shuffled, "the same dances with shuffled songs"),
        ),
        Figure("p of that difference, as delivered", ours.p, "", "lower", None, {}, Bar("<", 0.01)),
    ]  # fmt: skip


def _moving(sets: dict[str, list[Array]]) -> list[Figure]:
    amount = {name: float(np.mean([amount_of_motion(m) for m in motions])) for name, motions in sets.items()}
    contact = {
        name: float(np.mean([float(physical_foot_contact(torch.from_numpy(m))) for m in motions]))
        for name, motions in sets.items()
    }
    limit = 0.8 * amount[TRAINING] if TRAINING in amount else float("nan")
    return [
        Figure(
            "amount of motion", amount.pop(MODEL), "m/s", "higher", None, amount,
            Bar(">=", limit, "80 % of the training dances'"),
        ),
        Figure("PFC", contact.pop(MODEL), "", "lower", None, contact),
    ]  # fmt: skip


def _features(sets: dict[str, list[Array]]) -> list[Figure]:
    if TRAINING not in sets:
        return []
    count = min(len(motions) for motions in sets.values())
    rows = {name: feature_rows(evenly(motions, count)) for name, motions in sets.items()}
    figures = []
    for title, k, measured, better in (
        ("FIDk", 0, frechet_distance, "lower"),
        ("FIDm", 1, frechet_distance, "lower"),
        ("diversity, kinetic", 0, diversity, ""),
        ("diversity, geometric", 1, diversity, ""),
    ):
        values = {name: measured(rows[TRAINING][k], r[k]) for name, r in rows.items()}
        if better:
            values.pop(TRAINING)  # against itself
        figures.append(Figure(title, values.pop(MODEL), "", better, None, values))
    return figures
