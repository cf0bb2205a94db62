# SPDX-License-Identifier: GPL-3.0-or-later
"""What a retargeted pose must look like, told from joint positions alone; written apart from the code under test."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from blender_addon.contract import skeleton
from blender_addon.retarget import rig_pose
from blender_addon.retarget.options import PoseTrack
from blender_addon.retarget.source_motion import SourceMotion
from blender_addon.rig.snapshot import RigSnapshot

Array = NDArray[np.float64]

LIMBS = {
    f"{side}_{start}": f"{side}_{end}"
    for side in ("left", "right")
    for start, end in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
}
"""Role at the near end of each limb -> role at its far end."""


def skeleton_pose(motion: SourceMotion) -> tuple[dict[str, Array], dict[str, Array]]:
    """Joint positions (T, 3) and rotations (T, 3, 3) by name, Z up: plain matrices, one joint at a time."""
    positions: list[Array] = []
    turns: list[Array] = []
    for joint, parent in enumerate(skeleton.PARENTS):
        local = rotation_matrices(motion.rotations[:, joint])
        turns.append(local if parent < 0 else turns[parent] @ local)
        shift = motion.offsets[joint]
        positions.append(motion.root if parent < 0 else positions[parent] + turns[parent] @ shift)
    to_z_up = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    return (
        dict(zip(skeleton.JOINT_NAMES, [p @ to_z_up.T for p in positions], strict=True)),
        dict(zip(skeleton.JOINT_NAMES, [to_z_up @ t @ to_z_up.T for t in turns], strict=True)),
    )


def limb_errors(motion: SourceMotion, heads: Mapping[str, Array], facing: Array) -> dict[str, Array]:
    """Degrees (T,) between each limb and the skeleton's, by role.

    `heads`: role -> (T, 3) positions in the world; `facing` (3, 3): turns a character that faces -Y into this one.
    """
    joints, _ = skeleton_pose(motion)
    return {
        start: degrees_between(heads[end] - heads[start], (joints[end] - joints[start]) @ facing.T)
        for start, end in LIMBS.items()
        if start in heads and end in heads
    }


def foot_yaw_errors(motion: SourceMotion, heads: Mapping[str, Array], facing: Array) -> dict[str, Array]:
    """Degrees (T,) between the level directions of each foot and the skeleton's, where both feet lie flat enough."""
    joints, _ = skeleton_pose(motion)
    errors = {}
    for side in ("left", "right"):
        if f"{side}_foot" in heads:
            own = heads[f"{side}_foot"] - heads[f"{side}_ankle"]
            wanted = (joints[f"{side}_foot"] - joints[f"{side}_ankle"]) @ facing.T
            level = np.array([1.0, 1.0, 0.0])
            flat = np.abs(wanted[:, 2]) < 0.7 * np.linalg.norm(wanted, axis=-1)
            errors[side] = degrees_between(own[flat] * level, wanted[flat] * level)
    return errors


def degrees_between(first: Array, second: Array) -> Array:
    """Angle (T,) between vectors (T, 3), exact for small ones."""
    a = first / np.linalg.norm(first, axis=-1, keepdims=True)
    b = second / np.linalg.norm(second, axis=-1, keepdims=True)
    return np.degrees(2.0 * np.arcsin(np.clip(0.5 * np.linalg.norm(a - b, axis=-1), 0.0, 1.0)))


def rotation_degrees(first: Array, second: Array) -> Array:
    """Angle (T,) between orientations (T, 3, 3)."""
    trace = np.einsum("...ij,...ij->...", first, second)
    return np.degrees(np.arccos(np.clip(0.5 * (trace - 1.0), -1.0, 1.0)))


def joint_heads(rig: RigSnapshot, roles: Mapping[str, str], track: PoseTrack) -> dict[str, Array]:
    """Role -> (F, 3) head of its bone in the world, by the forward kinematics that tests/blender checks."""
    world = rig_pose.track_world(rig, track, set(roles.values()))
    return {role: world[bone][:, :3, 3] for role, bone in roles.items()}


def about_z(degrees: float) -> Array:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def about_x(degrees: float) -> Array:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def rotation_matrices(q: Array) -> Array:
    """Rotation matrices (T, 3, 3) of quaternions (T, 4), by Rodrigues' formula."""
    sine = np.linalg.norm(q[:, 1:], axis=-1)
    axis = q[:, 1:] / np.maximum(sine, 1e-12)[:, None]
    angle = 2.0 * np.arctan2(sine, q[:, 0])
    k = np.zeros((len(q), 3, 3))
    k[:, 0, 1], k[:, 0, 2], k[:, 1, 2] = -axis[:, 2], axis[:, 1], -axis[:, 0]
    k[:, 1, 0], k[:, 2, 0], k[:, 2, 1] = axis[:, 2], -axis[:, 1], axis[:, 0]
    return np.eye(3) + np.sin(angle)[:, None, None] * k + (1.0 - np.cos(angle))[:, None, None] * (k @ k)
