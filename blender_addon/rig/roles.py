# SPDX-License-Identifier: GPL-3.0-or-later
"""The 22 roles a bone can play: the joints of the motion, with the names an animator reads.

A role is the name of an SMPL joint, so `left_elbow` is the role of the left lower arm: the bone
that turns about the left elbow.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from ..contract import skeleton

ROLES: Final[tuple[str, ...]] = skeleton.JOINT_NAMES
"""In the order of the motion's joints; parents before children."""

LABELS: Final[dict[str, str]] = {
    "pelvis": "Hips",
    "left_hip": "Left Upper Leg",
    "right_hip": "Right Upper Leg",
    "spine1": "Lower Spine",
    "left_knee": "Left Lower Leg",
    "right_knee": "Right Lower Leg",
    "spine2": "Middle Spine",
    "left_ankle": "Left Foot",
    "right_ankle": "Right Foot",
    "spine3": "Chest",
    "left_foot": "Left Toes",
    "right_foot": "Right Toes",
    "neck": "Neck",
    "left_collar": "Left Shoulder",
    "right_collar": "Right Shoulder",
    "head": "Head",
    "left_shoulder": "Left Upper Arm",
    "right_shoulder": "Right Upper Arm",
    "left_elbow": "Left Lower Arm",
    "right_elbow": "Right Lower Arm",
    "left_wrist": "Left Hand",
    "right_wrist": "Right Hand",
}
"""What the panel and messages call each role."""

PANEL_ORDER: Final[tuple[str, ...]] = (
    "pelvis", "spine1", "spine2", "spine3", "neck", "head",
    "left_collar", "left_shoulder", "left_elbow", "left_wrist",
    "right_collar", "right_shoulder", "right_elbow", "right_wrist",
    "left_hip", "left_knee", "left_ankle", "left_foot",
    "right_hip", "right_knee", "right_ankle", "right_foot",
)  # fmt: skip
"""The roles from the hips upwards, then limb by limb."""

REQUIRED: Final[tuple[str, ...]] = (
    "pelvis", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "spine3",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
)  # fmt: skip
"""Roles without which nothing is keyed; besides these, `head` or `neck` (see `missing_required`).

`spine3` is the highest spine bone, so a rig with one spine bone has it; spine1 and spine2 need more bones."""

PARENT_ROLE: Final[dict[str, str | None]] = {
    role: ROLES[parent] if parent >= 0 else None for role, parent in zip(ROLES, skeleton.PARENTS, strict=True)
}

MIRRORED_ROLE: Final[dict[str, str]] = {
    role: ROLES[mirrored] for role, mirrored in zip(ROLES, skeleton.MIRRORED_JOINTS, strict=True)
}
"""The role on the other side of the body; central roles are their own."""

SIDE_PAIRS: Final[tuple[tuple[str, str], ...]] = tuple(
    (role, MIRRORED_ROLE[role]) for role in ROLES if role.startswith("left_")
)
"""(left, right)"""


def missing_required(mapped: Collection[str]) -> tuple[str, ...]:
    """The required roles that are not in `mapped`, in the order of ROLES. Of head and neck one is enough."""
    missing = {role for role in REQUIRED if role not in mapped}
    if "head" not in mapped and "neck" not in mapped:
        missing.add("head")
    return tuple(role for role in ROLES if role in missing)
