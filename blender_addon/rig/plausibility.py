# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a bone map fit the body it is said to describe? Names can be exchanged, or name a quadruped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from . import roles
from .body_frame import facing, unit, upright
from .snapshot import RigSnapshot

_SIDES_EXCHANGED: Final = 0.55
_LEGS_NOT_BELOW: Final = 0.5
_UNEQUAL_LIMBS: Final = 0.85
"""For each of the four parts of arms and legs that differ."""
_NO_LENGTH: Final = 0.5


@dataclass(frozen=True)
class Plausibility:
    """`factor` 0..1 multiplies the confidence of the map; `notes` tell the animator why."""

    factor: float
    notes: tuple[str, ...] = ()


def check_body(rig: RigSnapshot, bones: Mapping[str, int]) -> Plausibility:
    """Compare a complete map, role -> bone index, with the rest pose: sides, posture, limb lengths."""
    heads = rig.rest_world[:, :3, 3]
    factor, notes = 1.0, []
    hips = (heads[bones["left_hip"]] + heads[bones["right_hip"]]) / 2.0
    shoulders = (heads[bones["left_shoulder"]] + heads[bones["right_shoulder"]]) / 2.0
    ankles = (heads[bones["left_ankle"]] + heads[bones["right_ankle"]]) / 2.0
    if unit(hips - ankles) @ unit(shoulders - hips) < 0.5:
        factor *= _LEGS_NOT_BELOW
        notes.append("The legs do not continue the body downwards: this looks like an animal or a seated rest pose.")
    up = upright(rig, hips, shoulders)
    across = heads[bones["left_hip"]] - heads[bones["right_hip"]]
    across = across + heads[bones["left_shoulder"]] - heads[bones["right_shoulder"]]
    left = unit(across - (across @ up) * up)
    faces = facing(rig, bones, up, left)
    if faces.known and float(np.cross(left, up) @ faces.forward) < 0.0:
        factor *= _SIDES_EXCHANGED
        notes.append(
            "The bones called left are on the character's right, as far as its feet and knees tell: "
            "check the sides before you use this map."
        )
    lengths = _limb_lengths(rig, bones)
    if unequal := [part for part, pair in lengths.items() if abs(pair[0] - pair[1]) > 0.25 * max(pair)]:
        factor *= _UNEQUAL_LIMBS ** len(unequal)
        notes.append(f"Left and right differ in length: {', '.join(unequal)}.")
    longest = max(max(pair) for pair in lengths.values())
    if short := [part for part, pair in lengths.items() if min(pair) <= 0.01 * longest]:
        factor *= _NO_LENGTH
        notes.append(f"Two joints stand in one place, so these have no length: {', '.join(short)}.")
    return Plausibility(factor, tuple(notes))


def _limb_lengths(rig: RigSnapshot, bones: Mapping[str, int]) -> dict[str, tuple[float, float]]:
    """What the animator calls each part of arms and legs -> its length on the left and on the right, in metres."""
    heads = rig.rest_world[:, :3, 3]
    lengths = {}
    for part, following in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle")):
        left, right = (
            float(np.linalg.norm(heads[bones[f"{side}_{part}"]] - heads[bones[f"{side}_{following}"]]))
            for side in ("left", "right")
        )
        lengths[roles.LABELS[f"left_{part}"].removeprefix("Left ").lower()] = (left, right)
    return lengths
