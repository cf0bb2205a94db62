# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion VAE: frames of any length <-> a latent of a few tokens (Chen et al., 2023, section 3.1).

The two halves are separate modules, because making motion needs the decoder only. Parameter names
are those of encoder.safetensors and decoder.safetensors; what a configuration switches off has none.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..checkpoints.config import VaeConfig
from .blocks import TransformerStack, length_mask, position_table
from .harmonics import HarmonicAnalysis, HarmonicSynthesis

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
        self.dist_tokens = nn.Parameter(torch.randn(config.distribution_tokens, width) * 0.5)
        self.embed = nn.Linear(config.features, width)
        self.enc_pos = _positions(config)
        self.encoder = TransformerStack.of(config)
        self.to_mu = nn.Linear(width, config.latent_dim) if config.distribution_layers else None
        self.to_logvar = nn.Linear(width, config.latent_dim) if config.distribution_layers else None
        if self.to_logvar is not None:
            # A small variance at first: the decoder learns from latents that say something. Those of a linear part do
            # from the start, and noise on them is noise in the motion.
            nn.init.constant_(self.to_logvar.bias, -6.0 if config.harmonics else -4.0)
        self.harmonics = HarmonicAnalysis(config) if config.harmonics else None
        if self.harmonics is not None and self.to_mu is not None:
            _start_at_zero(self.to_mu)

    def forward(self, features: Tensor, lengths: Tensor | None = None) -> Posterior:
        """Normalised features (B, T, F); `lengths` (B,) where clips are shorter than T."""
        batch, frames, _ = features.shape
        _check_length(frames, self.config)
        leading = self.config.distribution_tokens
        h = self.embed(features) + self.enc_pos[:frames]
        h = torch.cat([self.dist_tokens.expand(batch, -1, -1), h], 1)
        h = self.encoder(h, mask=None if lengths is None else length_mask(lengths, frames, extra=leading))
        mean, log_variance = self._distribution(h[:, :leading])
        if self.harmonics is not None:
            mean = mean + self.harmonics(features, lengths)
        return Posterior(mean, log_variance.clamp(*_LOG_VARIANCE_RANGE))

    def _distribution(self, collected: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = collected, collected
        if self.config.distribution == "tokens":
            mean, log_variance = collected.chunk(2, 1)
        if self.to_mu is not None and self.to_logvar is not None:
            return self.to_mu(mean), self.to_logvar(log_variance)
        return mean, log_variance


class MotionDecoder(nn.Module):
    """Latent -> features; zero-motion queries know their place and, in our packs, their distance to the end."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.dec_pos = _positions(config)
        end_table = position_table(config.max_frames, width) * 0.1
        self.end_pos = nn.Parameter(end_table) if config.end_positions else None
        self.mem_pos = nn.Parameter(torch.randn(config.tokens, width) * 0.02) if config.memory_positions else None
        self.from_latent = nn.Linear(config.latent_dim, width) if config.latent_projection else None
        self.decoder = TransformerStack.of(config, cross=config.architecture == "encoder_decoder")
        self.head = nn.Linear(width, config.features)
        self.harmonics = HarmonicSynthesis(config) if config.harmonics else None
        self.see_sketch = nn.Linear(config.features, width) if config.harmonics else None
        if self.harmonics is not None:
            _start_at_zero(self.head)

    def forward(self, latents: Tensor, frames: int, lengths: Tensor | None = None) -> Tensor:
        """Latents (B, tokens, latent_dim) -> normalised features (B, frames, F), zero beyond `lengths` (B,)."""
        _check_length(frames, self.config)
        memory = latents if self.from_latent is None else self.from_latent(latents)
        if self.mem_pos is not None:
            memory = memory + self.mem_pos
        queries = self._queries(frames, lengths).expand(len(latents), -1, -1)
        sketch = None if self.harmonics is None else self.harmonics(latents, frames, lengths)
        if sketch is not None and self.see_sketch is not None:
            queries = queries + self.see_sketch(sketch)
        if self.config.architecture == "all_encoder":
            tokens = self.config.tokens
            mask = None if lengths is None else length_mask(lengths, frames, extra=tokens)
            decoded = self.decoder(torch.cat([memory, queries], 1), mask=mask)[:, tokens:]
        else:
            decoded = self.decoder(queries, memory, None if lengths is None else length_mask(lengths, frames))
        features: Tensor = self.head(decoded)
        if sketch is not None:
            features = features + sketch
        if lengths is None:
            return features
        index = torch.arange(frames, device=latents.device)
        return features * (index[None] < lengths[:, None])[..., None]

    def _queries(self, frames: int, lengths: Tensor | None) -> Tensor:
        """(1 or B, frames, width)."""
        places = self.dec_pos[:frames][None]
        if self.end_pos is None:
            return places
        if lengths is None:
            return places + self.end_pos[:frames].flip(0)
        to_end = lengths[:, None] - 1 - torch.arange(frames, device=lengths.device)
        return places + self.end_pos[to_end.clamp_min(0)]


def _positions(config: VaeConfig) -> nn.Parameter:
    """(max_frames, width), learned from a sinusoid start, or that sinusoid itself."""
    table = position_table(config.max_frames, config.width)
    return nn.Parameter(table, requires_grad=config.positions == "learned")


def _start_at_zero(linear: nn.Linear) -> None:
    """Beside a linear part, a transformer adds nothing at first."""
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)


def _check_length(frames: int, config: VaeConfig) -> None:
    assert 0 < frames <= config.max_frames, f"{frames} frames; this VAE takes 1 to {config.max_frames}"
