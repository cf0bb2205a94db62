# SPDX-License-Identifier: GPL-3.0-or-later
"""The sampling loop: from noise to a clean latent, one denoising step after the other."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..checkpoints.config import Sampler
from .ddim import ddim_step
from .ddpm import ddpm_step
from .lcm import lcm_step
from .prediction import estimate
from .schedule import NoiseSchedule

Denoise = Callable[[Tensor, int], Tensor]
"""(noisy latent, number of the step from 0) -> the network's prediction, guided."""


def sample(
    denoise: Denoise,
    noise: Tensor,
    schedule: NoiseSchedule,
    steps: int,
    *,
    method: Sampler = "ddim",
    eta: float = 0.0,
    generator: torch.Generator | None = None,
    before_step: Callable[[int], None] | None = None,
    after_step: Callable[[int], None] | None = None,
) -> Tensor:
    """`noise` (any shape, standard normal) -> the latent after `steps` steps, of the same shape.

    `generator` is a CPU generator for the noise of DDPM and LCM, or of DDIM with eta > 0, so that a
    seed gives the same latent on every device. `before_step` and `after_step` get the number of the
    step, from 0; what they raise ends the loop.
    """
    latent = noise
    fresh_noise = method != "ddim" or eta > 0
    for index, step in enumerate(schedule.steps(steps)):
        if before_step is not None:
            before_step(index)
        output = denoise(latent, index)
        guess = estimate(schedule.config.prediction, output, latent, step.alpha_bar)
        extra = torch.randn(latent.shape, generator=generator).to(latent) if fresh_noise else None
        if method == "ddim":
            latent = ddim_step(guess, step, eta, extra)
        else:
            assert extra is not None
            latent = (ddpm_step if method == "ddpm" else lcm_step)(guess, latent, step, extra)
        if after_step is not None:
            after_step(index)
    return latent
