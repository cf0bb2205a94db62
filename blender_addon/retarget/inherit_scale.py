# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a parent's pose that turns and scales a bone, for each of Blender's "Inherit Scale" modes.

Follows `BKE_bone_parent_transform_calc_from_matrices` of Blender's armature evaluation. All matrices are
(..., 4, 4) in armature space, broadcasting over leading dimensions.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from .quaternion import FloatArray

_SHEAR_COSINE: Final = 1e-4
"""Two axes closer to a right angle than this count as not sheared."""


def rotation_and_scale(
    parent_pose: FloatArray, parent_rest: FloatArray, offset: FloatArray, inherit_rotation: bool, mode: str
) -> tuple[FloatArray, FloatArray]:
    """What a bone's own channels are applied to: (matrix (..., 4, 4), scale applied afterwards (..., 3)).

    `parent_pose`: the posed parent; `parent_rest`: the parent at rest (4, 4); `offset`: the bone at rest relative
    to its parent (4, 4). Raises ValueError for an unknown mode.
    """
    after = np.ones((*parent_pose.shape[:-2], 3))
    if inherit_rotation and mode == "FULL":
        return parent_pose @ offset, after
    base = parent_pose.copy() if inherit_rotation else np.broadcast_to(parent_rest, parent_pose.shape).copy()
    axes, parent_axes = base[..., :3, :3], parent_pose[..., :3, :3]
    if mode in ("FULL", "FIX_SHEAR"):
        if not inherit_rotation:
            sizes = column_lengths(parent_axes) if mode == "FULL" else _sizes_of_same_volume(parent_axes)
            axes *= sizes[..., None, :]
    elif mode == "ALIGNED":
        if inherit_rotation:
            unsheared = without_shear(parent_axes)
            after = column_lengths(unsheared)
            axes[...] = unsheared / after[..., None, :]
        else:
            after = _sizes_of_same_volume(parent_axes)
    elif mode in ("NONE", "AVERAGE"):
        if inherit_rotation:
            unsheared = without_shear(parent_axes)
            axes[...] = unsheared / column_lengths(unsheared)[..., None, :]
        if mode == "AVERAGE":
            axes *= np.cbrt(np.abs(np.linalg.det(parent_axes)))[..., None, None]
    elif mode == "NONE_LEGACY":
        if inherit_rotation:
            axes /= column_lengths(parent_axes)[..., None, :]
    else:
        raise ValueError(f"unknown way to inherit scale: {mode!r}")
    result = base @ offset
    if mode == "FIX_SHEAR":
        result[..., :3, :3] = without_shear(result[..., :3, :3])
    return result, after


def column_lengths(axes: FloatArray) -> FloatArray:
    """(..., 3) lengths of the columns of (..., 3, 3)."""
    return np.asarray(np.linalg.norm(axes, axis=-2))


def _sizes_of_same_volume(axes: FloatArray) -> FloatArray:
    """(..., 3) the column lengths, corrected so that their product is the volume that shear has left."""
    lengths = column_lengths(axes)
    volume = np.abs(np.linalg.det(axes)) / np.maximum(np.prod(lengths, axis=-1), 1e-12)
    return np.asarray(lengths * np.cbrt(volume)[..., None])


def without_shear(axes: FloatArray) -> FloatArray:
    """Columns (..., 3, 3) made orthogonal: Y keeps its direction, X and Z share the correction; the volume stays."""
    y = axes[..., 1]
    flat = (
        axes
        - y[..., :, None] * (np.einsum("...i,...ij->...j", y, axes) / np.sum(y * y, axis=-1)[..., None])[..., None, :]
    )
    lengths = np.stack([np.linalg.norm(flat[..., i], axis=-1) for i in (0, 2)], axis=-1)
    x, z = flat[..., 0] / lengths[..., :1], flat[..., 2] / lengths[..., 1:]
    cosine = np.sum(x * z, axis=-1, keepdims=True)
    sheared = np.abs(cosine) > _SHEAR_COSINE
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    half_way = 0.5 * (angle + 0.5 * np.pi)
    across = x - cosine * z
    across /= np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-12)
    new_x = np.sin(half_way) * across + np.cos(half_way) * z
    new_z = z - np.sum(z * new_x, axis=-1, keepdims=True) * new_x
    new_z /= np.maximum(np.linalg.norm(new_z, axis=-1, keepdims=True), 1e-12)
    keep_area = np.sqrt(np.sin(angle))
    out = np.array(axes)
    out[..., 0] = np.where(sheared, new_x * keep_area, x) * lengths[..., :1]
    out[..., 2] = np.where(sheared, new_z * keep_area, z) * lengths[..., 1:]
    return out
