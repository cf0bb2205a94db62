# SPDX-License-Identifier: GPL-3.0-or-later
"""The published samplers, written down plainly: an oracle for ours."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

Predict = Callable[[Tensor, int], Tensor]
"""(noisy tokens (1, S, dim), timestep) -> guided noise, of the same shape."""

ALPHAS = [float(value) for value in np.cumprod(1 - np.linspace(math.sqrt(0.00085), math.sqrt(0.012), 1000) ** 2)]


def clean(noisy: Tensor, noise: Tensor, alpha: float) -> Tensor:
    return (noisy - math.sqrt(1 - alpha) * noise) / math.sqrt(alpha)


def ddim(predict: Predict, latent: Tensor, steps: int, predicts_noise: bool = True) -> Tensor:
    stride = 1000 // steps
    for timestep in range((steps - 1) * stride + 1, 0, -stride):
        now, after = ALPHAS[timestep], ALPHAS[max(timestep - stride, 0)]
        answer = predict(latent, timestep)
        guess = clean(latent, answer, now) if predicts_noise else answer
        noise = (latent - math.sqrt(now) * guess) / math.sqrt(1 - now)
        latent = math.sqrt(after) * guess + math.sqrt(1 - after) * noise
    return latent


def ddpm(predict: Predict, latent: Tensor, steps: int, generator: torch.Generator) -> Tensor:
    stride = 1000 // steps
    for timestep in range((steps - 1) * stride, -1, -stride):
        now, after = ALPHAS[timestep], ALPHAS[timestep - stride] if timestep >= stride else 1.0
        beta = 1 - now / after
        guess = clean(latent, predict(latent, timestep), now)
        mean = math.sqrt(after) * beta * guess + math.sqrt(1 - beta) * (1 - after) * latent
        variance = (1 - after) / (1 - now) * beta
        latent = mean / (1 - now) + math.sqrt(variance) * torch.randn(latent.shape, generator=generator)
    return latent


def consistency(predict: Predict, latent: Tensor, timesteps: list[int], generator: torch.Generator) -> Tensor:
    for index, timestep in enumerate(timesteps):
        now, scaled = ALPHAS[timestep], 10.0 * timestep
        out, skip = scaled / math.sqrt(scaled**2 + 0.25), 0.25 / (scaled**2 + 0.25)
        latent = out * clean(latent, predict(latent, timestep), now) + skip * latent
        if index + 1 < len(timesteps):
            after = ALPHAS[timesteps[index + 1]]
            noise = torch.randn(latent.shape, generator=generator)
            latent = math.sqrt(after) * latent + math.sqrt(1 - after) * noise
    return latent
