# SPDX-License-Identifier: GPL-3.0-or-later
"""One DDIM step (Song et al., 2021, equations 12 and 16)."""

from __future__ import annotations

import math

from torch import Tensor

from .prediction import Estimate
from .schedule import Step


def ddim_sigma(step: Step, eta: float) -> float:
    """Standard deviation of the noise that a step adds: 0 for eta 0, that of DDPM for eta 1."""
    now, after = step.alpha_bar, step.alpha_bar_next
    return eta * math.sqrt(max((1 - after) / (1 - now) * (1 - now / after), 0.0))


def ddim_step(estimate: Estimate, step: Step, eta: float = 0.0, noise: Tensor | None = None) -> Tensor:
    """The latent at the next noise level. `noise` is standard normal like the latent, needed where eta > 0."""
    sigma = ddim_sigma(step, eta)
    direction = math.sqrt(max(1 - step.alpha_bar_next - sigma * sigma, 0.0))
    latent = math.sqrt(step.alpha_bar_next) * estimate.clean + direction * estimate.noise
    if sigma == 0.0:
        return latent
    assert noise is not None, "a step with eta > 0 needs noise"
    return latent + sigma * noise
