# SPDX-License-Identifier: GPL-3.0-or-later
"""Denoiser: a transformer over noisy tokens and context tokens (Chen et al., 2023, section 3.2).

The noisy tokens are a latent, or the frames themselves where there is no VAE. The context is the
time, the condition and, in our packs, the duration. Parameter names are those of
denoiser.safetensors; what a configuration switches off has none.
"""

from __future__ import annotations

from enum import IntEnum

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from ..checkpoints.config import DenoiserConfig
from .blocks import TransformerStack, guidance_embedding, sinusoidal_embedding
from .folded import FoldedStack
from .text_adapter import TextAdapter


class Kind(IntEnum):
    """What a condition is; rows of the learned kind embedding."""

    NULL = 0
    TEXT = 1
    ACTION = 2


class Denoiser(nn.Module):
    """Predicts noise, clean tokens or velocity, as the schedule says, from noisy tokens.

    Everything but the noisy tokens is turned into context tokens, which a sampler computes once for
    all of its steps: `time_tokens`, `condition_tokens`, `duration_tokens`.
    """

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.inp = nn.Linear(config.latent_dim, width) if config.latent_projection else None
        self.out = nn.Linear(width, config.latent_dim) if config.latent_projection else None
        self.time = _embedding(config.time_dim or width, width)
        self.dur = _embedding(width, width) if config.duration_token else None
        self.text = nn.Linear(config.text_dim, width) if config.text_dim else None
        self.adapter = None
        if config.text_adapter:
            self.adapter = TextAdapter(config.text_dim, config.text_adapter, config.text_goals)
        self.action = nn.Embedding(config.actions, width) if config.actions else None
        self.style = nn.Embedding(config.styles + 1, width) if config.styles else None
        self.guidance = None
        if config.guidance_dim:
            self.guidance = nn.Linear(config.guidance_dim, config.time_dim or width, bias=False)
        self.null = nn.Parameter(torch.randn(width) * 0.02) if config.null_condition == "learned" else None
        self.kind = nn.Parameter(torch.randn(len(Kind), width) * 0.02) if config.kind_embedding else None
        self.pos = nn.Parameter(torch.randn(config.tokens + config.context_tokens, width) * 0.02)
        self.body: TransformerStack | FoldedStack = TransformerStack.of(config, cross=config.architecture == "decoder")
        if self.out is not None:
            # The untrained network predicts zero, so that training starts from the schedule's own prior.
            nn.init.zeros_(self.out.weight)
            nn.init.zeros_(self.out.bias)

    def fold(self) -> None:
        """Lay the weights out for speed. From now on the network only computes; it cannot be trained or saved."""
        assert isinstance(self.body, TransformerStack), "the denoiser is folded already"
        self.body = FoldedStack(self.body)

    @property
    def no_style(self) -> int:
        """Row of the style table that means: not given."""
        return self.config.styles

    def time_tokens(self, timesteps: Tensor, guidance: Tensor | None = None) -> Tensor:
        """Training timesteps (B,) -> (B, width). `guidance` (B,) are scales, where the model takes them."""
        assert (guidance is None) == (self.guidance is None), "a guidance scale goes with a model that takes it"
        waves = sinusoidal_embedding(timesteps, self.config.time_dim or self.config.width)
        if self.guidance is not None and guidance is not None:
            waves = waves + self.guidance(guidance_embedding(guidance, self.config.guidance_dim))
        tokens: Tensor = self.time(waves)
        return tokens

    def duration_tokens(self, frames: Tensor) -> Tensor | None:
        """Lengths in frames (B,) -> (B, width), or None where the model is not told the length."""
        if self.dur is None:
            return None
        tokens: Tensor = self.dur(sinusoidal_embedding(frames, self.config.width))
        return tokens

    def condition_tokens(self, kind: Tensor, text: Tensor, action: Tensor, style: Tensor) -> Tensor:
        """One token a row (B, width); each row uses what its kind says and ignores the rest.

        kind (B,) of `Kind`; text (B, text_dim) embeddings as the text encoder gives them; action (B,)
        and style (B,) rows of the label tables, style `no_style` where none is given. Where the empty
        text stands for "no condition", its embedding is given as a text.
        """
        # A training step, which may be part of a CUDA graph, cannot look at values.
        if self.config.null_condition == "empty_text" and not self.training:
            assert bool((kind != Kind.NULL).all()), "for this model no condition is the empty text, given as a text"
        nothing = self.pos.new_zeros(len(kind), self.config.width)
        null = nothing if self.null is None else self.null.expand_as(nothing)
        described = nothing if self.text is None else self.text(self._scaled(text))
        labelled = nothing if self.action is None else self.action(action)
        if self.style is not None:
            labelled = labelled + self.style(style)
        choices = torch.stack([null, described, labelled], 1)
        chosen = choices[torch.arange(len(kind), device=kind.device), kind]
        return chosen if self.kind is None else chosen + self.kind[kind]

    def _scaled(self, text: Tensor) -> Tensor:
        if self.adapter is not None:
            text = self.adapter(text)
        if self.config.text_scale == "root_dim":
            # Embeddings of unit length have tiny components; this brings them to about 1.
            text = text * self.config.text_dim**0.5
        return relu(text) if self.config.text_activation == "relu" else text

    def denoise(self, noisy: Tensor, time: Tensor, condition: Tensor, duration: Tensor | None = None) -> Tensor:
        """Noisy tokens (B, tokens, latent_dim) and context tokens (B, width) each -> prediction like the noisy tokens.

        Raw motion may have fewer tokens (frames) than the configuration.
        """
        config, tokens = self.config, noisy.shape[1]
        expected = min(tokens, config.tokens) if config.raw_motion else config.tokens
        assert noisy.shape[1:] == (expected, config.latent_dim), (
            f"noisy tokens are {tuple(noisy.shape[1:])}, not {(expected, config.latent_dim)}"
        )
        assert (duration is None) == (self.dur is None), "a duration goes with a model that is told the length"
        context = torch.stack([time, condition] if duration is None else [time, condition, duration], 1)
        h = noisy if self.inp is None else self.inp(noisy)
        if config.architecture == "decoder":
            h = self.body(h + self.pos[:tokens], context + self.pos[config.tokens :])
        else:
            pos = self.pos if tokens == config.tokens else torch.cat([self.pos[:tokens], self.pos[config.tokens :]])
            h = self.body(torch.cat([h, context], 1) + pos)[:, :tokens]
        prediction: Tensor = h if self.out is None else self.out(h)
        return prediction

    def forward(
        self,
        noisy: Tensor,
        timesteps: Tensor,
        frames: Tensor,
        kind: Tensor,
        text: Tensor,
        action: Tensor,
        style: Tensor,
        guidance: Tensor | None = None,
    ) -> Tensor:
        """All at once, for training: one prediction (B, tokens, latent_dim)."""
        return self.denoise(
            noisy,
            self.time_tokens(timesteps, guidance),
            self.condition_tokens(kind, text, action, style),
            self.duration_tokens(frames),
        )


def _embedding(inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width))
