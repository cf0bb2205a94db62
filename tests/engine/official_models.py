# SPDX-License-Identifier: GPL-3.0-or-later
"""The published networks, put together plainly from PyTorch's own layers: an oracle for ours.

Sequences come first, (S, B, width), as in the published models, and attributes have their names, so
that `state_dict` gives the published keys (without the vae. and denoiser. in front).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

HEADS = 4


def sinusoid_table(length: int, width: int) -> Tensor:
    """(length, 1, width), even channels sine, odd cosine."""
    table = torch.zeros(length, 1, width)
    for channel in range(0, width, 2):
        angle = torch.arange(length, dtype=torch.float32) * math.exp(-math.log(10000.0) * channel / width)
        table[:, 0, channel], table[:, 0, channel + 1] = angle.sin(), angle.cos()
    return table


def time_wave(timesteps: Tensor, width: int) -> Tensor:
    """(B, width): cosines, then sines."""
    half = width // 2
    angles = timesteps.float()[:, None] * torch.exp(-math.log(10000.0) * torch.arange(half) / half)
    return torch.cat([angles.cos(), angles.sin()], 1)


def guidance_wave(scale: float, rows: int, width: int) -> Tensor:
    """(B, width) of w = scale - 1: sines, then cosines."""
    half = width // 2
    rates = torch.exp(torch.arange(half, dtype=torch.float32) * -(torch.log(torch.tensor(10000.0)) / (half - 1)))
    angles = torch.tensor(scale - 1).repeat(rows)[:, None] * 1000.0 * rates
    return torch.cat([angles.sin(), angles.cos()], 1)


def padding(lengths: Sequence[int], leading: int = 0) -> Tensor:
    """(B, leading + longest), true where there is nothing to see."""
    rows = [[False] * (leading + length) + [True] * (max(lengths) - length) for length in lengths]
    return torch.tensor(rows)


class Table(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.pe = nn.Parameter(torch.rand(500, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.pe[: len(x)]


class Sinusoid(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("pe", sinusoid_table(5000, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.pe[: len(x)]


class SkipStack(nn.Module):
    def __init__(self, layer: type[nn.Module], width: int, feedforward: int, layers: int) -> None:
        super().__init__()

        def block() -> nn.Module:
            return layer(width, HEADS, feedforward, 0.1, "gelu")

        half = layers // 2
        self.input_blocks = nn.ModuleList(block() for _ in range(half))
        self.middle_block = block()
        self.output_blocks = nn.ModuleList(block() for _ in range(half))
        self.linear_blocks = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(half))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, *memory: Tensor, **masks: Tensor) -> Tensor:
        outputs = []
        for block in self.input_blocks:
            x = block(x, *memory, **masks)
            outputs.append(x)
        x = self.middle_block(x, *memory, **masks)
        for block, linear in zip(self.output_blocks, self.linear_blocks, strict=True):
            x = block(linear(torch.cat([x, outputs.pop()], -1)), *memory, **masks)
        return self.norm(x)


class MldVae(nn.Module):
    """Text VAE; `small_latent` is MotionLCM V2's size of a latent token."""

    def __init__(
        self, *, features: int, tokens: int, width: int, feedforward: int, layers: int,
        all_encoder: bool = False, mlp_dist: bool = False, small_latent: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.tokens, self.width, self.all_encoder, self.mlp_dist = tokens, width, all_encoder, mlp_dist
        self.query_pos_encoder, self.query_pos_decoder = Table(width), Table(width)
        self.encoder = SkipStack(nn.TransformerEncoderLayer, width, feedforward, layers)
        decoder_layer = nn.TransformerEncoderLayer if all_encoder else nn.TransformerDecoderLayer
        self.decoder = SkipStack(decoder_layer, width, feedforward, layers)
        self.global_motion_token = nn.Parameter(torch.randn(tokens if mlp_dist else 2 * tokens, width))
        if mlp_dist:
            self.dist_layer = nn.Linear(width, 2 * width)
        if small_latent is not None:
            self.latent_pre, self.latent_post = nn.Linear(width, small_latent), nn.Linear(small_latent, width)
        self.small = small_latent is not None
        self.skel_embedding, self.final_layer = nn.Linear(features, width), nn.Linear(width, features)

    def encode(self, features: Tensor, lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
        """(B, T, F) -> mean and standard deviation (tokens, B, latent_dim)."""
        count = len(self.global_motion_token)
        tokens = self.global_motion_token[:, None].expand(-1, len(features), -1)
        x = self.query_pos_encoder(torch.cat([tokens, self.skel_embedding(features).transpose(0, 1)]))
        x = self.encoder(x, src_key_padding_mask=padding(lengths, count))[:count]
        if self.small:
            x = self.latent_pre(x)
        mean, log_variance = self.dist_layer(x).chunk(2, -1) if self.mlp_dist else x.chunk(2)
        return mean, log_variance.exp().sqrt()

    def decode(self, latents: Tensor, lengths: Sequence[int]) -> Tensor:
        """(tokens, B, latent_dim) -> (B, T, F)."""
        memory = self.latent_post(latents) if self.small else latents
        queries = torch.zeros(max(lengths), latents.shape[1], self.width)
        if self.all_encoder:
            x = self.query_pos_decoder(torch.cat([memory, queries]))
            x = self.decoder(x, src_key_padding_mask=padding(lengths, self.tokens))[self.tokens :]
        else:
            x = self.decoder(self.query_pos_decoder(queries), memory, tgt_key_padding_mask=padding(lengths))
        return self.final_layer(x).transpose(0, 1).masked_fill(padding(lengths)[..., None], 0.0)


class ActorVae(nn.Module):
    """Action VAE."""

    def __init__(self, *, features: int, width: int, feedforward: int, layers: int) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Module(), nn.Module()
        self.encoder.mu_token = nn.Parameter(torch.randn(width))
        self.encoder.logvar_token = nn.Parameter(torch.randn(width))
        self.encoder.skel_embedding = nn.Linear(features, width)
        self.encoder.sequence_pos_encoding = Sinusoid(width)
        layer = nn.TransformerEncoderLayer(width, HEADS, feedforward, 0.1, "gelu")
        self.encoder.seqTransEncoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.decoder.sequence_pos_encoding = Sinusoid(width)
        decoder_layer = nn.TransformerDecoderLayer(width, HEADS, feedforward, 0.1, "gelu")
        self.decoder.seqTransDecoder = nn.TransformerDecoder(decoder_layer, layers)
        self.decoder.final_layer = nn.Linear(width, features)
        self.width = width

    def encode(self, features: Tensor, lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
        part = self.encoder
        tokens = torch.stack([part.mu_token, part.logvar_token])[:, None].expand(-1, len(features), -1)
        x = part.sequence_pos_encoding(torch.cat([tokens, part.skel_embedding(features).transpose(0, 1)]))
        x = part.seqTransEncoder(x, src_key_padding_mask=padding(lengths, 2))
        return x[:1], x[1:2].exp().sqrt()

    def decode(self, latents: Tensor, lengths: Sequence[int]) -> Tensor:
        part = self.decoder
        queries = part.sequence_pos_encoding(torch.zeros(max(lengths), latents.shape[1], self.width))
        x = part.final_layer(part.seqTransDecoder(queries, latents, tgt_key_padding_mask=padding(lengths)))
        return x.transpose(0, 1).masked_fill(padding(lengths)[..., None], 0.0)


class MldDenoiser(nn.Module):
    """`raw_features` where it works on the motion itself; `small_latent` as in `MldVae`."""

    def __init__(
        self, *, width: int, feedforward: int, layers: int, text_dim: int = 0, actions: int = 0, decoder: bool = False,
        skips: bool = True, raw_features: int = 0, small_latent: int | None = None, guidance_dim: int = 0,
        text_relu: bool = True, mem_pos: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.is_decoder, self.raw, self.small = decoder, raw_features > 0, small_latent is not None
        self.time_dim, self.guidance_dim = text_dim or width, guidance_dim
        if self.raw:
            self.pose_embd, self.pose_proj = nn.Linear(raw_features, width), nn.Linear(width, raw_features)
        if small_latent is not None:
            self.latent_pre, self.latent_post = nn.Linear(small_latent, width), nn.Linear(width, small_latent)
        self.time_embedding = nn.Module()
        self.time_embedding.linear_1 = nn.Linear(self.time_dim, width)
        self.time_embedding.linear_2 = nn.Linear(width, width)
        if guidance_dim:
            self.time_embedding.cond_proj = nn.Linear(guidance_dim, self.time_dim, bias=False)
        self.is_text = text_dim > 0
        if self.is_text:
            self.emb_proj = nn.Sequential(nn.ReLU() if text_relu else nn.Identity(), nn.Linear(text_dim, width))
        else:
            self.emb_proj = nn.Module()
            self.emb_proj.action_embedding = nn.Parameter(torch.randn(actions, width))
        self.query_pos = Table(width)
        if mem_pos:
            self.mem_pos = Table(width)
        layer = nn.TransformerDecoderLayer if decoder else nn.TransformerEncoderLayer
        if skips:
            stack: nn.Module = SkipStack(layer, width, feedforward, layers)
        elif decoder:
            stack = nn.TransformerDecoder(layer(width, HEADS, feedforward, 0.1, "gelu"), layers, nn.LayerNorm(width))
        else:
            stack = nn.TransformerEncoder(
                layer(width, HEADS, feedforward, 0.1, "gelu"), layers, enable_nested_tensor=False
            )
        setattr(self, "decoder" if decoder else "encoder", stack)

    def condition(self, condition: Tensor) -> Tensor:
        """Text embeddings (B, text_dim) or labels (B,) -> (B, width); label -1 is no label."""
        if self.is_text:
            return self.emb_proj(condition)
        return self.emb_proj.action_embedding[condition.clamp_min(0)] * (condition >= 0)[:, None]

    def forward(self, sample: Tensor, timestep: int, condition: Tensor, guidance: float | None = None) -> Tensor:
        """Noisy tokens (B, S, dim) -> prediction (B, S, dim)."""
        x = sample.transpose(0, 1)
        if self.small:
            x = self.latent_pre(x)
        wave = time_wave(torch.full((len(sample),), timestep), self.time_dim)
        if guidance is not None:
            wave = wave + self.time_embedding.cond_proj(guidance_wave(guidance, len(sample), self.guidance_dim))
        silu = nn.functional.silu(self.time_embedding.linear_1(wave))
        context = torch.stack([self.time_embedding.linear_2(silu), self.condition(condition)])
        if self.raw:
            x = self.pose_embd(x)
        if self.is_decoder:
            x = self.decoder(self.query_pos(x), self.mem_pos(context))
        elif self.raw:
            x = self.encoder(self.query_pos(torch.cat([context, x])))[2:]
        else:
            x = self.encoder(self.query_pos(torch.cat([x, context])))[: len(x)]
        if self.raw:
            x = self.pose_proj(x)
        if self.small:
            x = self.latent_post(x)
        return x.transpose(0, 1)
