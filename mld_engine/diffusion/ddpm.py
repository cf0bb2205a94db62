# SPDX-License-Identifier: GPL-3.0-or-later
"""One DDPM step (Ho et al., 2020, equations 6 and 7, with the posterior's own variance)."""

from __future__ import annotations

import math

from torch import Tensor

from .prediction import Estimate
from .schedule import Step


def ddpm_step(estimate: Estimate, noisy: Tensor, step: Step, noise: Tensor) -> Tensor:
    """A draw from q(x_next | x_t = noisy, x_0 = estimate.clean); `noise` is standard normal like the latent.

    Steps may skip timesteps: alpha over a step is the ratio of the two alpha_bars.
    """
    now, after = step.alpha_bar, step.alpha_bar_next
    alpha = now / after
    beta = 1 - alpha
    from_clean = math.sqrt(after) * beta / (1 - now)
    from_noisy = math.sqrt(alpha) * (1 - after) / (1 - now)
    spread = math.sqrt(max(beta * (1 - after) / (1 - now), 0.0))
    return from_clean * estimate.clean + from_noisy * noisy + spread * noise
