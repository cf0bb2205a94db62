# SPDX-License-Identifier: GPL-3.0-or-later
"""Joint positions back to rotations: poses with known answers."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from mld_engine.contract.skeleton import JOINT_INDEX, MIRRORED_JOINTS, REST_OFFSETS
from mld_engine.errors import EngineError
from mld_engine.ik import Fit, fit_rotations
from mld_engine.ik.speed import swinging_body
from mld_engine.ik.twist import smooth_along_time
from mld_engine.kinematics import forward_kinematics
from mld_engine.rotations import (
    matrix_to_quaternion,
    multiply,
    quaternion_to_matrix,
    quaternion_to_rotation_vector,
    rotation_vector_to_quaternion,
)

OFFSETS = torch.from_numpy(REST_OFFSETS)
FPS = 30.0
X, Y, Z = torch.eye(3)


def along(joint: str) -> Tensor:
    """Unit rest direction of the bone that ends in the joint."""
    offset = OFFSETS[JOINT_INDEX[joint]]
    return offset / offset.norm()


def matrix(axis: Tensor, degrees: Tensor | float) -> Tensor:
    """Rotations (..., 3, 3) by degrees (...) about a unit axis (3,)."""
    angles = torch.deg2rad(torch.as_tensor(degrees, dtype=torch.float32))
    return quaternion_to_matrix(rotation_vector_to_quaternion(angles[..., None] * axis))


def clip(poses: Mapping[str, Tensor], frames: int = 40) -> Tensor:
    """Local rotations (frames, 22, 3, 3): the T-pose but for these joints, each (3, 3) or (frames, 3, 3)."""
    local = torch.eye(3).repeat(frames, 22, 1, 1)
    for joint, rotations in poses.items():
        local[:, JOINT_INDEX[joint]] = rotations
    return local


def positions(local: Tensor, offsets: Tensor = OFFSETS) -> Tensor:
    root = torch.tensor([0.3, 0.95, -0.2]).expand(len(local), 3)
    return forward_kinematics(local, root, offsets)[1]


def posed(fit: Fit) -> tuple[Tensor, Tensor]:
    """World rotations and positions of the fitted body."""
    return forward_kinematics(quaternion_to_matrix(fit.rotations), fit.root, fit.offsets)


def degrees_between(first: Tensor, second: Tensor) -> Tensor:
    turn = matrix_to_quaternion(multiply(first.transpose(-1, -2), second))
    return torch.rad2deg(quaternion_to_rotation_vector(turn).norm(dim=-1))


def error_of(joint: str, local: Tensor, fit: Fit) -> Tensor:
    """Degrees (T,) between true and fitted world rotation of a joint."""
    truth = forward_kinematics(local, torch.zeros(len(local), 3), OFFSETS)[0]
    return degrees_between(truth, posed(fit)[0])[:, JOINT_INDEX[joint]]


def largest_step(fit: Fit) -> float:
    """Degrees that a joint turns at most from frame to frame."""
    local = quaternion_to_matrix(fit.rotations)
    return float(degrees_between(local[1:], local[:-1]).max())


def test_t_pose_is_the_identity() -> None:
    fit = fit_rotations(positions(clip({})), OFFSETS, fps=FPS)
    assert float(degrees_between(quaternion_to_matrix(fit.rotations), torch.eye(3)).max()) < 1.0
    assert float(fit.error_metres.max()) < 1e-5
    assert torch.allclose(fit.root, torch.tensor([0.3, 0.95, -0.2]).expand(40, 3), atol=1e-5)
    assert torch.allclose(fit.offsets, OFFSETS, atol=1e-5)


@pytest.mark.parametrize(
    ("upper", "lower", "hinge"),
    [
        ("left_shoulder", "left_elbow", -Y),
        ("right_shoulder", "right_elbow", Y),
        ("left_hip", "left_knee", X),
        ("right_hip", "right_knee", X),
    ],
)
@pytest.mark.parametrize("twist", [-50.0, 40.0])
def test_bent_limb_shows_its_twist(upper: str, lower: str, hinge: Tensor, twist: float) -> None:
    bone = along(lower)
    axis = hinge - (hinge @ bone) * bone
    axis = axis / axis.norm()
    swing = matrix(Z, 25.0) @ matrix(X, -20.0)
    local = clip({"pelvis": matrix(Y, 30.0), upper: swing @ matrix(bone, twist), lower: matrix(axis, 90.0)})
    fit = fit_rotations(positions(local), OFFSETS, fps=FPS)
    assert float(error_of(upper, local, fit).max()) < 0.5
    assert float(error_of(lower, local, fit).max()) < 3.0
    assert float(fit.error_metres.max()) < 1e-4


def test_straight_arm_keeps_the_twist_that_the_bent_one_showed() -> None:
    frames = 45
    bend = torch.full((frames,), 70.0)
    bend[15:30] = 0.0
    hinge = -Y + (Y @ along("left_elbow")) * along("left_elbow")
    upper = matrix(Z, -60.0) @ matrix(along("left_elbow"), 55.0)
    local = clip({"left_shoulder": upper, "left_elbow": matrix(hinge / hinge.norm(), bend)}, frames)
    fit = fit_rotations(positions(local), OFFSETS, fps=FPS)
    # The rest forearm leaves the plane of the hinge by 6 degrees, which is about what the twist is off by. Without
    # what the frames around it show, the straight arm's twist would be guessed as 0.
    assert float(error_of("left_shoulder", local, fit).max()) < 10.0
    assert float(error_of("left_elbow", local, fit).max()) < 15.0


def test_straight_limbs_that_stretch_beyond_straight_do_not_flip() -> None:
    frames = 60
    generator = torch.Generator().manual_seed(3)
    poses = {}
    for side in ("left", "right"):
        poses[f"{side}_knee"] = matrix(X, 4.0 * torch.randn(frames, generator=generator) + 4.0)
        poses[f"{side}_elbow"] = matrix(Y, 4.0 * torch.randn(frames, generator=generator))
    local = clip(poses, frames)
    fit = fit_rotations(positions(local), OFFSETS, fps=FPS, refine_steps=0)
    truth = degrees_between(local[1:], local[:-1])
    fitted = quaternion_to_matrix(fit.rotations)
    assert float((degrees_between(fitted[1:], fitted[:-1]) - truth).max()) < 12.0
    for joint in ("left_hip", "right_hip", "left_shoulder", "right_shoulder"):
        assert float(error_of(joint, local, fit).max()) < 35.0


@pytest.mark.parametrize(
    ("arm", "pit"),
    [(-Y, Z), (Y, -X), (Z, (Y - X) / math.sqrt(2.0)), (along("left_elbow"), Z)],
    ids=["hanging", "raised", "forward", "sideways"],
)
def test_pit_of_a_straight_elbow_faces_as_people_hold_it(arm: Tensor, pit: Tensor) -> None:
    """The left arm; the right one is its mirror image."""
    axis = torch.linalg.cross(along("left_elbow"), arm)
    turn = torch.rad2deg(torch.atan2(axis.norm(), along("left_elbow") @ arm))
    swing = matrix(axis / axis.norm().clamp_min(1e-6), turn)
    mirror = torch.diag(torch.tensor([-1.0, 1.0, 1.0]))
    fit = fit_rotations(
        positions(clip({"left_shoulder": swing, "right_shoulder": mirror @ swing @ mirror})), OFFSETS, fps=FPS
    )
    world = posed(fit)[0]
    facing = world[0, JOINT_INDEX["left_shoulder"]] @ Z
    assert float(torch.rad2deg(torch.acos((facing @ pit).clamp(-1.0, 1.0)))) < 20.0
    mirrored = mirror @ world[:, JOINT_INDEX["left_shoulder"]] @ mirror
    assert float(degrees_between(mirrored, world[:, JOINT_INDEX["right_shoulder"]]).max()) < 0.1


def test_knees_that_keep_the_sideways_angle_of_the_rest_pose() -> None:
    """SMPL's own bodies bend about +X with shins that lean inwards; in their limb's plane thighs would seem twisted."""
    phase = torch.linspace(0.0, 4.0 * torch.pi, 90)
    poses = {"left_hip": matrix(X, 20.0 * phase.sin() - 15.0), "right_hip": matrix(X, -20.0 * phase.sin() - 15.0)}
    poses |= {"left_knee": matrix(X, 30.0 + 20.0 * phase.cos()), "right_knee": matrix(X, 30.0 - 20.0 * phase.cos())}
    local = clip(poses, 90)
    fit = fit_rotations(positions(local), OFFSETS, fps=FPS)
    for joint in ("left_hip", "right_hip", "left_knee", "right_knee"):
        assert float(error_of(joint, local, fit).mean()) < 3.0


def test_turning_around_twice_neither_flips_nor_changes_sign() -> None:
    frames = 120
    yaw = torch.linspace(0.0, 720.0, frames)
    local = clip({"pelvis": matrix(Y, yaw), "left_elbow": matrix(-Y, 60.0)}, frames)
    fit = fit_rotations(positions(local), OFFSETS, fps=FPS)
    assert largest_step(fit) < 7.0
    assert float((fit.rotations[1:] * fit.rotations[:-1]).sum(-1).min()) > 0.99
    assert float(error_of("pelvis", local, fit).max()) < 0.5


def test_arm_that_passes_the_side_opposite_to_its_rest_does_not_spin() -> None:
    """The left arm swings across the body through the direction of the right arm, where a swing has no axis."""
    frames = 61
    sweep = matrix(torch.tensor([0.0, 1.0, 0.04]), torch.linspace(-120.0, -240.0, frames))
    hinge = -Y + (Y @ along("left_elbow")) * along("left_elbow")
    bend = matrix(hinge / hinge.norm(), torch.linspace(40.0, 2.0, frames))
    local = clip({"left_shoulder": sweep, "left_elbow": bend}, frames)
    fit = fit_rotations(positions(local), OFFSETS, fps=FPS)
    assert largest_step(fit) < 6.0


def test_body_of_other_build_gets_its_own_bone_lengths() -> None:
    generator = torch.Generator().manual_seed(1)
    sides = torch.rand(22, 1, generator=generator)
    body = 1.3 * OFFSETS * (0.85 + 0.15 * (sides + sides[list(MIRRORED_JOINTS)]))
    joints = forward_kinematics(_moving(90), torch.zeros(90, 3), body)[1]
    fit = fit_rotations(joints, OFFSETS, fps=FPS)
    assert torch.allclose(fit.offsets, body, atol=1e-3)
    assert float(fit.error_metres.mean()) < 1.5e-3


def test_hips_of_other_shape_are_followed() -> None:
    """The hips of a body may be wider for their depth than at rest; a rigid piece shows its shape."""
    body = OFFSETS.clone()
    body[[1, 2], 0] *= 1.4
    joints = forward_kinematics(_moving(90), torch.zeros(90, 3), body)[1]
    fit = fit_rotations(joints, OFFSETS, fps=FPS)
    assert float((fit.offsets - body)[[1, 2]].norm(dim=-1).max()) < 0.02
    assert float(fit.error_metres.mean()) < 1.5e-3


def test_refining_calms_noise() -> None:
    truth = forward_kinematics(_moving(90), torch.zeros(90, 3), OFFSETS)[1]
    noisy = truth + 0.004 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(2))
    errors, steps = [], []
    for refine_steps in (0, 2):
        fit = fit_rotations(noisy, OFFSETS, fps=FPS, refine_steps=refine_steps)
        errors.append(float((posed(fit)[1] - truth).norm(dim=-1).mean()))
        steps.append(largest_step(fit))
    assert errors[1] < 0.6 * errors[0]
    assert errors[1] < 0.005
    assert steps[1] < 0.5 * steps[0]


def test_posed_joints_are_as_far_off_as_the_fit_says() -> None:
    joints = swinging_body(50, FPS)
    joints = joints + 0.01 * torch.randn(joints.shape, generator=torch.Generator().manual_seed(4))
    fit = fit_rotations(joints, OFFSETS, fps=FPS)
    assert torch.allclose(fit.error_metres, (posed(fit)[1] - joints).norm(dim=-1).mean(-1), atol=1e-6)
    assert torch.allclose(fit.rotations.norm(dim=-1), torch.ones(50, 22), atol=1e-5)


def test_batch_is_its_clips() -> None:
    joints = swinging_body(80, FPS)
    clips = torch.stack([joints[:40], joints[40:]])
    batch = fit_rotations(clips, OFFSETS, fps=FPS)
    assert batch.rotations.shape == (2, 40, 22, 4)
    assert batch.root.shape == (2, 40, 3)
    assert batch.error_metres.shape == (2, 40)
    for index in range(2):
        single = fit_rotations(clips[index], OFFSETS, fps=FPS)
        same = quaternion_to_matrix(batch.rotations[index]), quaternion_to_matrix(single.rotations)
        # One body serves both clips, and the bones of this one are rigid: what is left is rounding.
        assert float(degrees_between(*same).max()) < 0.1


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_few_frames(frames: int) -> None:
    fit = fit_rotations(swinging_body(frames, FPS), OFFSETS, fps=FPS)
    assert fit.rotations.shape == (frames, 22, 4)
    assert float(fit.error_metres.max()) < 1e-3


@pytest.mark.parametrize(
    ("given", "computed"),
    [(torch.float64, torch.float64), (torch.float32, torch.float32), (torch.float16, torch.float32)],
)
def test_dtypes(given: torch.dtype, computed: torch.dtype) -> None:
    fit = fit_rotations(swinging_body(20, FPS).to(given), OFFSETS, fps=FPS)
    assert {part.dtype for part in fit} == {computed}
    assert float(fit.error_metres.max()) < 3e-3


def test_nonsense_gives_finite_rotations() -> None:
    """Untrained networks put joints anywhere."""
    joints = torch.randn(30, 22, 3, generator=torch.Generator().manual_seed(5))
    fit = fit_rotations(joints, OFFSETS, fps=FPS)
    assert all(bool(torch.isfinite(part).all()) for part in fit)
    assert torch.allclose(fit.rotations.norm(dim=-1), torch.ones(30, 22), atol=1e-5)


def test_refuses_what_it_cannot_fit() -> None:
    joints = swinging_body(10, FPS)
    holed = joints.clone()
    holed[4, 7, 1] = math.nan
    with pytest.raises(EngineError, match="not finite") as caught:
        fit_rotations(holed, OFFSETS, fps=FPS)
    assert caught.value.code == "bad_joints"
    fallen = joints.clone()
    fallen[:, JOINT_INDEX["left_wrist"]] = fallen[:, JOINT_INDEX["left_elbow"]]
    with pytest.raises(EngineError, match="left_wrist"):
        fit_rotations(fallen, OFFSETS, fps=FPS)
    for bad in (joints[:, :21], joints[0], joints[:0], joints[None, None]):
        with pytest.raises(ValueError, match="joint positions"):
            fit_rotations(bad, OFFSETS, fps=FPS)
    with pytest.raises(ValueError, match="offsets"):
        fit_rotations(joints, OFFSETS[:21], fps=FPS)
    with pytest.raises(ValueError, match="fps"):
        fit_rotations(joints, OFFSETS, fps=0.0)


@pytest.mark.parametrize("frames", [1, 2, 7, 64, 100])
def test_smoothing_solves_its_equations(frames: int) -> None:
    generator = torch.Generator().manual_seed(frames)
    data = torch.randn(2, 3, frames, generator=generator, dtype=torch.float64)
    weight = 0.01 + torch.rand(3, frames, generator=generator, dtype=torch.float64)
    differences = torch.eye(frames, dtype=torch.float64).diff(dim=0)
    matrices = torch.diag_embed(weight) + 25.0 * differences.T @ differences
    expected = torch.linalg.solve(matrices, data[..., None])[..., 0]
    assert torch.allclose(smooth_along_time(data, weight, 25.0), expected, atol=1e-9)


def test_a_thousand_frames_a_second() -> None:
    joints = swinging_body(200, 20.0)
    fit_rotations(joints, OFFSETS, fps=20.0)
    costs = []
    for _ in range(3):
        started = time.process_time()
        fit_rotations(joints, OFFSETS, fps=20.0)
        costs.append(time.process_time() - started)
    # Of the processor's time, on all cores together: other work on the machine does not count.
    assert len(joints) / min(costs) > 1000.0


def _moving(frames: int) -> Tensor:
    """Local rotations (frames, 22, 3, 3) of a body that walks on the spot, arms and knees bent."""
    phase = torch.linspace(0.0, 4.0 * torch.pi, frames)
    swing = 30.0 * phase.sin()
    poses = {"pelvis": matrix(Y, 10.0 * phase.cos()), "spine2": matrix(X, 5.0 + 5.0 * phase.sin())}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        poses[f"{side}_hip"] = matrix(X, sign * swing - 15.0)
        poses[f"{side}_knee"] = matrix(X, 40.0 + 25.0 * (phase + sign).cos())
        poses[f"{side}_ankle"] = matrix(X, -10.0 * phase.sin())
        poses[f"{side}_shoulder"] = matrix(Z, -60.0 * sign) @ matrix(Y, 15.0 * phase.sin())
        poses[f"{side}_elbow"] = matrix(-sign * Y, 50.0 + 20.0 * phase.cos())
    return clip(poses, frames)
