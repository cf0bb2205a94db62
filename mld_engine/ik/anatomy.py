# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the hinges of limbs are expected to lie, for poses that do not show them.

An arm turns about itself as it moves: the pit of the elbow faces forward where the arm hangs, up and
inwards where it reaches forward, and inwards where it is raised. The constants describe that as a linear
function of the upper arm's direction. They are a least-squares fit to the hinges of elbows in captured and
hand-made motion whose rotations are known. Every source of motion and both sides count alike, straight
arms more than bent ones; the T-pose is exact. Knees and ankles turn little about themselves; their hinges
keep to the left.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

_ELBOW_CONSTANT: Final = (-0.35, -0.60, 0.52)
_ELBOW_SLOPE: Final = ((0.06, -0.15, -0.47), (0.50, 0.01, 0.53), (-0.19, 0.17, -0.07))
"""Axis about which the left elbow bends, relative to the collar: constant, and change with each coordinate
of the upper arm's unit direction."""
_LEFT: Final = (1.0, 0.0, 0.0)
_MIRROR: Final = (-1.0, 1.0, 1.0)


def expected_side_axes(directions: Tensor) -> Tensor:
    """Axes about which knees or ankles bend, for directions (..., 3) of thighs or feet: to the left."""
    return directions.new_tensor(_LEFT).expand_as(directions)


def expected_elbow_hinges(directions: Tensor) -> Tensor:
    """Axes about which elbows bend, for unit directions (2, ..., 3) of the left and the right upper arm.

    Both are relative to the collar. The part across the upper arm is what is expected, the less surely
    the shorter it is.
    """
    mirror = directions.new_tensor(_MIRROR)
    left, right = directions[0], mirror * directions[1]
    constant, slope = directions.new_tensor(_ELBOW_CONSTANT), directions.new_tensor(_ELBOW_SLOPE)
    # A mirrored body bends its elbow the other way round.
    return torch.stack([constant + left @ slope, -mirror * (constant + right @ slope)])
