# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the floor is under a body: data sets put it at a joint, a retargeter wants it under the sole."""

from __future__ import annotations

from torch import Tensor

from ..contract.contacts import SOLE_DEPTH
from ..contract.skeleton import CONTACT_JOINTS


def floor_height(positions: Tensor) -> Tensor:
    """World joints (..., T, 22, 3) in metres, Y up -> (...): the lowest sole of the clip."""
    feet = positions[..., list(CONTACT_JOINTS), 1]
    return (feet - feet.new_tensor(SOLE_DEPTH)).amin((-1, -2))


def raised(points: Tensor, height: Tensor | float) -> Tensor:
    """Points (..., T, 3) or (..., T, J, 3), moved up by `height`: a number, or one for each clip (...)."""
    up = points.new_tensor([0.0, 1.0, 0.0])
    if isinstance(height, float):
        return points + height * up
    return points + height.reshape(*height.shape, *[1] * (points.dim() - height.dim())) * up
