"""Long motion is fitted a window at a time: windows join without a trace, and what one holds is no other's business."""

import numpy as np

from genmo_blender.motion.reducing.curves import ControlKeys
from genmo_blender.motion.reducing.measure import dense, figures
from genmo_blender.motion.reducing.reduce import WINDOW, Contacts, Reduced, reduce_keys
from tests.motion.reducing.motions import BODY, FPS, motion

FRAMES = 720
STANDING = (np.arange(FRAMES) // 50 % 2 == 0)[:, None]
"""Bars of 50 frames, some of which lie across seams."""


def reduced_of(seed: int, later: float = 1.0) -> tuple[Reduced, np.ndarray, np.ndarray]:
    """Thirty seconds, three windows; after the first 500 frames the body moves ``later`` times as wide."""
    q, path = motion(FRAMES, seed)
    more = np.where(np.arange(FRAMES) < 500, 1.0, later)[:, None, None]
    q = q * np.concatenate([np.ones_like(more), *[more] * 3], axis=-1)
    q /= np.linalg.norm(q, axis=-1, keepdims=True)
    return reduce_keys(BODY, q, path, FPS, Contacts((3,), STANDING)), q, path


def seams_of(keys: ControlKeys) -> list[int]:
    """Which keys lie at thirds of the motion."""
    edges = np.rint(np.linspace(0, FRAMES - 1, round(FRAMES / (WINDOW * FPS)) + 1))[1:-1]
    return [int(np.flatnonzero(keys.frames == edge)[0]) for edge in edges]


def test_the_promise_holds_across_seams() -> None:
    found, q, path = reduced_of(1)
    told = figures(BODY, q, path, FPS, Contacts((3,), STANDING), found)
    assert told.worst <= 5.002 and told.slide <= 0.11 and told.stance <= 0.31
    assert told.share < 0.25


def test_every_control_has_one_key_at_a_seam_with_the_dense_value_and_one_slope() -> None:
    found, q, _ = reduced_of(2)
    for j, keys in enumerate(found.bones):
        assert (np.diff(keys.frames) > 0).all()
        for k in seams_of(keys):
            assert np.array_equal(keys.values[k], q[int(keys.frames[k]), j].astype(np.float32))
            here = np.stack([np.full(4, keys.frames[k]), keys.values[k]], axis=-1).astype(float)
            before, after = here - keys.left[k], keys.right[k] - here
            assert np.allclose(before[:, 1] / before[:, 0], after[:, 1] / after[:, 0], atol=1e-4)
            # Each side's handle is as long as its own segment lets it be.
            for reach, gap in ((before, keys.frames[k] - keys.frames[k - 1]), (after, np.diff(keys.frames)[k])):
                assert (reach[:, 0] >= 0.0999 * gap).all() and (reach[:, 0] <= 0.5001 * gap).all()


def test_a_window_is_fitted_without_regard_to_the_others() -> None:
    one, two = reduced_of(3)[0], reduced_of(3, later=3.0)[0]
    early = np.linspace(0, 478, 900)
    for a, b in zip(dense(one, early), dense(two, early), strict=True):
        assert np.array_equal(a, b)
    assert not np.allclose(dense(one, np.array([600.0]))[0], dense(two, np.array([600.0]))[0])
