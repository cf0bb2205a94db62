# SPDX-License-Identifier: GPL-3.0-or-later
"""Joint positions by plain 3x3 matrices, one joint at a time, written apart from the code under test; two motions."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mld_engine.contract import skeleton
from mld_engine.motion import Motion

PARENTS = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19]


def about(axis: str, radians: float) -> NDArray[np.float64]:
    """Rotation about a coordinate axis."""
    c, s = math.cos(radians), math.sin(radians)
    return np.array({
        "X": [[1, 0, 0], [0, c, -s], [0, s, c]],
        "Y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
        "Z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    }[axis])  # fmt: skip


def from_rotation_vector(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rodrigues' formula."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = np.asarray(vector, np.float64) / angle
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + math.sin(angle) * k + (1 - math.cos(angle)) * (k @ k)


def from_quaternion(quaternion: NDArray[np.float64]) -> NDArray[np.float64]:
    """wxyz -> matrix, through Rodrigues."""
    w, v = float(quaternion[0]), np.asarray(quaternion[1:], np.float64)
    sine = float(np.linalg.norm(v))
    return np.eye(3) if sine < 1e-12 else from_rotation_vector(v / sine * 2 * math.atan2(sine, w))


def joints(
    local: NDArray[np.float64], pelvis: NDArray[np.float64], offsets: NDArray[np.float64]
) -> NDArray[np.float64]:
    """One frame: local matrices (22,3,3), position of the pelvis (3), offsets (22,3) -> positions (22,3)."""
    world = [local[0]]
    position = [np.asarray(pelvis, np.float64)]
    for joint in range(1, 22):
        parent = PARENTS[joint]
        world.append(world[parent] @ local[joint])
        position.append(position[parent] + world[parent] @ np.asarray(offsets[joint], np.float64))
    return np.array(position)


def motion_joints(
    rotations: NDArray[np.float64], root: NDArray[np.float64], offsets: NDArray[np.float64]
) -> NDArray[np.float64]:
    """wxyz (T,22,4), root (T,3), offsets (22,3) -> positions (T,22,3)."""
    return np.array([
        joints(np.array([from_quaternion(q) for q in frame]), place, offsets)
        for frame, place in zip(rotations, root, strict=True)
    ])  # fmt: skip


def tumble(frames: int = 12, seed: int = 3) -> Motion:
    """Every joint anywhere, signs of the quaternions mixed: nothing about it is easy."""
    random = np.random.default_rng(seed)
    rotations = random.normal(size=(frames, 22, 4))
    rotations /= np.linalg.norm(rotations, axis=-1, keepdims=True)
    return Motion(
        rotations=rotations.astype(np.float32),
        root=random.normal(size=(frames, 3)).astype(np.float32),
        contacts=random.uniform(size=(frames, 4)).astype(np.float32),
        offsets=(skeleton.REST_OFFSETS * 1.1).astype(np.float32),
        fps=30.0,
        meta={"text": "歩く", "action": None, "seed": 7, "seconds": 0.4, "warnings": []},
    )


def standing() -> Motion:
    """Two frames of the T-pose, a step forward and to the left between them."""
    rotations = np.zeros((2, 22, 4), np.float32)
    rotations[..., 0] = 1.0
    root = np.array([[0.0, 0.9, 0.0], [0.1, 0.9, 0.5]], np.float32)
    return Motion(rotations, root, np.ones((2, 4), np.float32), skeleton.REST_OFFSETS, 20.0)
