# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole clip at once: joints onto their observed positions, rotations without jerks.

A few Gauss-Newton steps on the world rotation of every bone. World rotations, because turning one bone
then shifts the bones below it without turning them. Each step solves its normal equations by conjugate
gradients on all frames together, as the smoothness term ties every frame to its neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..contract.skeleton import JOINT_COUNT, PARENTS
from ..rotations import (
    matrix_to_quaternion,
    multiply,
    quaternion_to_matrix,
    quaternion_to_rotation_vector,
    rotate,
    rotation_vector_to_quaternion,
)

_CUTOFF_HERTZ: Final = 8.0
_CUTOFF_LENGTH: Final = 0.25
"""A bone of this length in metres follows motion up to the cutoff; shorter ones, whose direction the same
error of position disturbs more, follow up to less."""
_SOLVER_ITERATIONS: Final = 8
_PARENT_OF: Final = list(PARENTS[1:])
_CARRIERS: Final = sorted(set(_PARENT_OF))
"""The 17 joints with children: their rotations move joints. The pelvis position and they are what is solved for."""
_CARRIER_OF: Final = [_CARRIERS.index(parent) for parent in _PARENT_OF]
"""Row among the carriers of the one that carries joint 1, 2, ... 21."""
_TURNED_BY: Final = [_CARRIERS.index(joint if joint in _CARRIERS else PARENTS[joint]) for joint in range(JOINT_COUNT)]
"""Row among the carriers of the one with which each of the 22 joints turns."""


def _below() -> Tensor:
    """(22, 22): 1 where the row's joint hangs on the column's joint or is it."""
    matrix = torch.eye(JOINT_COUNT)
    for joint in range(1, JOINT_COUNT):
        matrix[joint] += matrix[PARENTS[joint]]
    return matrix


def refine(
    joints: Tensor, world: Tensor, root: Tensor, offsets: Tensor, fps: float, steps: int
) -> tuple[Tensor, Tensor]:
    """Improve world rotations (B, T, 22, 3, 3) and pelvis positions (B, T, 3) for joints (B, T, 22, 3) in metres.

    Minimises the squared distances of the joints plus the squared angular accelerations of the bones
    plus the squared turns of the bones about themselves, which joints hardly show. Bones without a
    child turn with the bone that carries them.
    """
    below = _below().to(joints)
    smoothness = (_CUTOFF_LENGTH / (2 * math.pi * _CUTOFF_HERTZ) ** 2) ** 2 * fps**4
    scale = _diagonal(below, offsets, smoothness)
    observed = joints.movedim(-2, 0)
    total = joints.new_zeros(1 + len(_CARRIERS), *joints.shape[:2], 3)
    for _ in range(steps):
        bones = rotate(world[..., _PARENT_OF, :, :], offsets[1:]).movedim(-2, 0)
        placed = _along(below, torch.cat([root[None], bones]))
        downhill = _pull(below, bones, observed - placed)
        downhill[1:] -= smoothness * _second_difference_adjoint(_accelerations(world)) + _twist(bones, total[1:])
        change = _conjugate_gradients(partial(_normal, below, bones, smoothness), downhill, scale)
        total = total + change
        root = root + change[0]
        turns = quaternion_to_matrix(rotation_vector_to_quaternion(change[1:].movedim(0, -2)))
        world = multiply(turns[..., _TURNED_BY, :, :], world)
    return world, root


def _normal(below: Tensor, bones: Tensor, smoothness: float, change: Tensor) -> Tensor:
    """The normal equations' matrix times a change (18, B, T, 3): pelvis position, then rotation vectors of carriers."""
    moved = _along(below, torch.cat([change[:1], torch.linalg.cross(change[1:][_CARRIER_OF], bones)]))
    result = _pull(below, bones, moved)
    jerk = _second_difference_adjoint(_second_difference(change[1:]))
    result[1:] += smoothness * jerk + _twist(bones, change[1:])
    return result


def _along(below: Tensor, vectors: Tensor) -> Tensor:
    """Sum vectors (22, B, T, 3) from the pelvis down to each joint."""
    return (below @ vectors.reshape(JOINT_COUNT, -1)).view(vectors.shape)


def _pull(below: Tensor, bones: Tensor, pulls: Tensor) -> Tensor:
    """Pulls (22, B, T, 3) at the joints -> on the pelvis position and as torques on the carriers (18, B, T, 3)."""
    summed = (below.T @ pulls.reshape(JOINT_COUNT, -1)).view(pulls.shape)
    return torch.cat([summed[:1], _by_carrier(torch.linalg.cross(bones, summed[1:]))])


def _twist(bones: Tensor, turns: Tensor) -> Tensor:
    """Makes a bone as hard to turn about itself as its length makes it to swing: (17, B, T, 3) -> (17, B, T, 3)."""
    return _by_carrier((bones * turns[_CARRIER_OF]).sum(-1, keepdim=True) * bones)


def _by_carrier(values: Tensor) -> Tensor:
    """Sum values (21, ...) of the joints below the pelvis over those with the same carrier: (17, ...)."""
    rows = torch.tensor(_CARRIER_OF, device=values.device)
    return values.new_zeros(len(_CARRIERS), *values.shape[1:]).index_add_(0, rows, values)


def _diagonal(below: Tensor, offsets: Tensor, smoothness: float) -> Tensor:
    """(18, 1, 1, 1): size of the normal equations' diagonal, the preconditioner."""
    inertia = below.sum(0)[1:] * offsets[1:].square().sum(-1) * (2 / 3)
    turns = _by_carrier(inertia) + 6 * smoothness
    return torch.cat([below.sum(0)[:1], turns])[:, None, None, None]


def _accelerations(world: Tensor) -> Tensor:
    """World rotations (B, T, 22, 3, 3) -> change of the carriers' angular velocity (17, B, T, 3), radians a frame."""
    carriers = world[..., _CARRIERS, :, :].movedim(2, 0)
    turns = multiply(carriers[:, :, 1:], carriers[:, :, :-1].transpose(-1, -2))
    velocities = quaternion_to_rotation_vector(matrix_to_quaternion(turns))
    result = carriers.new_zeros(carriers.shape[:-1])
    result[:, :, 1:-1] = velocities[:, :, 1:] - velocities[:, :, :-1]
    return result


def _second_difference(values: Tensor) -> Tensor:
    """Along time of (17, B, T, 3); zero in the first and last frame, which have one neighbour."""
    result = torch.zeros_like(values)
    result[:, :, 1:-1] = values[:, :, 2:] - 2 * values[:, :, 1:-1] + values[:, :, :-2]
    return result


def _second_difference_adjoint(values: Tensor) -> Tensor:
    """The transpose of the above, for values that are zero in the first and last frame."""
    return _second_difference(pad(values, (0, 0, 1, 1)))[:, :, 1:-1]


def _conjugate_gradients(normal: Callable[[Tensor], Tensor], right: Tensor, scale: Tensor) -> Tensor:
    """Solve normal(x) = right of (18, B, T, 3); every clip of the batch is a system by itself."""

    def dot(first: Tensor, second: Tensor) -> Tensor:
        return (first * second).sum((0, 2, 3), keepdim=True)

    solution, residual = torch.zeros_like(right), right
    search = residual / scale
    power = dot(residual, search)
    for _ in range(_SOLVER_ITERATIONS):
        image = normal(search)
        length = power / dot(search, image).clamp_min(1e-20)
        solution = solution + length * search
        residual = residual - length * image
        pulled = residual / scale
        previous, power = power, dot(residual, pulled)
        search = pulled + power / previous.clamp_min(1e-20) * search
    return solution
