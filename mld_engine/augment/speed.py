# SPDX-License-Identifier: GPL-3.0-or-later
"""The same clip, done faster or slower."""

from __future__ import annotations

import torch
from torch import Tensor

from ..rotations import slerp


def at_speed(rotations: Tensor, root: Tensor, speed: float) -> tuple[Tensor, Tensor]:
    """rotations (T, 22, 4) and root (T, 3) at `speed` times their own -> the same with about T / speed frames."""
    frames = len(root)
    count = max(2, round((frames - 1) / speed) + 1)
    place = torch.linspace(0, frames - 1, count)
    before = place.floor().long().clamp(max=frames - 2)
    share = place - before
    turned = slerp(rotations[before], rotations[before + 1], share[:, None, None])
    return turned, torch.lerp(root[before], root[before + 1], share[:, None])
