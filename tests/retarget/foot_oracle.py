# SPDX-License-Identifier: GPL-3.0-or-later
"""Sliding, sinking and knee speed of a track, from joint positions alone; written apart from the code under test."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CONTACT_ROLES = ("left_ankle", "left_foot", "right_ankle", "right_foot")
"""Role of each of the four contact channels."""
CALM_KNEE = 10.0
"""Degrees a second: a third of a degree a frame, which nobody sees."""


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


def slides(heads: Mapping[str, Array], contacts: Array, travel: Array | None = None) -> Array:
    """Metres (phases,) between the two level positions of a joint that lie furthest apart within each contact phase.

    `heads`: role -> (F, 3) in the world. `travel` (F, 3) is added to all of them: where a character that moves in place
    would be.
    """
    found = []
    for role, begin, end in contact_phases(contacts):
        if role in heads:
            level = (heads[role] + (0.0 if travel is None else travel))[begin:end, :2]
            found.append(np.linalg.norm(level[:, None] - level[None], axis=-1).max())
    return np.array(found)


def deepest(heads: Mapping[str, Array], rest: Mapping[str, Array]) -> float:
    """Metres by which an ankle or toe joint (F, 3) sinks below its own height at rest (3,)."""
    return float(max(np.max(rest[role][2] - heads[role][:, 2]) for role in CONTACT_ROLES if role in heads))


def knee_ratio(free: Mapping[str, Array], locked: Mapping[str, Array], fps: float) -> float:
    """How much faster the locked knees are: of each knee's fastest moments, locked over free; the larger of the two.

    A free knee that hardly moves counts as one of `CALM_KNEE`: how many times faster such a knee became says nothing.
    """
    speeds = zip(knee_speeds(free, fps), knee_speeds(locked, fps), strict=True)
    return max(held / max(loose, CALM_KNEE) for loose, held in speeds)


def knee_speeds(heads: Mapping[str, Array], fps: float) -> tuple[float, ...]:
    """Degrees a second, left and right: the most by which the angle between thigh and shin changes in one frame."""
    fastest = []
    for side in ("left", "right"):
        hip, knee, ankle = (heads[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
        thigh = (knee - hip) / np.linalg.norm(knee - hip, axis=-1, keepdims=True)
        shin = (ankle - knee) / np.linalg.norm(ankle - knee, axis=-1, keepdims=True)
        bend = np.arctan2(np.linalg.norm(np.cross(thigh, shin), axis=-1), np.sum(thigh * shin, axis=-1))
        fastest.append(float(np.abs(np.diff(np.degrees(bend))).max(initial=0.0)) * fps)
    return tuple(fastest)
