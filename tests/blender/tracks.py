# SPDX-License-Identifier: GPL-3.0-or-later
"""Channels and metadata as retargeting and the engine deliver them, without either."""

from __future__ import annotations

from typing import Any

import numpy as np

from blender_addon.animation.metadata import TakeMetadata
from blender_addon.animation.source import SourceTake
from blender_addon.animation.take import write_take
from blender_addon.retarget import quaternion
from blender_addon.retarget.options import PoseTrack
from blender_addon.retarget.resample import key_frames


def pose_track(
    rotated: tuple[str, ...] = ("hips", "spine", "chest"),
    moved: tuple[str, ...] = ("hips",),
    seconds: float = 1.0,
    fps: float = 24.0,
    seed: int = 0,
    speed: float = 1.0,
) -> PoseTrack:
    """Smooth channels, at a speed of 1 over more than one full turn, for the named bones."""
    rng = np.random.default_rng(seed)
    frames = key_frames(seconds, fps)
    time = frames[:, None] / fps * speed

    def rotations() -> Any:
        turns = sum(
            quaternion_of(rng.normal(size=3), np.sin(rng.uniform(1, 4) * time[:, 0] + rng.uniform(0, 6)) * 2.0)
            for _ in range(3)
        )
        return quaternion.continuous(quaternion.normalize(turns))

    return PoseTrack(
        frames=frames,
        rotations={bone: rotations() for bone in rotated},
        locations={bone: np.sin(time * rng.uniform(1, 4, 3)) * 0.5 for bone in moved},
        seconds=seconds,
        contacts=np.zeros((len(frames), 4)),
    )


def quaternion_of(axis: Any, angles: Any) -> Any:
    """(T, 4) turns by `angles` [rad] about one axis."""
    return quaternion.from_axis_angle(axis / np.linalg.norm(axis), angles)


def metadata(**changes: Any) -> TakeMetadata:
    values: dict[str, Any] = {
        "prompt": "an old man walks slowly",
        "action": "",
        "style": "",
        "seed": 42,
        "guidance": 7.5,
        "steps": 50,
        "seconds": 1.0,
        "fps": 24.0,
        "pack": "research",
        "pack_sha256": "0123456789abcdef" * 4,
        "version": "0.1.0",
    }
    return TakeMetadata(**{**values, **changes})


def source_take(frames: int = 40) -> SourceTake:
    """Engine arrays of float32, with no value that a coarser storage could keep by luck."""
    rng = np.random.default_rng(7)
    rotations = rng.normal(size=(frames, 22, 4))
    return SourceTake(
        (rotations / np.linalg.norm(rotations, axis=-1, keepdims=True)).astype(np.float32),
        rng.normal(size=(frames, 3)).astype(np.float32),
        rng.random((frames, 4)).astype(np.float32),
        rng.normal(size=(22, 3)).astype(np.float32),
        30.0,
    )


def write(armature: Any, *, seed: int = 42, **arguments: Any) -> Any:
    """A take of `pose_track(seed=seed)` from frame 1 on."""
    arguments = {"start_frame": 1, "metadata": metadata(seed=seed), **arguments}
    return write_take(armature, pose_track(seed=seed), **arguments)
