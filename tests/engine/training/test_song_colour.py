import torch

from genmo_blender.engine.training.draws import Draws
from genmo_blender.engine.training.song_colour import FLATTENED, TIMBRE, coloured
from genmo_blender.sound import music

RHYTHM = [music.PEAK, music.BEAT, *range(music.CLOCK.start, music.CLOCK.stop)]


def drawn(seed=0):
    return Draws([torch.Generator().manual_seed(seed)], 400)


def test_sound_and_key_change_and_the_rhythm_does_not():
    features = torch.rand(400, 12, 35, generator=torch.Generator().manual_seed(1))
    present = torch.arange(12) < torch.tensor([12, 7]).repeat(200)[:, None]
    out = coloured(features, present, drawn())
    assert not out[~present].any()
    assert torch.equal(out[..., RHYTHM], features[..., RHYTHM] * present[..., None])
    added = (out - features)[0::2, :, music.MFCC.start : music.CLOCK.start]
    torch.testing.assert_close(added, added[:, :1].expand_as(added))
    assert abs(float(added[:, 0].std()) - TIMBRE) < 0.03
    louder = (out / features)[0::2, :, music.ONSET]
    torch.testing.assert_close(louder, louder[:, :1].expand_as(louder))
    assert 0.4 < float(louder[:, 0].log().std()) < 0.6


def test_the_chords_are_those_of_another_key_or_do_not_change():
    features = torch.rand(400, 12, 35, generator=torch.Generator().manual_seed(1))
    out = coloured(features, torch.ones(400, 12, dtype=torch.bool), drawn())
    before, after = features[..., music.CHROMA], out[..., music.CHROMA]
    held = (after == after[:, :1]).all(dim=(1, 2))
    assert abs(float(held.float().mean()) - FLATTENED) < 0.08
    shifts = torch.stack([(before.roll(-k, -1) == after).all(dim=(1, 2)) for k in range(12)])
    assert bool((shifts.sum(0) + held.long() == 1).all()) and bool(shifts.any(1).all())


def test_it_is_drawn_anew_and_the_same_for_the_same_draws():
    features, present = torch.rand(400, 4, 35), torch.ones(400, 4, dtype=torch.bool)
    first = coloured(features, present, drawn())
    assert torch.equal(first, coloured(features, present, drawn()))
    assert not torch.equal(first, coloured(features, present, drawn(1)))
