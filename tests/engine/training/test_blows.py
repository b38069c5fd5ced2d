"""Captions for punches that the data does not name (engine/training/blows.py)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from genmo_blender.engine.training.blows import SENTENCES, with_punches
from genmo_blender.engine.training.samples import Caption, Clip
from genmo_blender.motion import rotations

LEFT_SHOULDER, LEFT_ELBOW = 16, 18


def boxer(frames=90, struck=(30, 60)):
    """A left arm bent up beside the body that is straight ahead for a moment at each blow."""
    out = np.zeros(frames)
    for at in struck:
        out += np.exp(-(((np.arange(frames) - at) / 2.5) ** 2))
    q = np.zeros((frames, 22, 4))
    q[..., 0] = 1.0
    down = np.zeros((frames, 3))
    down[:, 2] = -np.pi / 2 * (1 - out)
    forward = np.zeros((frames, 3))
    forward[:, 1] = -np.pi / 2 * out
    q[:, LEFT_SHOULDER] = rotations.multiply(
        rotations.from_rotation_vector(forward), rotations.from_rotation_vector(down)
    )
    bent = np.zeros((frames, 3))
    bent[:, 1] = -2.3 * (1 - out)
    q[:, LEFT_ELBOW] = rotations.from_rotation_vector(bent)
    captions = (Caption("the person shadow boxes", 0, frames, "trial"),)
    return Clip(
        "boxer",
        q.astype(np.float32),
        np.tile([0, 0.9, 0], (frames, 1)).astype(np.float32),
        captions,
        (),
        "train",
        "test",
    )


def found(clip):
    return with_punches(clip).captions[len(clip.captions) :]


def test_every_blow_is_named_with_its_side_and_its_frames():
    captions = found(boxer())
    assert [c.text for c in captions] == [SENTENCES[0].format("left"), SENTENCES[1].format("left")]
    assert all(c.start < at <= c.end and c.kind == "motion" for c, at in zip(captions, (30, 60), strict=True))


def test_what_is_named_already_is_not_named_twice():
    clip = boxer()
    named = replace(clip, captions=(*clip.captions, Caption("someone throws a left punch", 20, 36, "motion")))
    assert len(found(named)) == 1 and found(named)[0].start > 36


def test_nobody_punches_where_no_word_speaks_of_it():
    clip = boxer()
    assert not found(replace(clip, captions=(Caption("a person throws something", 0, 90, "trial"),)))


def test_a_guard_alone_is_no_punch():
    assert not found(boxer(struck=()))
