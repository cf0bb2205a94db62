# SPDX-License-Identifier: GPL-3.0-or-later
"""Quaternions as numpy arrays (..., 4), wxyz, vectorised over all leading dimensions, which broadcast.

A quaternion q and -q are the same rotation; `continuous` picks signs along time. Functions expect
unit quaternions unless they say otherwise.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray: TypeAlias = NDArray[np.float64]

IDENTITY: FloatArray = np.array([1.0, 0.0, 0.0, 0.0])
_TINY = 1e-12


def multiply(first: ArrayLike, second: ArrayLike) -> FloatArray:
    """The rotation `second` followed by `first` (matrix product first @ second): (..., 4)."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    aw, ax, ay, az = a[..., 0], a[..., 1], a[..., 2], a[..., 3]
    bw, bx, by, bz = b[..., 0], b[..., 1], b[..., 2], b[..., 3]
    out = np.empty((*np.broadcast_shapes(a.shape[:-1], b.shape[:-1]), 4))
    out[..., 0] = aw * bw - ax * bx - ay * by - az * bz
    out[..., 1] = aw * bx + ax * bw + ay * bz - az * by
    out[..., 2] = aw * by - ax * bz + ay * bw + az * bx
    out[..., 3] = aw * bz + ax * by - ay * bx + az * bw
    return out


def conjugate(quaternions: ArrayLike) -> FloatArray:
    """The inverse rotations (..., 4)."""
    out = np.array(quaternions, dtype=np.float64)
    out[..., 1:] *= -1.0
    return out


def normalize(quaternions: ArrayLike) -> FloatArray:
    """Unit quaternions (..., 4); a zero quaternion becomes the identity."""
    q = np.asarray(quaternions, dtype=np.float64)
    size = length(q)[..., None]
    return np.where(size > _TINY, q / np.maximum(size, _TINY), IDENTITY)


def rotate(quaternions: ArrayLike, vectors: ArrayLike) -> FloatArray:
    """Vectors (..., 3) turned by quaternions (..., 4)."""
    q, v = np.asarray(quaternions, dtype=np.float64), np.asarray(vectors, dtype=np.float64)
    w, axis = q[..., :1], q[..., 1:]
    uv = cross(axis, v)
    return v + 2.0 * (w * uv + cross(axis, uv))


def cross(first: FloatArray, second: FloatArray) -> FloatArray:
    """Cross products (..., 3). numpy's own is several times slower on small stacks."""
    ax, ay, az = first[..., 0], first[..., 1], first[..., 2]
    bx, by, bz = second[..., 0], second[..., 1], second[..., 2]
    out = np.empty((*np.broadcast_shapes(first.shape[:-1], second.shape[:-1]), 3))
    out[..., 0] = ay * bz - az * by
    out[..., 1] = az * bx - ax * bz
    out[..., 2] = ax * by - ay * bx
    return out


def to_matrix(quaternions: ArrayLike) -> FloatArray:
    """Rotation matrices (..., 3, 3)."""
    q = np.asarray(quaternions, dtype=np.float64)
    w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    out = np.empty((*q.shape[:-1], 3, 3))
    out[..., 0, 0] = 1.0 - 2.0 * (y * y + z * z)
    out[..., 0, 1] = 2.0 * (x * y - w * z)
    out[..., 0, 2] = 2.0 * (x * z + w * y)
    out[..., 1, 0] = 2.0 * (x * y + w * z)
    out[..., 1, 1] = 1.0 - 2.0 * (x * x + z * z)
    out[..., 1, 2] = 2.0 * (y * z - w * x)
    out[..., 2, 0] = 2.0 * (x * z - w * y)
    out[..., 2, 1] = 2.0 * (y * z + w * x)
    out[..., 2, 2] = 1.0 - 2.0 * (x * x + y * y)
    return out


def from_matrix(matrices: ArrayLike) -> FloatArray:
    """The rotations (..., 4), w >= 0, of matrices (..., 3, 3) or (..., 4, 4); positive column scale is removed.

    The quaternion is one row of the symmetric matrix 4 q q^T, whose entries are linear in the rotation
    matrix; the row with the largest diagonal entry is taken, so no case divides by a small number.
    """
    m = np.asarray(matrices, dtype=np.float64)[..., :3, :3]
    m = m / np.maximum(np.linalg.norm(m, axis=-2, keepdims=True), _TINY)
    trace = m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2]
    rows = np.empty((*m.shape[:-2], 4, 4))
    rows[..., 0, 0] = 1.0 + trace
    for axis in range(3):
        rows[..., axis + 1, axis + 1] = 1.0 - trace + 2.0 * m[..., axis, axis]
        j, k = (axis + 1) % 3, (axis + 2) % 3
        rows[..., 0, axis + 1] = rows[..., axis + 1, 0] = m[..., k, j] - m[..., j, k]
        rows[..., j + 1, k + 1] = rows[..., k + 1, j + 1] = m[..., j, k] + m[..., k, j]
    diagonal = np.einsum("...ii->...i", rows)
    best = np.argmax(diagonal, axis=-1)[..., None, None]
    q = normalize(np.take_along_axis(rows, best, axis=-2)[..., 0, :])
    return np.where(q[..., :1] < 0.0, -q, q)


