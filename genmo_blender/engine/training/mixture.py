"""What the samples of a step are given beside their sentences: footage, keys, paths, songs (spec 7; mini_model.md).

Every sample draws its conditions for itself, so that one set of weights meets all their mixtures. Those with footage or
dense keys are passed through the network twice: once as an estimation, from nothing, and once by diffusion, the losses
added (spec 7.1; mini_model.md: "the regression pass runs for samples with keypoints or dense keys"). Which samples
these are depends on their place in the batch alone. What is drawn for a place does not depend on its number, so they
are as good as chosen at random, and every step has arrays of the same shapes (replay.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from ...model.config import JOINTS_2D, NetworkConfig
from ..body.filmed_body import FilmedBody
from ..conditions.between import between_keys
from ..conditions.keys import key_channels
from ..network.conditions import ConditionInputs, DropDraws, drop_conditions
from ..representation.codec import Statistics
from ..representation.rollout import roll_out_translation
from .batches import Batch, moved
from .corpus import Corpus
from .draws import Draws
from .flat import FlatTable, draw_flat, flattened, rows_of
from .footage import Film, Sight, film, observe
from .keys import draw_gap, draw_keys
from .root_goals import Waypoints, draw_waypoints, training_goals
from .song_colour import coloured
from .songs import SongTable, draw_dances, draw_tracks, music_of
from .windows import WINDOW, Windows

Array = np.ndarray
DrawsOf = Callable[[int], Draws]
# Streams of random numbers; 0 is the noise of diffusion.
FILM, KEYS, WAYPOINTS, ESTIMATION, DIFFUSION, WORDS, SONGS, VARIED = range(1, 9)
# What a sample is.
PLAIN, FILMED, DENSE, FLAT = range(4)


@dataclass(frozen=True)
class Shares:
    """Part of the samples that get each condition; all 0: sentences and the facing at the start alone.

    ``filmed``: keypoints from a synthetic camera; ``wordless``: of these, those whose sentences fall away, as footage
    has none, and a camera's turns are told without words alone (spec 7.4); ``keyed``: keys of whole poses or joints;
    ``dense``: further ones whose keys say nearly everything; ``flat``: clips of which only 2D keypoints are known, in
    the places of all these; ``waypoints``: roots asked for along the way; ``dances``: windows of dance without a word,
    to a song; ``songs``: of the other windows whose motion is rhythmic, those that hear one.
    Those of ``filmed``, ``dense`` and ``flat`` are estimated as well.
    """

    filmed: float = 0.0
    wordless: float = 0.0
    keyed: float = 0.0
    dense: float = 0.0
    flat: float = 0.0
    waypoints: float = 0.0
    dances: float = 0.0
    songs: float = 0.0

    def roles(self, windows: int) -> Array:
        """What each window and each mirrored twin is, (windows, 2): PLAIN, FILMED, DENSE or FLAT, these both."""
        roles = np.full((windows, 2), PLAIN)
        for twin, phase in enumerate((0.0, 0.5)):
            roles[_spread(windows, self.filmed, phase), twin] = FILMED
            plain = np.flatnonzero(roles[:, twin] == PLAIN)
            if len(plain):
                roles[plain[_spread(len(plain), self.dense * windows / len(plain), phase)], twin] = DENSE
        roles[_spread(windows, self.flat, 0.25)] = FLAT
        return roles


def _spread(count: int, share: float, phase: float) -> Array:
    """(count,) bool: a share of the places at even distances."""
    done = np.floor(np.arange(count + 1) * min(share, 1.0) + phase + 1e-9)
    return np.diff(done) > 0


@dataclass(frozen=True)
class Given:
    """A batch and its conditions. ``film`` None: nobody is filmed; ``goals`` (B, L, 14); ``mask`` (B, L, 151) bool, the
    keyed channels, None without keys; ``music`` (B, L, 35) and ``has_music`` (B, L), None without songs; ``twice``
    (R,) the samples that are estimated too, in order."""

    batch: Batch
    film: Film | None
    goals: Tensor
    mask: Tensor | None
    between: Tensor | None
    music: Tensor | None
    has_music: Tensor | None
    twice: Tensor


class Mixture:
    """Draws conditions. ``songs`` None: there is no music, whatever ``shares`` says, nor dances where none are;
    ``flat`` None: no footage without truth."""

    def __init__(
        self,
        shares: Shares,
        statistics: Statistics,
        corpus: Corpus,
        body: FilmedBody | None,
        songs: SongTable | None,
        flat: FlatTable | None = None,
    ) -> None:
        if flat is None:
            shares = replace(shares, flat=0.0)
        if (shares.filmed or shares.flat) and body is None:
            raise ValueError("footage needs a body to film")
        if songs is None:
            shares = replace(shares, dances=0.0, songs=0.0)
        elif not songs.dance.any():
            shares = replace(shares, dances=0.0)
        if not (shares.dances or shares.songs):
            songs = None
        self.shares = shares
        self.statistics, self.corpus, self.body, self.songs, self.flat = statistics, corpus, body, songs, flat

    def windows(self, drawn: Windows, rng: np.random.Generator) -> Windows:
        """The same windows, some of them replaced by dances, with their songs, and what each sample is."""
        n, shares = len(drawn), self.shares
        if self.songs is not None:
            danced = np.flatnonzero(rng.random(n) < shares.dances)
            if len(danced):
                drawn = drawn.replaced(danced, draw_dances(self.songs, self.corpus.length, rng, len(danced)))
            track = draw_tracks(self.songs, drawn, rng)
            hears = rng.random(n) < shares.songs
            hears[danced] = True
            drawn = replace(drawn, track=np.where(hears, track, -1))
        roles = shares.roles(n)
        if self.flat is not None and shares.flat:
            flat = np.flatnonzero(roles[:, 0] == FLAT)
            drawn = drawn.replaced(flat, draw_flat(self.flat, self.corpus, rng, len(flat)))
        return replace(drawn, role=roles)

    def given(self, batch: Batch, windows: Windows, draws: DrawsOf) -> Given:
        """Conditions for the batch that was collated from ``windows``; ``draws`` gives a stream of random numbers."""
        shares, device = self.shares, batch.x0.device
        count, frames = batch.valid.shape
        role = windows.role.T.reshape(-1)
        before_cameras = (role == FILMED) | (role == FLAT)
        rows, dense, flat, twice = (
            moved(np.flatnonzero(x), device) for x in (before_cameras, role == DENSE, role == FLAT, role != PLAIN)
        )
        nobody = torch.zeros(count, dtype=torch.bool, device=device)
        filmed, unknown = nobody.index_fill(0, rows, True), nobody.index_fill(0, flat, True)
        made, to_gv = None, None
        if shares.filmed or shares.flat:  # with nobody there too: every share of a step has the same losses
            assert self.body is not None
            stream = draws(FILM)
            batch, made = film(batch, rows, self.statistics, self.body, stream, windows.frames < WINDOW)
            wordless = filmed & ~unknown & (stream.uniform() < shares.wordless)
            batch = replace(batch, text=batch.text.without(wordless))
            to_gv = made.gv_to_world.mT
        keyed = torch.zeros(count, frames, dtype=torch.bool, device=device)
        mask = None
        if shares.keyed or shares.dense:
            if windows.gap:
                keys = draw_gap(batch.length, frames, draws(KEYS))
            else:
                firm = nobody.index_fill(0, dense, True)
                keys = draw_keys(batch.length, frames, shares.keyed, draws(KEYS), dense=firm)
            keys = keys & ~unknown[:, None, None]
            mask = key_channels(keys, ~filmed)
            keyed = keys[..., 0]
        # whoever is filmed stands somewhere before a camera that nobody knows
        start = torch.zeros_like(keyed)
        start[:, 0] = batch.told & ~filmed
        ways = Waypoints(start, start)
        if shares.waypoints:
            drawn = draw_waypoints(batch.length, frames, shares.waypoints, draws(WAYPOINTS))
            known, faces = (x & ~unknown[:, None] for x in (drawn.known, drawn.has_heading))
            ways = Waypoints(start | known, start | faces)
        path = roll_out_translation(batch.velocity * batch.valid[..., None], batch.root)
        music, has_music = None, None
        if self.songs is not None:
            music, has_music = (x.repeat(2, *[1] * (x.dim() - 1)) for x in music_of(self.songs, windows, windows.track))
            music = coloured(music, has_music, draws(SONGS))
        goals = training_goals(batch.root, path, keyed, ways, to_gv)
        if made is not None and self.flat is not None and shares.flat:
            made = self._flattened(made, windows, device)
            # the corpus's frames that stand in for theirs are not to be seen by anything
            real = ~unknown[:, None]
            batch = replace(batch, valid=batch.valid & real, x0=batch.x0 * real[..., None])
        between = None if mask is None else between_keys(batch.x0, mask, goals, self.statistics)
        return Given(batch, made, goals, mask, between, music, has_music, twice)

    def _flattened(self, made: Film, windows: Windows, device: torch.device) -> Film:
        """The film, with what is known of those without truth."""
        assert self.flat is not None
        role = windows.role.T.reshape(-1)
        at = np.searchsorted(np.flatnonzero((role == FILMED) | (role == FLAT)), np.flatnonzero(role == FLAT))
        rows, clip = rows_of(self.flat, windows)
        return flattened(made, moved(at, device), self.flat, moved(rows, device), moved(clip, device))


def inputs_of(
    given: Given, config: NetworkConfig, estimation: bool, draws: Draws
) -> tuple[ConditionInputs, Sight | None]:
    """What one pass is told, and what it is measured against where there is footage (spec 7.3, 7.4, D32)."""
    batch = given.batch
    count, frames = batch.valid.shape
    key_mask = None if given.mask is None else given.mask.to(batch.x0.dtype)
    if given.film is None and given.music is None:
        return ConditionInputs(root_goal=given.goals, key_mask=key_mask, between=given.between), None
    sight = None if given.film is None else observe(given.film, count, draws)
    nobody = torch.zeros_like(batch.valid)
    inputs = (
        ConditionInputs(j2d_visible=nobody[..., None].expand(-1, -1, JOINTS_2D), has_2d=nobody)
        if sight is None
        else sight.inputs
    )
    inputs = replace(
        inputs,
        encoded_music=given.music,
        has_music=given.has_music,
        root_goal=given.goals,
        key_mask=key_mask,
        between=given.between,
    )
    drawn = DropDraws(
        None if estimation else draws.uniform(),
        draws.uniform(),
        draws.uniform(),
        draws.uniform(),
        {key: draws.uniform(frames) for key in config.conditions},
    )
    return drop_conditions(inputs, drawn, batch.text.spoken, estimation), sight


def rows_of_inputs(inputs: ConditionInputs, rows: Tensor) -> ConditionInputs:
    """The inputs of some samples."""
    chosen = {f.name: getattr(inputs, f.name) for f in fields(inputs) if f.name != "hidden"}
    return ConditionInputs(
        **{name: None if x is None else x[rows] for name, x in chosen.items()},
        hidden={key: x[rows] for key, x in inputs.hidden.items()},
    )


def rows_of_batch(batch: Batch, rows: Tensor) -> Batch:
    """Some samples of a batch."""
    text = type(batch.text)(batch.text.features[rows], batch.text.weights[rows])
    names: Sequence[str] = [f.name for f in fields(batch) if f.name != "text"]
    return Batch(text=text, **{name: getattr(batch, name)[rows] for name in names})
