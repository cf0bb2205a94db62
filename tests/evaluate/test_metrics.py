# SPDX-License-Identifier: GPL-3.0-or-later
"""Every measure on a case whose answer is known beforehand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mld_engine.evaluate.metrics import animator, distribution, matching, reconstruction
from mld_engine.evaluate.metrics.interval import Interval

FPS = 30.0


def body(frames: int = 12, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(frames, 22, 3))


def value(metric, *arguments) -> float:
    metric.add(*arguments)
    return metric.value()


# Reconstruction


def test_joint_error_ignores_where_the_pelvis_is() -> None:
    joints = body()
    assert value(reconstruction.JointError(), joints + np.array([1.0, 2.0, 3.0]), joints) == pytest.approx(
        0.0, abs=1e-9
    )


def test_joint_error_is_the_mean_over_joints_and_frames_in_millimetres() -> None:
    joints = body()
    moved = joints.copy()
    moved[:, 5] += [0.0, 0.022, 0.0]
    moved[:6, 7] += [0.011, 0.0, 0.0]
    metric = reconstruction.JointError()
    metric.add(moved[:5], joints[:5])
    metric.add(moved[5:], joints[5:])
    assert metric.value() == pytest.approx(1000 * (0.022 + 0.011 / 2) / 22)


def test_aligned_error_ignores_a_similarity_transform_but_no_reflection() -> None:
    joints = body()
    turned = 1.3 * joints @ Rotation.from_euler("xyz", [0.4, -1.2, 2.0]).as_matrix().T + [0.5, -1.0, 2.0]
    assert value(reconstruction.AlignedJointError(), turned, joints) == pytest.approx(0.0, abs=1e-9)
    assert value(reconstruction.AlignedJointError(), joints * [-1.0, 1.0, 1.0], joints) > 100.0


def test_acceleration_error_sees_no_constant_speed() -> None:
    joints = body()
    time = np.arange(len(joints))[:, None, None]
    drifting = joints + 0.01 * time * np.ones((1, 22, 1)) * [0.0, 1.0, 0.0]
    assert value(reconstruction.AccelerationError(), drifting, joints) == pytest.approx(0.0, abs=1e-9)
    bent = joints.copy()
    bent[:, 4, 0] += 0.5 * 0.022 * np.arange(len(joints)) ** 2
    assert value(reconstruction.AccelerationError(), bent, joints) == pytest.approx(1.0)


# Sets of embeddings


def gaussian(mean: float, deviation: float, count: int, seed: int) -> np.ndarray:
    """Exactly of this mean and covariance deviation^2 I (sample covariance, n - 1)."""
    drawn = np.random.default_rng(seed).normal(size=(count, 4))
    drawn -= drawn.mean(0)
    drawn = drawn @ np.linalg.inv(np.linalg.cholesky(np.cov(drawn, rowvar=False))).T
    return deviation * drawn + mean


def test_frechet_distance_of_normal_sets() -> None:
    # |m1 - m2|^2 + tr(C1 + C2 - 2 sqrt(C1 C2)) = 4 * 0.5^2 + 4 * (2 - 1)^2
    first, second = gaussian(0.0, 1.0, 200, 1), gaussian(0.5, 2.0, 300, 2)
    assert distribution.frechet_distance(first, second) == pytest.approx(5.0)
    assert distribution.frechet_distance(first, first) == pytest.approx(0.0, abs=1e-6)


def test_frechet_distance_of_few_embeddings_is_finite() -> None:
    few = np.random.default_rng(0).normal(size=(3, 64))
    assert distribution.frechet_distance(few, few + 1.0) == pytest.approx(64.0, rel=1e-3)
    with pytest.raises(ValueError, match="two or more"):
        distribution.frechet_distance(few[:1], few)


def test_diversity_of_two_points_and_of_a_single_one() -> None:
    assert distribution.diversity(np.array([[0.0, 0.0], [3.0, 4.0]])) == pytest.approx(5.0)
    assert distribution.diversity(np.ones((50, 8))) == 0.0
    with pytest.raises(ValueError, match="fewer than two"):
        distribution.diversity(np.ones((1, 8)))


def test_multimodality_is_the_spread_within_a_caption_only() -> None:
    spread = np.array([[0.0, 0.0], [3.0, 4.0]])
    assert distribution.multimodality([spread, spread + 100.0]) == pytest.approx(5.0)
    assert distribution.multimodality([np.ones((4, 2)), 9 * np.ones((4, 2))]) == 0.0
    with pytest.raises(ValueError, match="one size"):
        distribution.multimodality([spread, np.ones((3, 2))])


# Words and motion


def test_retrieval_of_exact_matches() -> None:
    points = np.random.default_rng(0).normal(size=(70, 5))
    found = matching.retrieval(points, points + np.array([0.0, 0.0, 0.0, 0.0, 1e-3]))
    assert found.top == (1.0, 1.0, 1.0)
    assert found.distance == pytest.approx(1e-3)


def test_retrieval_ranks_by_distance() -> None:
    # On a line, each text stands at the next motion's place: its own is second, beside its right neighbour
    # (for the last one, which has no right neighbour, its own is the nearest).
    places = np.arange(32.0)[:, None]
    found = matching.retrieval(places + 0.7, places)
    assert found.top == (1 / 32, 1.0, 1.0)
    assert found.distance == pytest.approx(0.7)


def test_chance_level_of_retrieval() -> None:
    generator = np.random.default_rng(1)
    found = matching.retrieval(generator.normal(size=(6400, 8)), generator.normal(size=(6400, 8)))
    assert found.top == pytest.approx((1 / 32, 2 / 32, 3 / 32), abs=0.01)


def test_paraphrases_are_no_wrong_answers() -> None:
    meanings = np.repeat(np.arange(40), 3)
    text = meanings[:, None] * np.ones(4)
    # All three motions of a meaning stand at the same place: told apart by chance only, unless they are no rivals.
    motion = text + np.random.default_rng(2).normal(scale=1e-6, size=text.shape)
    assert matching.retrieval(text, motion).top[0] < 0.8
    assert matching.retrieval(text, motion, meanings=meanings).top == (1.0, 1.0, 1.0)
    with pytest.raises(ValueError, match="one group of 32"):
        matching.retrieval(text[:31], motion[:31])


def test_accuracy() -> None:
    assert matching.accuracy(np.array([1, 2, 3, 4]), np.array([1, 2, 0, 4])) == 0.75


def test_interval_of_twenty_repeats() -> None:
    assert Interval.of([1.0, 3.0] * 10) == pytest.approx((2.0, 1.96 / math.sqrt(20)))
    assert Interval.of([4.0]) == (4.0, 0.0)


# What an animator sees


def standing(frames: int = 40) -> np.ndarray:
    joints = np.full((frames, 22, 3), [0.0, 1.0, 0.0])
    joints[:, [7, 8], 1] = 0.08
    joints[:, [10, 11], 1] = 0.02
    return joints


def moving(joints: np.ndarray, speed: float) -> np.ndarray:
    path = np.zeros((len(joints), 1, 3))
    path[:, 0, 2] = speed * np.arange(len(joints)) / FPS
    return joints + path


@pytest.mark.parametrize("metric", [animator.FootSliding, animator.SkatingRatio, animator.Jitter, animator.RootDrift])
def test_standing_still_is_perfect(metric) -> None:
    assert value(metric(), standing(), FPS) == pytest.approx(0.0, abs=1e-9)


def test_gliding_feet_slide() -> None:
    assert value(animator.FootSliding(), moving(standing(), 0.6), FPS) == pytest.approx(0.6)
    assert value(animator.SkatingRatio(), moving(standing(), 0.6), FPS) == 1.0
    assert value(animator.SkatingRatio(), moving(standing(), 0.4), FPS) == 0.0


def test_a_lifted_foot_may_move() -> None:
    lifted = standing()
    lifted[:, [10, 11], 1] = 0.2
    assert value(animator.FootSliding(), moving(lifted, 2.0), FPS) == 0.0
    assert value(animator.SkatingRatio(), moving(lifted, 2.0), FPS) == 0.0


def test_jerk_of_a_cubic() -> None:
    joints = standing()
    joints[..., 0] += (2.0 * (np.arange(40) / FPS) ** 3)[:, None]
    assert value(animator.Jitter(), joints, FPS) == pytest.approx(12.0)


def test_penetration_and_float_are_of_the_lowest_foot() -> None:
    joints = standing()
    joints[:20, 10, 1] = -0.03
    joints[20:, [10, 11], 1] = 0.3
    assert value(animator.GroundPenetration(), joints, FPS) == pytest.approx(15.0)
    assert value(animator.GroundFloat(), joints, FPS) == pytest.approx(40.0)


def test_drift_and_seam() -> None:
    walked = moving(standing(31), 1.5)
    assert value(animator.RootDrift(), walked, FPS) == pytest.approx(1.5)
    assert value(animator.LoopSeam(), walked, FPS) == pytest.approx(0.0, abs=1e-9)
    walked[-1, 20] += [0.0, 0.22, 0.0]
    assert value(animator.LoopSeam(), walked, FPS) == pytest.approx(10.0)
