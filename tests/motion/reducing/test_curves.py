"""Bézier keys: evaluated as Blender does, and the derivatives that the fit goes by."""

import numpy as np

from genmo_blender.motion.reducing.curves import ControlKeys, control_keys, evaluate
from genmo_blender.motion.reducing.hermite import THIRD, Basis
from genmo_blender.motion.reducing.solve import Step
from genmo_blender.motion.reducing.spread import Spread
from genmo_blender.motion.reducing.target import Target, pose_of
from tests.motion.reducing.motions import BODY, motion


def keys_with(lengths: float) -> ControlKeys:
    frames = np.array([0, 4, 10])
    values, slopes = np.array([[0.0], [1.0], [-1.0]]), np.array([[0.5], [0.0], [-0.2]])
    shares = np.full((3, 1), lengths)
    return control_keys(frames, values, slopes, (shares, shares), np.array([True, False, True]), np.array([True]))


def test_handles_at_thirds_are_a_cubic_in_time() -> None:
    found = evaluate(keys_with(THIRD), np.linspace(0, 4, 9))[:, 0]
    u = np.linspace(0, 1, 9)
    cubic = 4 * 0.5 * u * (1 - u) ** 2 + u * u * (3 - 2 * u)
    assert np.allclose(found, cubic, atol=1e-6)


def test_values_are_held_outside_and_met_at_keys() -> None:
    assert np.allclose(evaluate(keys_with(0.45), np.array([-5, 0, 4, 10, 99]))[:, 0], [0, 0, 1, -1, -1])


def test_a_handle_past_the_next_key_is_shortened() -> None:
    keys = keys_with(THIRD)
    far = keys.right.copy()
    far[0] = [[8.0, 4.0]]
    within = keys.right.copy()
    within[0] = [[4.0, 2.0]]
    times = np.linspace(0, 4, 7)
    long, short = (
        evaluate(ControlKeys(keys.frames, keys.values, keys.left, right, keys.types, keys.changes), times)
        for right in (far, within)
    )
    assert np.allclose(long, short)


def test_types_say_what_a_key_is_for() -> None:
    assert keys_with(THIRD).types == ("KEYFRAME", "EXTREME", "KEYFRAME")


def basis_and_coefficients() -> tuple[Basis, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(0)
    times = [np.unique([0, 29, *rng.integers(1, 29, 5)]) for _ in range(7)]
    basis = Basis(30, times)
    coefficients = rng.normal(0, 0.1, (len(basis.all_times), 4, 4))
    coefficients[:, 2:] = rng.uniform(0.2, 0.5, coefficients[:, 2:].shape)
    return basis, coefficients, rng


def test_the_fit_evaluates_as_blender_does() -> None:
    basis, c, _ = basis_and_coefficients()
    curves = basis.linear(c)[0]
    rows = slice(basis.first[1], basis.first[1] + basis.count[1])
    kept = np.zeros(basis.count[1], dtype=bool)
    keys = control_keys(basis.times[1], c[rows, 0], c[rows, 1], (c[rows, 2], c[rows, 3]), kept, np.ones(4, bool))
    assert np.allclose(evaluate(keys, np.arange(30)), curves[1], atol=1e-6)


def test_derivatives_of_curves() -> None:
    basis, c, rng = basis_and_coefficients()
    change = rng.normal(size=c.shape)
    spread = Spread(basis, basis.linear(c)[1], np.float64)
    steep = (basis.linear(c + 1e-6 * change)[0] - basis.linear(c - 1e-6 * change)[0]) / 2e-6
    small = np.moveaxis(change, 0, -1)
    assert np.allclose(spread.apply(small), np.moveaxis(steep, -1, 0), atol=1e-5)
    pull = rng.normal(size=spread.apply(small).shape)
    assert np.isclose(np.vdot(pull, spread.apply(small)), np.vdot(spread.gather(pull), small))


def test_a_step_brings_the_body_nearer() -> None:
    q, path = motion(30, 1)
    curves = np.concatenate([np.moveaxis(q, 1, 0), np.pad(path, ((0, 0), (0, 1)))[None]])
    target = Target(
        BODY, curves, np.gradient(curves, axis=1), pose_of(BODY, curves), np.array([3]), np.ones((1, 30), bool), (0, 2)
    )
    basis = Basis(30, [np.unique([0, 7, 14, 21, 29])] * 7)
    before = Step(target, basis, basis.sampled(curves, target.slopes))
    weights, hold = np.full((len(BODY.points), 30), 1e6), np.full((1, 29), 1e6)
    free = np.zeros((*before.coefficients.shape,), dtype=bool)
    after = Step(target, basis, before.solve(weights, hold, free, 40))
    assert (after.errors() ** 2).sum() < 0.5 * (before.errors() ** 2).sum()
