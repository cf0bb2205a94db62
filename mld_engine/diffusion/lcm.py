# SPDX-License-Identifier: GPL-3.0-or-later
"""One step of a latent consistency model (Luo et al., 2023, algorithm 3)."""

from __future__ import annotations

import math
from typing import Final

from torch import Tensor

from .prediction import Estimate
from .schedule import Step

_DATA_SPREAD: Final = 0.5
_TIME_SCALE: Final = 10.0


def boundary(timestep: int) -> tuple[float, float]:
    """c_skip, c_out: the shares of the noisy latent and of the network's clean latent (Song et al., 2023, appendix C).

    At timestep 0 the answer is the latent itself.
    """
    time = _TIME_SCALE * timestep
    total = time * time + _DATA_SPREAD**2
    return _DATA_SPREAD**2 / total, time / math.sqrt(total)


def lcm_step(estimate: Estimate, noisy: Tensor, step: Step, noise: Tensor) -> Tensor:
    """The clean latent, brought to the next noise level with fresh noise (to none, where that level is clean)."""
    skip, out = boundary(step.timestep)
    clean = out * estimate.clean + skip * noisy
    return math.sqrt(step.alpha_bar_next) * clean + math.sqrt(1 - step.alpha_bar_next) * noise
