# SPDX-License-Identifier: GPL-3.0-or-later
"""Latent denoiser: a transformer over [latent tokens, time, condition, duration] (Chen et al., 2023, section 3.2).

Parameter names are those of denoiser.safetensors.
"""

from __future__ import annotations

from enum import IntEnum

import torch
from torch import Tensor, nn

from ..checkpoints.config import DenoiserConfig
from .blocks import SkipStack, sinusoidal_embedding
from .folded import FoldedStack


class Kind(IntEnum):
    """Rows of the learned kind embedding."""

    NULL = 0
    TEXT = 1
    ACTION = 2


class Denoiser(nn.Module):
    """Predicts noise, clean latent or velocity, as the schedule says, from a noisy latent.

    Everything but the latent is turned into context tokens, which a sampler computes once for all
    of its steps: `time_tokens`, `condition_tokens`, `duration_tokens`.
    """

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.inp, self.out = nn.Linear(config.latent_dim, width), nn.Linear(width, config.latent_dim)
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.dur = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.text = nn.Linear(config.text_dim, width)
        self.action = nn.Embedding(config.actions, width)
        self.style = nn.Embedding(config.styles + 1, width)
        self.null = nn.Parameter(torch.randn(width) * 0.02)
        self.kind = nn.Parameter(torch.randn(len(Kind), width) * 0.02)
        self.pos = nn.Parameter(torch.randn(config.tokens + 3, width) * 0.02)
        self.body: SkipStack | FoldedStack = SkipStack(
            width, config.layers, config.heads, config.feedforward, config.dropout, norm=config.norm
        )
        # The untrained network predicts zero, so that training starts from the schedule's own prior.
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def fold(self) -> None:
        """Lay the weights out for speed. From now on the network only computes; it cannot be trained or saved."""
        assert isinstance(self.body, SkipStack), "the denoiser is folded already"
        self.body = FoldedStack(self.body)

    @property
    def no_style(self) -> int:
        """Row of the style table that means: not given."""
        return self.config.styles

    def time_tokens(self, timesteps: Tensor) -> Tensor:
        """Training timesteps (B,) -> (B, width)."""
        tokens: Tensor = self.time(sinusoidal_embedding(timesteps, self.config.width))
        return tokens

    def duration_tokens(self, frames: Tensor) -> Tensor:
        """Lengths in frames (B,) -> (B, width)."""
        tokens: Tensor = self.dur(sinusoidal_embedding(frames, self.config.width))
        return tokens

    def condition_tokens(self, kind: Tensor, text: Tensor, action: Tensor, style: Tensor) -> Tensor:
        """One token a row (B, width); each row uses what its kind says and ignores the rest.

        kind (B,) of `Kind`; text (B, text_dim) embeddings of unit length; action (B,) and style (B,)
        rows of the label tables, style `no_style` where none is given.
        """
        # Unit embeddings have tiny components; this brings them to about 1.
        described = self.text(text * self.config.text_dim**0.5)
        labelled = self.action(action) + self.style(style)
        choices = torch.stack([self.null.expand_as(described), described, labelled], 1)
        chosen = choices[torch.arange(len(kind), device=kind.device), kind]
        return chosen + self.kind[kind]

    def denoise(self, latents: Tensor, time: Tensor, condition: Tensor, duration: Tensor) -> Tensor:
        """Noisy latents (B, tokens, latent_dim) and context tokens (B, width) each -> prediction like the latents."""
        tokens = self.config.tokens
        assert latents.shape[1:] == (tokens, self.config.latent_dim), (
            f"latents are {tuple(latents.shape[1:])}, not {(tokens, self.config.latent_dim)}"
        )
        context = torch.stack([time, condition, duration], 1)
        h = torch.cat([self.inp(latents), context], 1) + self.pos
        prediction: Tensor = self.out(self.body(h)[:, :tokens])
        return prediction

    def forward(
        self,
        latents: Tensor,
        timesteps: Tensor,
        frames: Tensor,
        kind: Tensor,
        text: Tensor,
        action: Tensor,
        style: Tensor,
    ) -> Tensor:
        """All at once, for training: one prediction (B, tokens, latent_dim)."""
        return self.denoise(
            latents,
            self.time_tokens(timesteps),
            self.condition_tokens(kind, text, action, style),
            self.duration_tokens(frames),
        )
