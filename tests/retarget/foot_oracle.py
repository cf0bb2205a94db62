# SPDX-License-Identifier: GPL-3.0-or-later
"""Sliding, sinking and knee speed of a track, told from joint positions alone; written apart from the code under test."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from blender_addon.retarget.options import PoseTrack
from blender_addon.rig.snapshot import RigSnapshot
from tests.retarget.limb_oracle import joint_heads

Array = NDArray[np.float64]

CONTACT_ROLES = ("left_ankle", "left_foot", "right_ankle", "right_foot")
"""Role of each of the four contact channels."""


def contact_phases(contacts: Array) -> list[tuple[str, int, int]]:
    """(role, begin, end) of every run of at least two frames in which a channel is above one half."""
    phases = []
    for role, channel in zip(CONTACT_ROLES, contacts.T, strict=True):
        touching = [*(channel > 0.5), False]
        begin = None
        for frame, touches in enumerate(touching):
            if touches and begin is None:
                begin = frame
            elif not touches and begin is not None:
                if frame - begin > 1:
                    phases.append((role, begin, frame))
                begin = None
    return phases


def slides(rig: RigSnapshot, roles: Mapping[str, str], track: PoseTrack, travel: Array | None = None) -> Array:
    """Metres (phases,) between the two level positions of a joint that lie furthest apart within each contact phase.

    `travel` (F, 3) is added to all positions: where a character that moves in place would be.
    """
    heads = joint_heads(rig, {role: roles[role] for role in CONTACT_ROLES if role in roles}, track)
    found = []
    for role, begin, end in contact_phases(track.contacts):
        if role in heads:
            level = (heads[role] + (0.0 if travel is None else travel))[begin:end, :2]
            found.append(np.linalg.norm(level[:, None] - level[None], axis=-1).max())
    return np.array(found)


def deepest(rig: RigSnapshot, roles: Mapping[str, str], track: PoseTrack) -> float:
    """Metres by which an ankle or toe joint sinks below its own height at rest."""
    used = {role: roles[role] for role in CONTACT_ROLES if role in roles}
    heads = joint_heads(rig, used, track)
    rest = {role: rig.rest_world[rig.index(bone), 2, 3] for role, bone in used.items()}
    return float(max(np.max(rest[role] - heads[role][:, 2]) for role in used))


def knee_speeds(rig: RigSnapshot, roles: Mapping[str, str], track: PoseTrack, fps: float) -> dict[str, Array]:
    """Degrees a second (F-1,) of the angle between thigh and shin, by side."""
    legs = {f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "ankle")}
    heads = joint_heads(rig, {role: roles[role] for role in legs}, track)
    speeds = {}
    for side in ("left", "right"):
        hip, knee, ankle = (heads[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
        thigh = (knee - hip) / np.linalg.norm(knee - hip, axis=-1, keepdims=True)
        shin = (ankle - knee) / np.linalg.norm(ankle - knee, axis=-1, keepdims=True)
        bend = np.arctan2(np.linalg.norm(np.cross(thigh, shin), axis=-1), np.sum(thigh * shin, axis=-1))
        speeds[side] = np.abs(np.diff(np.degrees(bend))) * fps
    return speeds


def fastest_knee(rig: RigSnapshot, roles: Mapping[str, str], track: PoseTrack, fps: float) -> float:
    return float(max(speed.max() for speed in knee_speeds(rig, roles, track, fps).values()))
