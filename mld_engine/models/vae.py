# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion VAE: frames of any length <-> a latent of a few tokens (Chen et al., 2023, section 3.1).

The two halves are separate modules, because making motion needs the decoder only. Parameter names
are those of encoder.safetensors and decoder.safetensors.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..checkpoints.config import VaeConfig
from .blocks import SkipStack, length_mask, position_table

_LOG_VARIANCE_RANGE = (-20.0, 8.0)


@dataclass(frozen=True)
class Posterior:
    """Normal distribution over latents: mean and log_variance (B, tokens, latent_dim)."""

    mean: Tensor
    log_variance: Tensor

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """mean + std * noise, differentiable in both. The noise is drawn on the CPU, whatever the device."""
        noise = torch.randn(self.mean.shape, generator=generator).to(self.mean)
        return self.mean + (0.5 * self.log_variance).exp() * noise


class MotionEncoder(nn.Module):
    """Features -> posterior; learned distribution tokens collect the mean and the log-variance."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.dist_tokens = nn.Parameter(torch.randn(2 * config.tokens, width) * 0.5)
        self.embed = nn.Linear(config.features, width)
        self.enc_pos = _positions(config)
        self.encoder = SkipStack(
            width, config.layers, config.heads, config.feedforward, config.dropout, norm=config.norm
        )
        self.to_mu = nn.Linear(width, config.latent_dim)
        self.to_logvar = nn.Linear(width, config.latent_dim)
        # A small variance at first: the decoder learns from latents that say something.
        nn.init.constant_(self.to_logvar.bias, -4.0)

    def forward(self, features: Tensor, lengths: Tensor | None = None) -> Posterior:
        """Normalised features (B, T, F); `lengths` (B,) where clips are shorter than T."""
        batch, frames, _ = features.shape
        _check_length(frames, self.config)
        tokens = self.config.tokens
        h = self.embed(features) + self.enc_pos[:frames]
        h = torch.cat([self.dist_tokens.expand(batch, -1, -1), h], 1)
        h = self.encoder(h, mask=None if lengths is None else length_mask(lengths, frames, extra=2 * tokens))
        log_variance = self.to_logvar(h[:, tokens : 2 * tokens]).clamp(*_LOG_VARIANCE_RANGE)
        return Posterior(self.to_mu(h[:, :tokens]), log_variance)


class MotionDecoder(nn.Module):
    """Latent -> features; zero-motion queries know their distance to the start and to the end."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.dec_pos = _positions(config)
        self.end_pos = nn.Parameter(position_table(config.max_frames, width) * 0.1)
        self.mem_pos = nn.Parameter(torch.randn(config.tokens, width) * 0.02)
        self.from_latent = nn.Linear(config.latent_dim, width)
        self.decoder = SkipStack(
            width, config.layers, config.heads, config.feedforward, config.dropout, cross=True, norm=config.norm
        )
        self.head = nn.Linear(width, config.features)

    def forward(self, latents: Tensor, frames: int, lengths: Tensor | None = None) -> Tensor:
        """Latents (B, tokens, latent_dim) -> normalised features (B, frames, F), zero beyond `lengths` (B,)."""
        _check_length(frames, self.config)
        memory = self.from_latent(latents) + self.mem_pos
        if lengths is None:
            queries = self.dec_pos[:frames] + self.end_pos[:frames].flip(0)
            features: Tensor = self.head(self.decoder(queries.expand(len(latents), -1, -1), memory))
            return features
        index = torch.arange(frames, device=latents.device)
        to_end = (lengths[:, None] - 1 - index).clamp_min(0)
        queries = self.dec_pos[:frames] + self.end_pos[to_end]
        features = self.head(self.decoder(queries, memory, length_mask(lengths, frames)))
        return features * (index[None] < lengths[:, None])[..., None]


def _positions(config: VaeConfig) -> nn.Parameter:
    """(max_frames, width), learned from a sinusoid start, or that sinusoid itself."""
    table = position_table(config.max_frames, config.width)
    return nn.Parameter(table, requires_grad=config.positions == "learned")


def _check_length(frames: int, config: VaeConfig) -> None:
    assert 0 < frames <= config.max_frames, f"{frames} frames; this VAE takes 1 to {config.max_frames}"
