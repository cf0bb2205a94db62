# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotations as torch tensors: quaternions wxyz, 3x3 matrices, 6D, rotation vectors, yaw.

Leading dimensions are free everywhere. 6D is the first two COLUMNS of the matrix, one after the
other: [c0x c0y c0z c1x c1y c1z] (Zhou et al., 2019, "On the Continuity of Rotation
Representations in Neural Networks").
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

_SMALL_ANGLE = 1e-6
_SHORT_ARC = 1e-3
_DEGENERATE_TWIST = 1e-3


def quaternion_to_matrix(quaternions: Tensor) -> Tensor:
    """(..., 4) wxyz of any length but 0 -> (..., 3, 3)."""
    w, x, y, z = normalize(quaternions, dim=-1).unbind(-1)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(rows, -1).reshape(*quaternions.shape[:-1], 3, 3)


def matrix_to_quaternion(matrices: Tensor) -> Tensor:
    """(..., 3, 3) rotations -> (..., 4) wxyz, unit length, w >= 0.

    Each row i of the table below is 4 q_i q, so all four rows give the quaternion; the one with
    the largest q_i is taken, which never divides by a small number.
    """
    m00, m01, m02, m10, m11, m12, m20, m21, m22 = matrices.flatten(-2).unbind(-1)
    wx, wy, wz = m21 - m12, m02 - m20, m10 - m01
    xy, xz, yz = m01 + m10, m02 + m20, m12 + m21
    ww, xx = 1 + m00 + m11 + m22, 1 + m00 - m11 - m22
    yy, zz = 1 - m00 + m11 - m22, 1 - m00 - m11 + m22
    rows = [ww, wx, wy, wz, wx, xx, xy, xz, wy, xy, yy, yz, wz, xz, yz, zz]
    table = torch.stack(rows, -1).reshape(*matrices.shape[:-2], 4, 4)
    best = torch.stack([ww, xx, yy, zz], -1).argmax(-1)
    row = table.gather(-2, best[..., None, None].expand(*best.shape, 1, 4)).squeeze(-2)
    quaternions = normalize(row, dim=-1)
    return torch.where(quaternions[..., :1] < 0, -quaternions, quaternions)


def matrix_to_6d(matrices: Tensor) -> Tensor:
    """(..., 3, 3) -> (..., 6)."""
    return torch.cat([matrices[..., 0], matrices[..., 1]], -1)


def sixd_to_matrix(sixd: Tensor) -> Tensor:
    """(..., 6), not necessarily orthonormal -> (..., 3, 3) by Gram-Schmidt, the first column first."""
    first = normalize(sixd[..., :3], dim=-1, eps=1e-6)
    second = sixd[..., 3:]
    second = normalize(second - (first * second).sum(-1, keepdim=True) * first, dim=-1, eps=1e-6)
    return torch.stack([first, second, torch.linalg.cross(first, second)], -1)


def quaternion_to_rotation_vector(quaternions: Tensor) -> Tensor:
    """(..., 4) wxyz -> (..., 3): unit axis times angle in radians, the angle in 0..pi."""
    quaternions = torch.where(quaternions[..., :1] < 0, -quaternions, quaternions)
    real, imaginary = quaternions[..., :1], quaternions[..., 1:]
    sine = imaginary.norm(dim=-1, keepdim=True)
    ratio = 2 * torch.atan2(sine, real) / sine.clamp_min(_SMALL_ANGLE)
    return torch.where(sine < _SMALL_ANGLE, 2 * imaginary, ratio * imaginary)


def rotation_vector_to_quaternion(vectors: Tensor) -> Tensor:
    """(..., 3) axis times angle in radians -> (..., 4) wxyz."""
    angle = vectors.norm(dim=-1, keepdim=True)
    # sinc(x) = sin(pi x) / (pi x) has no pole at zero.
    return torch.cat([(angle / 2).cos(), torch.sinc(angle / (2 * torch.pi)) * vectors / 2], -1)


def multiply_quaternions(first: Tensor, second: Tensor) -> Tensor:
    """Hamilton product of (..., 4) wxyz: the rotation `second`, then `first`."""
    w1, x1, y1, z1 = first.unbind(-1)
    w2, x2, y2, z2 = second.unbind(-1)
    product = [
        w1 * w2 - x1 * x2 - y1 * y2 - z1 * z2,
        w1 * x2 + x1 * w2 + y1 * z2 - z1 * y2,
        w1 * y2 - x1 * z2 + y1 * w2 + z1 * x2,
        w1 * z2 + x1 * y2 - y1 * x2 + z1 * w2,
    ]
    return torch.stack(product, -1)


def slerp(first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    """Unit quaternions (..., 4) on the shorter arc from `first` (share 0) to `second` (share 1), Shoemake 1985.

    `share` broadcasts against the quaternions.
    """
    cosine = (first * second).sum(-1, keepdim=True)
    second = torch.where(cosine < 0, -second, second)
    angle = cosine.abs().clamp(max=1.0).acos()
    # The weights lose their meaning where the arc is nearly nothing; a straight line serves there.
    near = angle < _SHORT_ARC
    sine = torch.where(near, torch.ones_like(angle), angle.sin())
    one = torch.where(near, 1 - share, ((1 - share) * angle).sin() / sine)
    two = torch.where(near, share, (share * angle).sin() / sine)
    return normalize(one * first + two * second, dim=-1)


def multiply(first: Tensor, second: Tensor) -> Tensor:
    """(..., 3, 3) @ (..., 3, k) as products and a sum: batched matrix multiplication is slow at this size."""
    return (first[..., :, :, None] * second[..., None, :, :]).sum(-2)


def rotate(matrices: Tensor, vectors: Tensor) -> Tensor:
    """(..., 3, 3) applied to (..., 3)."""
    return (matrices * vectors[..., None, :]).sum(-1)


def yaw_matrix(yaw: Tensor) -> Tensor:
    """Angle (...) in radians about +Y -> (..., 3, 3)."""
    cosine, sine, zero, one = yaw.cos(), yaw.sin(), torch.zeros_like(yaw), torch.ones_like(yaw)
    rows = [cosine, zero, sine, zero, one, zero, -sine, zero, cosine]
    return torch.stack(rows, -1).reshape(*yaw.shape, 3, 3)


def rotate_about_y(yaw: Tensor, vectors: Tensor) -> Tensor:
    """Turn (..., 3) by an angle (...) in radians about +Y."""
    cosine, sine = yaw.cos(), yaw.sin()
    x, y, z = vectors.unbind(-1)
    return torch.stack([cosine * x + sine * z, y.expand_as(cosine * x), cosine * z - sine * x], -1)


def wrap_angle(angle: Tensor) -> Tensor:
    """Radians -> the same angle in -pi..pi."""
    return torch.atan2(angle.sin(), angle.cos())


def twist_yaw(quaternions: Tensor) -> Tensor:
    """Heading of a rotation (..., 4) wxyz: the angle of its twist about +Y, in -pi..pi.

    For yaw followed by pitch or roll this is the yaw of the forward axis, but it stays continuous
    when the body bows past the horizontal or lies down, where the projected forward axis flips.
    Upside down the twist is undefined; there the forward axis serves.
    """
    w, x, y, z = normalize(quaternions, dim=-1).unbind(-1)
    twist = 2 * torch.atan2(y, w)
    forward = torch.atan2(2 * (x * z + w * y), 1 - 2 * (x * x + y * y))
    return wrap_angle(torch.where(w * w + y * y < _DEGENERATE_TWIST, forward, twist))
