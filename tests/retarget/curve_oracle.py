# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluates keys as an F-curve does, by bisection and de Casteljau's construction; apart from the code under test."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from blender_addon.retarget.key_reduction import CurveKeys
from blender_addon.retarget.rotation_modes import from_euler
from blender_addon.rig.snapshot import RigSnapshot

Array = NDArray[np.float64]


def evaluate(keys: CurveKeys, frames: Array) -> Array:
    """The curve's values (F,) at frames within its keys."""
    before = np.clip(np.searchsorted(keys.frames, frames, side="right") - 1, 0, max(len(keys.frames) - 2, 0))
    after = np.minimum(before + 1, len(keys.frames) - 1)
    start = np.stack([keys.frames, keys.values], axis=-1)[before]
    end = np.stack([keys.frames, keys.values], axis=-1)[after]
    if keys.left_handles is None or keys.right_handles is None:
        share = (frames - start[:, 0]) / np.maximum(end[:, 0] - start[:, 0], 1e-9)
        return start[:, 1] + share * (end[:, 1] - start[:, 1])
    points = [start, keys.right_handles[before], keys.left_handles[after], end]
    low, high = np.zeros(len(frames)), np.ones(len(frames))
    for _ in range(50):
        middle = 0.5 * (low + high)
        late = _cubic(points, middle)[:, 0] > frames
        low, high = np.where(late, low, middle), np.where(late, middle, high)
    return _cubic(points, 0.5 * (low + high))[:, 1]


def _cubic(points: list[Array], u: Array) -> Array:
    while len(points) > 1:
        points = [a + u[:, None] * (b - a) for a, b in pairwise(points)]
    return points[0]


def played(curves: Iterable[CurveKeys], rig: RigSnapshot, frames: Array) -> tuple[dict[str, Array], dict[str, Array]]:
    """Rotations (F, 4), normalised, and locations (F, 3) of each bone at these frames."""
    channels: dict[tuple[str, str], dict[int, Array]] = {}
    for keys in curves:
        channels.setdefault((keys.bone, keys.data_path), {})[keys.index] = evaluate(keys, frames)
    rotations, locations = {}, {}
    for (bone, path), by_index in channels.items():
        values = np.stack([by_index[index] for index in range(len(by_index))], axis=-1)
        if path == "location":
            locations[bone] = values
            continue
        if path == "rotation_euler":
            values = from_euler(values, rig.rotation_modes[rig.index(bone)])
        elif path == "rotation_axis_angle":
            axis = values[:, 1:] / np.linalg.norm(values[:, 1:], axis=-1, keepdims=True)
            half = 0.5 * values[:, :1]
            values = np.concatenate([np.cos(half), np.sin(half) * axis], axis=-1)
        rotations[bone] = values / np.linalg.norm(values, axis=-1, keepdims=True)
    return rotations, locations


def degrees_apart(first: Array, second: Array) -> Array:
    """(F,) angle between unit quaternions (F, 4)."""
    dot = np.abs(np.sum(first * second, axis=-1))
    cross = np.sqrt(np.maximum(1.0 - np.minimum(dot, 1.0) ** 2, 0.0))
    return np.degrees(2.0 * np.arctan2(cross, dot))