def from_axis_angle(axes: ArrayLike, angles: ArrayLike) -> FloatArray:
    """Rotations (..., 4) by angles (...) [rad] about axes (..., 3) of any length but zero."""
    half = 0.5 * np.asarray(angles, dtype=np.float64)
    vector = np.sin(half)[..., None] * unit(axes)
    out = np.empty((*vector.shape[:-1], 4))
    out[..., 0] = np.cos(half)
    out[..., 1:] = vector
    return out


def to_axis_angle(quaternions: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Unit axes (..., 3) and angles (...) [rad] in 0..2 pi; the identity has the axis +Y and the angle 0."""
    q = np.asarray(quaternions, dtype=np.float64)
    length = np.linalg.norm(q[..., 1:], axis=-1)
    axes = np.where(length[..., None] > _TINY, q[..., 1:] / np.maximum(length, _TINY)[..., None], [0.0, 1.0, 0.0])
    return axes, 2.0 * np.arctan2(length, q[..., 0])


def swing(start: ArrayLike, end: ArrayLike, fallback_axis: ArrayLike) -> FloatArray:
    """The shortest rotation (..., 4) that turns directions `start` (..., 3) onto `end` (..., 3).

    Opposite directions leave the axis open: it is then the part of `fallback_axis` (..., 3) across `start`,
    so the caller decides through which side a limb swings.
    """
    a, b = unit(start), unit(end)
    q = np.concatenate([1.0 + np.sum(a * b, axis=-1, keepdims=True), cross(*np.broadcast_arrays(a, b))], axis=-1)
    across = np.asarray(fallback_axis, dtype=np.float64)
    across = unit(across - np.sum(across * a, axis=-1, keepdims=True) * a)
    half_turn = np.concatenate([np.zeros_like(across[..., :1]), across], axis=-1)
    opposite = np.linalg.norm(q, axis=-1, keepdims=True) < 1e-7
    return normalize(np.where(opposite, half_turn, q))


def twist(quaternions: ArrayLike, axis: ArrayLike) -> FloatArray:
    """The part (..., 4) of a rotation that turns about `axis` (..., 3): q = (rest) * twist, w >= 0.

    Where the rotation is a half turn across the axis, the twist is not defined and the identity comes back.
    """
    q, n = np.asarray(quaternions, dtype=np.float64), unit(axis)
    along = np.sum(q[..., 1:] * n, axis=-1, keepdims=True)
    out = normalize(np.concatenate([q[..., :1], along * n], axis=-1))
    return np.where(out[..., :1] < 0.0, -out, out)


def slerp(start: ArrayLike, end: ArrayLike, share: ArrayLike) -> FloatArray:
    """Rotations (..., 4) at `share` (...) in 0..1 of the shorter way from `start` to `end` (Shoemake, 1985)."""
    a, b = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    u = np.asarray(share, dtype=np.float64)[..., None]
    dot = np.sum(a * b, axis=-1, keepdims=True)
    b = np.where(dot < 0.0, -b, b)
    angle = np.arccos(np.clip(np.abs(dot), 0.0, 1.0))
    sine = np.sin(angle)
    # Below about 0.1 degrees the two weights are 0/0; the straight line is then exact to rounding.
    near = sine < 1e-3
    safe = np.where(near, 1.0, sine)
    wa = np.where(near, 1.0 - u, np.sin((1.0 - u) * angle) / safe)
    wb = np.where(near, u, np.sin(u * angle) / safe)
    return normalize(wa * a + wb * b)


def continuous(quaternions: ArrayLike) -> FloatArray:
    """The same rotations (T, ..., 4) with signs that keep neighbours in time (axis 0) near; the first has w >= 0."""
    q = np.array(quaternions, dtype=np.float64)
    if len(q) == 0:
        return q
    signs = np.empty(q.shape[:-1])
    signs[0] = np.where(q[0, ..., 0] < 0.0, -1.0, 1.0)
    signs[1:] = np.where(np.sum(q[1:] * q[:-1], axis=-1) < 0.0, -1.0, 1.0)
    result: FloatArray = q * np.cumprod(signs, axis=0)[..., None]
    return result


def unit(vectors: ArrayLike) -> FloatArray:
    """Vectors (..., 3) of length 1; a zero vector stays zero."""
    v = np.asarray(vectors, dtype=np.float64)
    return np.asarray(v / np.maximum(length(v)[..., None], _TINY))


def length(vectors: FloatArray) -> FloatArray:
    """Euclidean lengths (...) of vectors (..., n). numpy's own norm takes twice the time on small stacks."""
    return np.asarray(np.sqrt(np.einsum("...i,...i->...", vectors, vectors)))
