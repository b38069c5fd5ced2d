"""Songs in another sound: what does not matter to a dance changes from sample to sample.

Every dance of the table has a handful of tracks. A network that sees them often knows each dance by the sound and the
key of its songs, and then has no need of their beats: so both are drawn anew whenever a track is heard.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...sound import music
from .draws import Draws

TIMBRE = 0.3
"""Spread of what is added to the MFCC of a whole window, in units of theirs: a filter, of room, tape or radio."""
FLATTENED = 0.5
"""Share of the samples whose chords do not change: the chroma of a window are held at their mean."""
LOUDNESS = 0.5
"""Spread of the logarithm of what onsets are multiplied by: on beats they are 13 to 22 in the table and 3 to 8 in songs
that are held out."""
SOUND = slice(music.MFCC.start, music.CLOCK.start)
SOUNDS, KEYS = SOUND.stop - SOUND.start, music.CHROMA.stop - music.CHROMA.start


def coloured(features: Tensor, present: Tensor, draws: Draws) -> Tensor:
    """Standardised features (B, L, 35) of which ``present`` (B, L) are heard, with another filter, key and loudness."""
    out = features.clone()
    out[..., music.ONSET] *= torch.exp(LOUDNESS * draws.normal())[:, None]
    out[..., SOUND] += TIMBRE * draws.normal(1, SOUNDS)
    shift = (draws.uniform() * KEYS).long().clamp(max=KEYS - 1)
    key = (torch.arange(KEYS, device=shift.device) + shift[:, None]) % KEYS
    chroma = features[..., music.CHROMA].gather(-1, key[:, None].expand(-1, features.shape[1], -1))
    held = chroma.mean(dim=1, keepdim=True)
    out[..., music.CHROMA] = torch.where(draws.uniform()[:, None, None] < FLATTENED, held, chroma)
    return out * present[..., None]
