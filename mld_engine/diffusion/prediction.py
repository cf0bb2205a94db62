# SPDX-License-Identifier: GPL-3.0-or-later
"""What a network predicts (noise, clean latent or velocity), and how each gives the others.

With a = sqrt(alpha_bar) and b = sqrt(1 - alpha_bar): x_t = a x_0 + b noise, and the velocity is
v = a noise - b x_0 (Salimans and Ho, 2022, section 4). `alpha_bar` is a float, or a tensor that
broadcasts against the latents.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ..checkpoints.config import Prediction


class Estimate(NamedTuple):
    """What the network believes the noisy latent is made of."""

    clean: Tensor
    noise: Tensor


def add_noise(clean: Tensor, noise: Tensor, alpha_bar: float | Tensor) -> Tensor:
    """x_t."""
    signal, spread = _roots(alpha_bar)
    return signal * clean + spread * noise


def target(prediction: Prediction, clean: Tensor, noise: Tensor, alpha_bar: float | Tensor) -> Tensor:
    """What the network should answer for x_t made of `clean` and `noise`."""
    if prediction == "eps":
        return noise
    if prediction == "x0":
        return clean
    signal, spread = _roots(alpha_bar)
    return signal * noise - spread * clean


def estimate(prediction: Prediction, output: Tensor, noisy: Tensor, alpha_bar: float | Tensor) -> Estimate:
    """The network's answer for x_t = `noisy` -> clean latent and noise."""
    signal, spread = _roots(alpha_bar)
    if prediction == "eps":
        return Estimate((noisy - spread * output) / signal, output)
    if prediction == "x0":
        return Estimate(output, (noisy - signal * output) / spread)
    return Estimate(signal * noisy - spread * output, signal * output + spread * noisy)


def _roots(alpha_bar: float | Tensor) -> tuple[float | Tensor, float | Tensor]:
    if isinstance(alpha_bar, Tensor):
        return torch.sqrt(alpha_bar), torch.sqrt(1 - alpha_bar)
    return math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
