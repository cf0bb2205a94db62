# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the numbers of one feature row lie, for J joints: 12 J - 1 of them.

    yaw_step    1         arcsine of the quaternion's y: HALF the yaw change to the next frame, radians
    root_step   2         root displacement X, Z to the next frame, in the heading of the NEXT frame
    height      1         root height
    positions   3(J - 1)  joints but the root, turned to face +Z; X, Z from the root, Y from the floor
    rotations   6(J - 1)  zero-twist bone rotations, 6D: the first two COLUMNS of the matrix
    velocities  3J        displacement of all joints to the next frame, in the heading of this frame
    contacts    4         left ankle, left toe, right ankle, right toe: 1 where the foot hardly moves

Lengths are in the units of the data set, per frame and not per second. The rotations are no SMPL
pose: they live on another rest pose, have no twist, and are stored at the child joint of their bone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

YAW_STEP: Final = 0
ROOT_STEP: Final = slice(1, 3)
HEIGHT: Final = 3


@dataclass(frozen=True)
class Layout:
    """The slices of a feature row for a skeleton of `joints` joints."""

    joints: int

    @property
    def features(self) -> int:
        return 12 * self.joints - 1

    @property
    def positions(self) -> slice:
        return slice(4, 4 + 3 * (self.joints - 1))

    @property
    def rotations(self) -> slice:
        return slice(self.positions.stop, self.positions.stop + 6 * (self.joints - 1))

    @property
    def velocities(self) -> slice:
        return slice(self.rotations.stop, self.rotations.stop + 3 * self.joints)

    @property
    def contacts(self) -> slice:
        return slice(self.velocities.stop, self.velocities.stop + 4)
