# SPDX-License-Identifier: GPL-3.0-or-later
"""What a clip's root path says about its direction, measured."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from torch import Tensor

from ..rotations import twist_yaw, wrap_angle

_TRAVEL_METRES: Final = 0.8
_TURN_RADIANS: Final = math.radians(35)
_STRAIGHT_RADIANS: Final = math.radians(12)


class Path(NamedTuple):
    """Of a whole clip: metres from the first place to the last, radians of heading change (left is positive)."""

    travel: float
    turn: float

    @property
    def direction(self) -> str:
        """`left`, `right`, `straight`, or nothing for a clip that stays where it is or is neither."""
        if self.travel < _TRAVEL_METRES:
            return ""
        if abs(self.turn) > _TURN_RADIANS:
            return "left" if self.turn > 0 else "right"
        return "straight" if abs(self.turn) < _STRAIGHT_RADIANS else ""


def measure_path(rotations: Tensor, root: Tensor) -> Path:
    """rotations (T, 22, 4) wxyz and root (T, 3) metres, Y up."""
    yaw = twist_yaw(rotations[:, 0])
    turn = float(wrap_angle(yaw[1:] - yaw[:-1]).sum())
    return Path(float((root[-1] - root[0])[[0, 2]].norm()), turn)
