# SPDX-License-Identifier: GPL-3.0-or-later
"""Joint positions -> rotations of the SMPL body."""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor

from ..contract.skeleton import JOINT_COUNT, JOINT_NAMES, PARENTS
from ..errors import EngineError
from ..kinematics import forward_kinematics
from ..rotations import matrix_to_quaternion, multiply
from .analytic import world_rotations
from .bone_lengths import fit_bone_lengths
from .refine import refine

_PARENT_OF: Final = list(PARENTS[1:])
_SHORTEST_BONE: Final = 1e-4
"""Metres below which a bone has no direction."""


class Fit(NamedTuple):
    """A pose for every frame of joint positions, Y up, metres.

    rotations     (..., T, 22, 4) wxyz unit quaternions local to the parent, of continuous sign along T
    root          (..., T, 3) position of the pelvis
    offsets       (22, 3) rest offsets with the fitted bone lengths
    error_metres  (..., T) mean distance between the posed joints and the given ones
    """

    rotations: Tensor
    root: Tensor
    offsets: Tensor
    error_metres: Tensor


def fit_rotations(joints: Tensor, offsets: Tensor, *, fps: float, refine_steps: int = 2) -> Fit:
    """Rotations with which the body stands where the joints are.

    joints        (T, 22, 3) or (B, T, 22, 3) in metres, Y up; the clips of a batch share one body
    offsets       (22, 3) rest offsets of the body to be posed, whose bones take the observed lengths
    fps           frames a second of the joints
    refine_steps  Gauss-Newton steps over the whole clip after the closed form; 0 leaves them out

    Computes in the dtype of the joints, float32 at least, on their device. Directions of bones follow
    the joints; how a bone is turned about itself shows only through hinges and pieces with several
    children, and is a neutral guess for forearms, head, hands and toes.
    Raises EngineError for joints that are not finite or lie on their parent, ValueError for wrong shapes.
    """
    _check(joints, offsets, fps)
    joints = joints.to(torch.promote_types(joints.dtype, torch.float32))
    fitted = fit_bone_lengths(joints, offsets.to(joints))
    _check_bones(fitted)
    world, root = world_rotations(joints, fitted, fps), joints[..., 0, :]
    if refine_steps:
        clips = joints.reshape(-1, *joints.shape[-3:])
        world, root = refine(
            clips, world.view(*clips.shape, 3), root.reshape(*clips.shape[:2], 3), fitted, fps, refine_steps
        )
        world, root = world.view(*joints.shape, 3), root.view(*joints.shape[:-2], 3)
    local = local_rotations(world)
    _, posed = forward_kinematics(local, root, fitted)
    error = (posed - joints).norm(dim=-1).mean(-1)
    return Fit(continuous_quaternions(local), root, fitted, error)


def local_rotations(world: Tensor) -> Tensor:
    """World rotations (..., 22, 3, 3) -> rotations relative to the parent."""
    below = multiply(world[..., _PARENT_OF, :, :].transpose(-1, -2), world[..., 1:, :, :])
    return torch.cat([world[..., :1, :, :], below], -3)


def continuous_quaternions(matrices: Tensor) -> Tensor:
    """(..., T, 22, 3, 3) -> (..., T, 22, 4) wxyz of which neighbours in time lie in one hemisphere."""
    quaternions = matrix_to_quaternion(matrices)
    dots = (quaternions[..., 1:, :, :] * quaternions[..., :-1, :, :]).sum(-1, keepdim=True)
    signs = torch.where(dots < 0, -1.0, 1.0).to(quaternions).cumprod(-3)
    return torch.cat([quaternions[..., :1, :, :], signs * quaternions[..., 1:, :, :]], -3)


def _check(joints: Tensor, offsets: Tensor, fps: float) -> None:
    if joints.dim() not in (3, 4) or joints.shape[-2:] != (JOINT_COUNT, 3) or 0 in joints.shape:
        raise ValueError(f"joint positions are {tuple(joints.shape)}; need (T, 22, 3) or (B, T, 22, 3)")
    if offsets.shape != (JOINT_COUNT, 3):
        raise ValueError(f"rest offsets are {tuple(offsets.shape)}; need (22, 3)")
    if not fps > 0:
        raise ValueError(f"fps is {fps}; need a positive frame rate")
    if not bool(torch.isfinite(joints).all()):
        raise EngineError(
            "bad_joints",
            "Some joint positions are not finite numbers.",
            "Fill in or cut out the frames that lack joints.",
        )


def _check_bones(offsets: Tensor) -> None:
    short = [JOINT_NAMES[j] for j in range(1, JOINT_COUNT) if float(offsets[j].norm()) < _SHORTEST_BONE]
    if short:
        raise EngineError(
            "bad_joints",
            f"These joints lie on their parent joint: {', '.join(short)}.",
            "Give positions of all 22 joints in metres.",
        )
