# SPDX-License-Identifier: GPL-3.0-or-later
"""Two clips at once: the arms of one on the body of another."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..rotations import slerp


def with_arms(body: Tensor, arms: Tensor, joints: Sequence[int], fade: int) -> Tensor:
    """Local rotations of `body` (T, 22, 4) with `joints` as in `arms` (S, 22, 4) -> (T, 22, 4).

    The arms start with the body's first frame. Where they are shorter, they go over into the body's
    own over `fade` frames at their end; where they are longer, the rest is left out.
    """
    frames = min(len(body), len(arms))
    result = body.clone()
    share = torch.ones(frames)
    if frames < len(body):
        ramp = (torch.arange(min(fade, frames)) + 0.5) / min(fade, frames)
        share[frames - len(ramp) :] = (1 - ramp * ramp * (3 - 2 * ramp)).clamp(0, 1)
    chosen = list(joints)
    result[:frames, chosen] = slerp(body[:frames, chosen], arms[:frames, chosen], share[:, None, None])
    return result
