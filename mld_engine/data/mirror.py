# SPDX-License-Identifier: GPL-3.0-or-later
"""The same motion in a mirror."""

from __future__ import annotations

from torch import Tensor

from ..contract.skeleton import MIRRORED_JOINTS


def mirror_motion(rotations: Tensor, root: Tensor) -> tuple[Tensor, Tensor]:
    """rotations (..., 22, 4) local wxyz and root (..., 3) reflected in the plane x = 0, sides swapped.

    A reflection turns the other way about every axis in its plane: y and z of the quaternion change
    their sign, and so does the x of a position. The body itself must be symmetric.
    """
    swapped = rotations[..., list(MIRRORED_JOINTS), :] * rotations.new_tensor([1.0, 1.0, -1.0, -1.0])
    return swapped, root * root.new_tensor([-1.0, 1.0, 1.0])
