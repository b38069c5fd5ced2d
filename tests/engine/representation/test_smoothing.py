"""Zero-phase smoothing."""

import torch

from genmo_blender.engine.representation.smoothing import gaussian_smooth, gaussian_taps, moving_average


def test_the_taps_are_those_of_the_release():
    taps = gaussian_taps(3.0)
    assert taps.shape == (25,)
    torch.testing.assert_close(taps[12], torch.tensor(0.1329845385507837))
    torch.testing.assert_close(taps[0], torch.tensor(4.46113427726488e-05))
    torch.testing.assert_close(taps, taps.flip(0))


def test_what_does_not_change_stays():
    x = torch.full((2, 40, 3), 5.0)
    torch.testing.assert_close(gaussian_smooth(x), x)
    torch.testing.assert_close(moving_average(x), x)


def test_a_straight_line_stays_away_from_the_ends():
    line = torch.arange(60.0)[:, None]
    torch.testing.assert_close(gaussian_smooth(line)[12:-12], line[12:-12], atol=1e-4, rtol=0)
    torch.testing.assert_close(moving_average(line, 5)[2:-2], line[2:-2])


def test_clips_shorter_than_the_filter_are_fine():
    assert gaussian_smooth(torch.ones(1, 3)).shape == (1, 3)
