# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion as amounts of cosines over its length: the linear part of a VAE, beside its transformers.

A clip of T frames is, for each feature, a sum of T cosines (the DCT); the slow ones hold nearly all of what a body
does. Linear layers between their amounts and the latent can be fitted in seconds (`train.harmonic_fit`), so that the
transformers need to learn only what is left: with under an hour of motion they do not find the way there alone.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..checkpoints.config import VaeConfig


def cosines(count: int, frames: int, lengths: Tensor) -> Tensor:
    """The first `count` cosines over clips of `lengths` (B,) frames, (B, count, frames); zero beyond the clip.

    Their mean squares are 1, and clips of T frames have T of them: the later ones are zero.
    """
    number = torch.arange(count, device=lengths.device)[None, :, None]
    place = torch.arange(frames, device=lengths.device)[None, None, :]
    length = lengths[:, None, None]
    wave = torch.cos(math.pi * number * (place + 0.5) / length)
    size = torch.where(number == 0, 1.0, math.sqrt(2.0))
    return wave * size * ((number < length) & (place < length))


class HarmonicAnalysis(nn.Module):
    """Features -> latent."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        self._shape, self._count = (config.tokens, config.latent_dim), config.harmonics
        self.to_latent = nn.Linear(config.harmonics * config.features, config.tokens * config.latent_dim)

    def amounts(self, features: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Normalised features (B, T, F) -> how much of each cosine is in each feature, (B, harmonics * F)."""
        batch, frames, _ = features.shape
        every = torch.full((batch,), frames, device=features.device) if lengths is None else lengths
        return (cosines(self._count, frames, every) @ features / every[:, None, None]).flatten(1)

    def forward(self, features: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Normalised features (B, T, F) -> (B, tokens, latent_dim)."""
        with _exactly(features):
            latents: Tensor = self.to_latent(self.amounts(features.float(), lengths))
        return latents.reshape(len(latents), *self._shape)


class HarmonicSynthesis(nn.Module):
    """Latent -> features."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        self.shape, self._count = (config.tokens, config.latent_dim), config.harmonics
        self.from_latent = nn.Linear(config.tokens * config.latent_dim, config.harmonics * config.features)

    def forward(self, latents: Tensor, frames: int, lengths: Tensor | None = None) -> Tensor:
        """(B, tokens, latent_dim) -> normalised features (B, frames, F)."""
        every = torch.full((1,), frames, device=latents.device) if lengths is None else lengths
        with _exactly(latents):
            amounts = self.from_latent(latents.flatten(1).float()).unflatten(-1, (self._count, -1))
            features: Tensor = cosines(self._count, frames, every).transpose(1, 2) @ amounts
        return features


def _exactly(tensor: Tensor) -> torch.autocast:
    """In single precision, also where the rest is computed in less: rounded sums of cosines make motion tremble."""
    return torch.autocast(tensor.device.type, enabled=False)
