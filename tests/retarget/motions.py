# SPDX-License-Identifier: GPL-3.0-or-later
"""Motions to retarget: four takes that a model made once, and synthetic ones that reach further."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blender_addon.contract import skeleton
from blender_addon.retarget.source_motion import SourceMotion

GOLDEN_FPS = 30.0
WALK, SLOW_WALK, STROLL, RAISED_ARM = range(4)
"""What the takes show; the last one stands and holds up its left arm."""

Array = NDArray[np.float64]


def golden_motion(repository: Path, take: int) -> SourceMotion:
    """One of four takes of text prompts, kept in a file: what is measured on them does not change with the model."""
    tensors = _read_safetensors(repository / "tests" / "retarget" / "takes.safetensors")
    return SourceMotion(
        rotations=tensors[f"rotations_{take}"],
        root=tensors[f"root_{take}"],
        contacts=tensors[f"contacts_{take}"],
        offsets=skeleton.REST_OFFSETS,
        fps=GOLDEN_FPS,
    )


def wild_motion(seed: int, frames: int = 40, degrees: float = 50.0, fps: float = 30.0) -> SourceMotion:
    """Every joint swings smoothly about axes of its own while the body turns once about the vertical and travels."""
    rng = np.random.default_rng(seed)
    time = np.linspace(0.0, 2.0 * np.pi, frames)
    phase = rng.uniform(0.0, 2.0 * np.pi, (skeleton.JOINT_COUNT, 3))
    vectors = np.radians(degrees) * np.sin(time[:, None, None] * rng.integers(1, 4, phase.shape) + phase) / np.sqrt(3.0)
    rotations = rotation_vectors(vectors)
    turn = rotation_vectors(np.stack([0.0 * time, time, 0.0 * time], axis=-1))
    rotations[:, 0] = product(turn, rotations[:, 0])
    root = np.stack([np.sin(time), 0.9 + 0.1 * np.cos(2.0 * time), 0.8 * time], axis=-1)
    return SourceMotion(rotations, root, np.zeros((frames, 4)), skeleton.REST_OFFSETS, fps)


def still_motion(frames: int = 5, turn_degrees: float = 0.0) -> SourceMotion:
    """The T-pose, standing on the floor; facing turned about the vertical."""
    rotations = np.tile([1.0, 0.0, 0.0, 0.0], (frames, skeleton.JOINT_COUNT, 1))
    rotations[:, 0] = rotation_vectors(np.radians([[0.0, turn_degrees, 0.0]]))
    leg = skeleton.REST_OFFSETS[[1, 4, 7], 1].sum()
    root = np.tile([0.0, skeleton.ANKLE_HEIGHT - leg, 0.0], (frames, 1))
    return SourceMotion(rotations, root, np.ones((frames, 4)), skeleton.REST_OFFSETS, GOLDEN_FPS)


def rotation_vectors(vectors: Array) -> Array:
    """Quaternions (..., 4) of rotation vectors (..., 3) [rad]."""
    angle = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.concatenate([np.cos(angle / 2.0), 0.5 * np.sinc(angle / (2.0 * np.pi)) * vectors], axis=-1)


def product(first: Array, second: Array) -> Array:
    """Quaternion product through the 4x4 matrix of the first factor."""
    w, x, y, z = np.moveaxis(first, -1, 0)
    rows = np.stack([
        np.stack([w, -x, -y, -z], axis=-1), np.stack([x, w, -z, y], axis=-1),
        np.stack([y, z, w, -x], axis=-1), np.stack([z, -y, x, w], axis=-1),
    ], axis=-2)  # fmt: skip
    return np.einsum("...ij,...j->...i", rows, second)


def _read_safetensors(path: Path) -> dict[str, Array]:
    """The float32 tensors of a safetensors file: 8 bytes of length, a JSON header, raw little-endian data."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    return {
        name: np.frombuffer(data[start + entry["data_offsets"][0] : start + entry["data_offsets"][1]], dtype="<f4")
        .reshape(entry["shape"])
        .astype(np.float64)
        for name, entry in header.items()
        if entry.get("dtype") == "F32"
    }
