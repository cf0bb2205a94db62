# SPDX-License-Identifier: GPL-3.0-or-later
"""Which feet stand, seen from the joints."""

from __future__ import annotations

import torch
from torch import Tensor

from ..contract.contacts import CONTACT_HEIGHT, CONTACT_SPEED
from ..contract.skeleton import CONTACT_JOINTS


def standing_feet(positions: Tensor, fps: float) -> Tensor:
    """World joints (..., T, 22, 3) in metres, Y up -> (..., T, 4): 1 where a foot is low and stands,
    before or after the frame. T is at least 2."""
    feet = positions[..., CONTACT_JOINTS, :]
    after = repeat_last((feet[..., 1:, :, :] - feet[..., :-1, :, :]).norm(dim=-1) * fps)
    before = torch.cat([after[..., :1, :], after[..., :-1, :]], -2)
    slow = torch.minimum(before, after) < CONTACT_SPEED
    low = feet[..., 1] < feet.new_tensor(CONTACT_HEIGHT * 2)
    return (slow & low).to(positions.dtype)


def repeat_last(steps: Tensor) -> Tensor:
    """Differences (..., T - 1, k) -> (..., T, k)."""
    return torch.cat([steps, steps[..., -1:, :]], -2)
