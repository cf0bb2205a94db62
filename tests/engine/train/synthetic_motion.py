# SPDX-License-Identifier: GPL-3.0-or-later
"""A small made-up data set: bodies that walk and wave, with captions and invented embeddings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mld_engine.contract.skeleton import JOINT_INDEX
from mld_engine.data.store import ClipRecord

FPS = 30.0
CAPTIONS = {
    ("walk", ""): ("a person walks", "someone walks ahead"),
    ("wave", "left"): ("a person waves with the left hand",),
    ("wave", "right"): ("a person waves with the right hand",),
}


def synthetic_motion(
    action: str, side: str, frames: int, phase: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Legs that swing on a curved path, or an arm that waves: rotations (T, 22, 4), root (T, 3)."""
    seconds = np.arange(frames) / FPS
    angles = np.zeros((frames, 22, 3))
    swing = 0.5 * np.sin(2 * np.pi * seconds + phase)
    yaw = 0.3 * seconds + phase
    speed = 0.0
    if action == "walk":
        speed = 1.2
        angles[:, JOINT_INDEX["left_hip"], 0], angles[:, JOINT_INDEX["right_hip"], 0] = -swing, swing
    else:
        angles[:, JOINT_INDEX[f"{side}_shoulder"], 2] = (1 if side == "left" else -1) * (0.9 + swing)
    angles[:, 0, 1] = yaw
    half = np.linalg.norm(angles, axis=-1, keepdims=True) / 2
    rotations = np.concatenate([np.cos(half), np.sinc(half / np.pi) * angles / 2], -1)
    path = np.cumsum(np.stack([np.sin(yaw), np.cos(yaw)], -1) * speed / FPS, 0)
    root = np.stack([path[:, 0], 0.92 + 0.01 * np.cos(4 * np.pi * seconds), path[:, 1]], -1)
    return rotations.astype(np.float32), root.astype(np.float32)


def synthetic_records() -> list[ClipRecord]:
    """Eighteen clips of 40 to 91 frames; every sixth is for validation, every sixth for tests."""
    records = []
    for number in range(18):
        action, side = list(CAPTIONS)[number % 3]
        other = {"left": "right", "right": "left"}.get(side, "")
        rotations, root = synthetic_motion(action, side, 40 + 3 * number, 0.4 * number)
        label = f"{action}_{side}".rstrip("_")
        records.append(
            ClipRecord(
                name=f"clip{number:02d}",
                rotations=rotations,
                root=root,
                split={4: "val", 5: "test"}.get(number % 6, "train"),
                action=label,
                action_mirrored=f"{action}_{other}".rstrip("_"),
                style="old" if number % 2 else "happy",
                captions=CAPTIONS[action, side],
                captions_mirrored=CAPTIONS[action, other],
                source="synthetic",
                licence="CC0",
            )
        )
    return records
