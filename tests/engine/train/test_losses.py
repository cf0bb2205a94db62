# SPDX-License-Identifier: GPL-3.0-or-later
"""The VAE's loss terms and the denoiser's weights on cases whose answers are known."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from mld_engine.contract.skeleton import REST_OFFSETS
from mld_engine.diffusion.prediction import add_noise, estimate, target
from mld_engine.kinematics import forward_kinematics
from mld_engine.representations.base import Statistics
from mld_engine.representations.smpl203 import Smpl203
from mld_engine.rotations import quaternion_to_matrix
from mld_engine.train.config import load_values, parse
from mld_engine.train.denoiser_stage import step_weights
from mld_engine.train.feature_groups import SMPL203
from mld_engine.train.geometry import decoded_geometry, stored_geometry, world_change
from mld_engine.train.losses import VaeLoss, energy_ratio, foot_terms, kl_divergence
from mld_engine.train.motions import Motions

FPS = 30.0
OFFSETS = torch.tensor(REST_OFFSETS)


def _loss(**changes: float) -> VaeLoss:
    weights = replace(parse(load_values()).losses, **changes)
    return VaeLoss(weights, SMPL203, Statistics(torch.zeros(203), torch.ones(203)), OFFSETS, FPS)


def _clip(motions: Motions, number: int = 0) -> Tensor:
    """(1, T, 203) in physical units."""
    return motions.statistics.denormalize(motions.clip(number, 300))[None]


def _terms(loss: VaeLoss, real: Tensor, made: Tensor, energy: bool = True) -> dict[str, float]:
    zero = torch.zeros(1, 2, 4)
    return dict(zip(loss.names, loss(real, made, zero, zero, energy).tolist(), strict=True))


def test_geometry_agrees_with_forward_kinematics_in_the_world(motions: Motions) -> None:
    features = _clip(motions)
    motion = Smpl203(FPS).to_motion(features)
    _, world = forward_kinematics(quaternion_to_matrix(motion.rotations), motion.root, OFFSETS)
    for geometry in (decoded_geometry(features, OFFSETS), stored_geometry(features)):
        # Rotating about Y changes neither heights nor lengths.
        torch.testing.assert_close(geometry.joints[..., 1], world[..., 1], atol=1e-4, rtol=0)
        step = world[:, 1:] - world[:, :-1]
        torch.testing.assert_close(geometry.velocity.norm(dim=-1), step.norm(dim=-1), atol=1e-4, rtol=0)
        change = world_change(geometry.velocity, features)
        expected = (step[:, 1:] - step[:, :-1]).norm(dim=-1)
        torch.testing.assert_close(change.norm(dim=-1), expected, atol=1e-4, rtol=0)


def test_a_perfect_decoder_costs_nothing_but_sliding_that_is_in_the_data(motions: Motions) -> None:
    features = _clip(motions)
    terms = _terms(_loss(), features, features)
    for name in ("features", "joints", "joint_velocity", "foot_height", "path", "energy", "kl"):
        assert terms[name] == pytest.approx(0, abs=2e-4), name
    assert terms["joint_acceleration"] == pytest.approx(0, abs=0.05)
    real = stored_geometry(features)
    assert terms["foot_velocity"] == pytest.approx(float(foot_terms(real, real, FPS)["foot_velocity"]), abs=1e-3)


def test_a_body_that_floats_ten_centimetres_is_that_far_off(motions: Motions) -> None:
    real = _clip(motions, 1)  # waves, its feet on the ground
    made = real.clone()
    made[..., 3] += 0.1
    terms = _terms(_loss(), real, made)
    assert terms["joints"] == pytest.approx(0.1 / 3, abs=1e-4)
    assert terms["foot_height"] == pytest.approx(0.1, abs=1e-4)
    assert terms["joint_velocity"] == pytest.approx(0, abs=1e-4)
    # Smooth L1 with its knee at 0.5, on one feature of weight 0.1.
    assert terms["features"] == pytest.approx(0.1 * 0.5 * 0.1**2 / 0.5, rel=1e-4)


def test_a_standing_body_that_is_pushed_slides_at_that_speed() -> None:
    standing = torch.zeros(1, 20, 203)
    standing[..., 3] = 0.9
    standing[..., 4:136] = torch.tensor([1.0, 0, 0, 0, 1, 0]).repeat(22)
    joints = decoded_geometry(standing, OFFSETS).joints
    standing[..., 136:199] = joints[..., 1:, :].flatten(-2)
    standing[..., 199:203] = 1.0
    pushed = standing.clone()
    pushed[..., 2] = 0.5 / FPS
    terms = _terms(_loss(), standing, pushed)
    assert terms["foot_velocity"] == pytest.approx(0.5, rel=1e-3)
    assert terms["contact_consistency"] == pytest.approx(0.5, rel=1e-3)
    assert terms["joint_velocity"] == pytest.approx(0.5 / 3, rel=1e-3)
    assert terms["joint_acceleration"] == pytest.approx(0, abs=1e-3)
    pushed[..., 199:203] = 0.0
    assert _terms(_loss(), standing, pushed)["contact_consistency"] == 0


def test_turning_faster_is_seen_in_the_heading_of_the_path(motions: Motions) -> None:
    real = _clip(motions)
    made = real.clone()
    made[..., 0] += 0.01
    terms, same = _terms(_loss(), real, made), _terms(_loss(), real, real)
    assert terms["path"] > 0.05 > same["path"]


def test_energy_is_the_log_ratio_of_jerk_and_only_counts_where_asked_for(motions: Motions) -> None:
    generator = torch.Generator().manual_seed(0)
    real = torch.randn(2, 50, 22, 3, generator=generator) * 1e5
    assert float(energy_ratio(real / 2, real)) == pytest.approx(math.log(2), abs=1e-3)
    assert float(energy_ratio(real * 2, real)) == pytest.approx(math.log(2), abs=1e-3)
    features = _clip(motions)
    smooth = features.clone()
    smooth[..., 4:136] = features[:, :1, 4:136]
    with_energy, without = (_terms(_loss(), features, smooth, energy) for energy in (True, False))
    assert without["energy"] == 0 < with_energy["energy"]
    weight = parse(load_values()).losses.energy
    assert with_energy["loss"] - without["loss"] == pytest.approx(weight * with_energy["energy"], rel=1e-3)


def test_terms_of_weight_zero_are_left_out(motions: Motions) -> None:
    loss = _loss(foot_velocity=0.0, energy=0.0)
    assert {"foot_velocity", "energy"}.isdisjoint(loss.names)
    features = _clip(motions)
    made = features + 0.05
    full = _terms(loss, features, made)
    weights = parse(load_values()).losses
    parts = sum(getattr(weights, name) * full[name] for name in loss.geometric)
    assert full["loss"] == pytest.approx(full["features"] + parts + weights.kl * full["kl"], rel=1e-5)


def test_kl_of_known_normal_distributions() -> None:
    assert float(kl_divergence(torch.zeros(3), torch.zeros(3))) == 0
    mean, variance = torch.tensor([2.0]), torch.tensor([0.25])
    expected = 0.5 * (4 + 0.25 - 1 - math.log(0.25))
    assert float(kl_divergence(mean, variance.log())) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("prediction", ["eps", "x0", "v"])
def test_min_snr_weighs_the_clean_error_alike_for_every_prediction(prediction: str) -> None:
    alpha_bars = torch.tensor([0.999, 0.9, 0.5, 0.1, 0.005], dtype=torch.float64)
    weights = step_weights(prediction, alpha_bars, 5.0)  # type: ignore[arg-type]
    assert torch.equal(step_weights(prediction, alpha_bars, 0.0), torch.ones(5, dtype=torch.float64))  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(0)
    clean, noise, wrong = (torch.randn(5, 8, generator=generator, dtype=torch.float64) for _ in range(3))
    level = alpha_bars[:, None]
    noisy = add_noise(clean, noise, level)
    wanted = target(prediction, clean, noise, level)  # type: ignore[arg-type]
    output = wanted + 0.01 * wrong
    error_of_clean = (estimate(prediction, output, noisy, level).clean - clean).square().mean(1)  # type: ignore[arg-type]
    snr = alpha_bars / (1 - alpha_bars)
    torch.testing.assert_close(weights * (output - wanted).square().mean(1), snr.clamp_max(5) * error_of_clean)
