# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion -> Biovision Hierarchy (.bvh): Y up, facing +Z, centimetres, SMPL joint names, T-pose rest.

Position channels stand on the root only; rotation channels are Z X Y on every joint, that is
R = Rz Rx Ry, in degrees. An Euler angle is only defined up to full turns and one flip, so each
frame takes the triple nearest to the frame before: curves stay continuous in an editor.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..contract import skeleton
from ..motion import Motion
from .files import atomic_file

CENTIMETRES: Final = 100.0
"""File units per metre: what editors expect of a BVH (100 units = 1 m)."""

_END_SITES: Final[dict[str, tuple[float, float, float]]] = {
    "left_foot": (0.0, 0.0, 0.06),
    "right_foot": (0.0, 0.0, 0.06),
    "head": (0.0, 0.14, 0.02),
    "left_wrist": (0.09, 0.0, 0.0),
    "right_wrist": (-0.09, 0.0, 0.0),
}
"""Metres: where the last bone of each chain ends. It is drawn, it moves nothing."""

_LOCKED: Final = 1e-5
"""Cosine of the middle angle below which the outer two turn about one and the same axis."""


def write_bvh(path: Path, motion: Motion) -> None:
    """Write `motion`; joint positions are those of the motion times 100.

    Raises EngineError (`output_failed`) when the file cannot be written; an older file then stays.
    """
    with atomic_file(path) as stream:
        stream.write(bvh_text(motion).encode("ascii"))


def bvh_text(motion: Motion) -> str:
    """The content of the file, `\\n` at the end of each line."""
    lines = ["HIERARCHY"]
    order = _add_joint(lines, 0, 0, np.asarray(motion.offsets, np.float64))
    angles = np.degrees(continuous_zxy(np.asarray(motion.rotations, np.float64)))
    root = np.asarray(motion.root, np.float64) * CENTIMETRES
    channels = np.concatenate([root, angles[:, order].reshape(motion.frames, -1)], axis=1)
    lines += ["MOTION", f"Frames: {motion.frames}", f"Frame Time: {1.0 / motion.fps:.8f}"]
    lines += [" ".join(f"{value:.5f}" for value in row) for row in channels]
    return "\n".join(lines) + "\n"


def continuous_zxy(rotations: NDArray[np.float64]) -> NDArray[np.float64]:
    """wxyz (T, J, 4) -> radians (T, J, 3) in the order Z, X, Y with R = Rz Rx Ry, continuous over T."""
    matrix = _matrices(rotations)
    angles = np.empty((*rotations.shape[:-1], 3))
    previous = np.zeros((*rotations.shape[1:-1], 3))
    for frame, current in enumerate(matrix):
        previous = angles[frame] = _nearest_zxy(current, previous)
    return angles


def _nearest_zxy(matrix: NDArray[np.float64], previous: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of all (z, x, y) that give `matrix` (J, 3, 3), the triple nearest to `previous` (J, 3)."""
    cosine = np.hypot(matrix[:, 2, 0], matrix[:, 2, 2])
    x = np.arctan2(matrix[:, 2, 1], cosine)
    z = np.arctan2(-matrix[:, 0, 1], matrix[:, 1, 1])
    y = np.arctan2(-matrix[:, 2, 0], matrix[:, 2, 2])
    locked = cosine < _LOCKED
    if locked.any():
        # Only z + y (x = +90 degrees) or z - y (x = -90) is known: keep y, put the rest into z.
        y = np.where(locked, previous[:, 2], y)
        sign = np.sign(matrix[:, 2, 1])
        z = np.where(locked, np.arctan2(matrix[:, 1, 0], matrix[:, 0, 0]) - sign * y, z)
    direct = _nearest_turn(np.stack([z, x, y], axis=-1), previous)
    flipped = _nearest_turn(np.stack([z + np.pi, np.pi - x, y + np.pi], axis=-1), previous)
    nearer = np.abs(flipped - previous).sum(-1) < np.abs(direct - previous).sum(-1)
    return np.where((nearer & ~locked)[:, None], flipped, direct)


def _nearest_turn(angles: NDArray[np.float64], previous: NDArray[np.float64]) -> NDArray[np.float64]:
    turns: NDArray[np.float64] = angles + 2.0 * np.pi * np.round((previous - angles) / (2.0 * np.pi))
    return turns


def _matrices(quaternions: NDArray[np.float64]) -> NDArray[np.float64]:
    """wxyz (..., 4) -> (..., 3, 3)."""
    w, x, y, z = np.moveaxis(quaternions / np.linalg.norm(quaternions, axis=-1, keepdims=True), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _add_joint(lines: list[str], joint: int, depth: int, offsets: NDArray[np.float64]) -> list[int]:
    """Append the block of `joint` and its descendants; returns their indices in the order of the channels."""
    tab = "  " * depth
    rotation = "Zrotation Xrotation Yrotation"
    lines.append(f"{tab}{'JOINT' if depth else 'ROOT'} {skeleton.JOINT_NAMES[joint]}")
    lines.append(f"{tab}{{")
    # The root's position channels hold its place in the world, so its own offset is zero.
    lines.append(f"{tab}  OFFSET {_offset(offsets[joint] if depth else np.zeros(3))}")
    lines.append(f"{tab}  CHANNELS " + (f"3 {rotation}" if depth else f"6 Xposition Yposition Zposition {rotation}"))
    order = [joint]
    for child in (index for index, parent in enumerate(skeleton.PARENTS) if parent == joint):
        order += _add_joint(lines, child, depth + 1, offsets)
    if len(order) == 1:
        end = _END_SITES[skeleton.JOINT_NAMES[joint]]
        lines += [f"{tab}  End Site", f"{tab}  {{", f"{tab}    OFFSET {_offset(end)}", f"{tab}  }}"]
    lines.append(f"{tab}}}")
    return order


def _offset(metres: Sequence[float] | NDArray[Any]) -> str:
    return " ".join(f"{float(value) * CENTIMETRES:.6f}" for value in metres)
