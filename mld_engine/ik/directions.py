# SPDX-License-Identifier: GPL-3.0-or-later
"""World rotations from observed directions: shortest arc, two vectors, several children, and between two."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ..rotations import (
    matrix_to_quaternion,
    multiply,
    quaternion_to_matrix,
    quaternion_to_rotation_vector,
    rotate,
    rotation_vector_to_quaternion,
)

_SHORT = 1e-5
_OPPOSITE = 1e-6


def across(vectors: Tensor, axis: Tensor) -> Tensor:
    """The part of (..., 3) at right angles to the unit vectors `axis` (..., 3), made unit length."""
    return normalize(vectors - (vectors * axis).sum(-1, keepdim=True) * axis, dim=-1, eps=1e-9)


def shortest_arc(start: Tensor, end: Tensor) -> Tensor:
    """Unit vectors (..., 3), of one shape -> (..., 3, 3) rotation of smallest angle that turns `start` to `end`.

    Opposite vectors have no shortest arc; there the half turn is about an arbitrary fixed axis.
    """
    real = 1 + (start * end).sum(-1, keepdim=True)
    least = torch.nn.functional.one_hot(start.abs().argmin(-1), 3).to(start.dtype)
    half_turn = torch.cat([torch.zeros_like(real), across(least, start)], -1)
    quaternions = torch.cat([real, torch.linalg.cross(start, end)], -1)
    return quaternion_to_matrix(torch.where(real < _OPPOSITE, half_turn, quaternions))


def aim(rotations: Tensor, offset: Tensor, towards: Tensor) -> Tensor:
    """Turn world rotations (..., 3, 3) by the shortest arc that points the rest `offset` (3,) along `towards`.

    `towards` is (..., 3) of any length; where it has none, the rotation stays as it is.
    """
    predicted = rotate(rotations, normalize(offset, dim=-1))
    observed = torch.where(towards.norm(dim=-1, keepdim=True) < _SHORT, predicted, normalize(towards, dim=-1))
    return multiply(shortest_arc(predicted, observed), rotations)


def basis(first: Tensor, second: Tensor) -> Tensor:
    """(..., 3, 3) with the columns `first`, `second` (unit, at right angles) and their cross product."""
    return torch.stack([first, second, torch.linalg.cross(first, second)], -1)


def from_two(first_rest: Tensor, second_rest: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """The rotation (..., 3, 3) that turns two unit rest vectors at right angles into two observed ones."""
    return multiply(basis(first, second), basis(first_rest, second_rest).transpose(-1, -2))


def rotation_from_children(offsets: Tensor, observed: Tensor) -> Tensor:
    """Kabsch: the rotation (..., 3, 3) that best turns rest vectors (K, 3) into observed ones (..., K, 3).

    Each vector counts by its length squared. W. Kabsch, "A solution for the best rotation to relate
    two sets of vectors", 1976; the determinant is corrected, so the result is never a reflection.
    """
    covariance = torch.einsum("...ki,kj->...ij", observed, offsets)
    left, _, right = torch.linalg.svd(covariance)
    sign = torch.ones_like(covariance[..., 0])
    sign[..., 2] = torch.linalg.det(left @ right).sign()
    return multiply(left * sign[..., None, :], right)


def between(first: Tensor, second: Tensor, share: float) -> Tensor:
    """The rotation (..., 3, 3) that lies at `share` of the shortest way from `first` to `second`."""
    turn = quaternion_to_rotation_vector(matrix_to_quaternion(multiply(second, first.transpose(-1, -2))))
    return multiply(quaternion_to_matrix(rotation_vector_to_quaternion(share * turn)), first)
