# SPDX-License-Identifier: GPL-3.0-or-later
"""Transformer blocks, with long skip connections or without; parameter names are those of the packs.

Batch first: sequences are (B, S, width). The skip connections follow U-ViT (Bao et al., 2023), as motion
latent diffusion uses it (Chen et al., 2023, section 3.1): each later block takes the concatenation
of its input and its mirror block's output, brought back to the width by a linear layer.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from ..checkpoints.config import Norm, TransformerConfig


class Attention(nn.Module):
    """Multi-head attention of `x` (B, S, width) to `memory` (B, M, width)."""

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        assert width % heads == 0, f"a width of {width} does not divide by {heads} heads"
        assert 0 <= dropout < 1, f"dropout is a share of 0 to 1, not {dropout}"
        self.heads, self.dropout = heads, dropout
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        """`mask` (B, 1, 1, M) is true where memory may be looked at."""
        query = self._split(self.q(x))
        key, value = self.kv(memory).chunk(2, -1)
        attended = scaled_dot_product_attention(
            query,
            self._split(key),
            self._split(value),
            attn_mask=mask,
            dropout_p=self.dropout if self.training else 0.0,
        )
        merged: Tensor = self.out(attended.transpose(1, 2).flatten(2))
        return merged

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)


class Block(nn.Module):
    """Self-attention, optional cross-attention to a memory, feed-forward; normalised before or after each."""

    def __init__(
        self,
        width: int,
        heads: int,
        feedforward: int,
        dropout: float = 0.0,
        *,
        cross: bool = False,
        norm: Norm = "pre",
    ) -> None:
        super().__init__()
        assert norm in ("pre", "post"), f"norm is 'pre' or 'post', not {norm!r}"
        self.pre_norm = norm == "pre"
        self.self_attn, self.n1 = Attention(width, heads, dropout), nn.LayerNorm(width)
        self.cross_attn = Attention(width, heads, dropout) if cross else None
        self.nc = nn.LayerNorm(width) if cross else None
        self.up, self.down = nn.Linear(width, feedforward), nn.Linear(feedforward, width)
        self.n2 = nn.LayerNorm(width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """`x` (B, S, width); `memory` (B, M, width) exactly if the block has cross-attention."""
        assert (memory is None) == (self.cross_attn is None), "a memory goes with cross-attention, and only with it"
        if self.pre_norm:
            h = self.n1(x)
            x = x + self.drop(self.self_attn(h, h, mask))
            if self.cross_attn is not None and self.nc is not None:
                x = x + self.drop(self.cross_attn(self.nc(x), memory))
            forwarded: Tensor = x + self.drop(self._feed_forward(self.n2(x)))
            return forwarded
        x = self.n1(x + self.drop(self.self_attn(x, x, mask)))
        if self.cross_attn is not None and self.nc is not None:
            x = self.nc(x + self.drop(self.cross_attn(x, memory)))
        normalized: Tensor = self.n2(x + self.drop(self._feed_forward(x)))
        return normalized

    def _feed_forward(self, x: Tensor) -> Tensor:
        forwarded: Tensor = self.down(gelu(self.up(x)))
        return forwarded


class TransformerStack(nn.Module):
    """Blocks one after the other, and a LayerNorm at the end.

    With `skips` their number is odd, and block i of the first half feeds block N - 1 - i.
    """

    def __init__(
        self,
        width: int,
        layers: int,
        heads: int,
        feedforward: int,
        dropout: float = 0.0,
        *,
        cross: bool = False,
        norm: Norm = "pre",
        skips: bool = True,
        final_norm: bool = True,
    ) -> None:
        super().__init__()
        assert layers % 2 == 1 or not skips, f"long skip connections need an odd number of layers, not {layers}"
        self.joined = layers // 2 if skips else 0
        self.blocks = nn.ModuleList(
            Block(width, heads, feedforward, dropout, cross=cross, norm=norm) for _ in range(layers)
        )
        self.links = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(self.joined))
        self.norm = nn.LayerNorm(width) if final_norm else None
        self._initialize(width, norm)

    @classmethod
    def of(cls, config: TransformerConfig, *, cross: bool = False) -> TransformerStack:
        return cls(
            config.width,
            config.layers,
            config.heads,
            config.feedforward,
            config.dropout,
            cross=cross,
            norm=config.norm,
            skips=config.skips,
            final_norm=config.final_norm,
        )

    @torch.no_grad()
    def _initialize(self, width: int, norm: Norm) -> None:
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
        if norm == "post":
            return
        # Pre-norm residuals add up over depth: start every branch small, and every link near the
        # plain average of its two inputs.
        for block in self.blocks:
            assert isinstance(block, Block)
            branches = [block.self_attn.out, block.down]
            if block.cross_attn is not None:
                branches.append(block.cross_attn.out)
            for linear in branches:
                linear.weight.mul_((2 * len(self.blocks)) ** -0.5)
        for link in self.links:
            assert isinstance(link, nn.Linear)
            link.weight.mul_(0.1).add_(0.5 * torch.eye(width, device=link.weight.device).repeat(1, 2))

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """`x` (B, S, width); `memory` (B, M, width) for cross-attention; `mask` (B, 1, 1, S), true where valid."""
        skipped: list[Tensor] = []
        first_joined = len(self.blocks) - self.joined
        for index, block in enumerate(self.blocks):
            if index >= first_joined:
                x = self.links[index - first_joined](torch.cat([x, skipped.pop()], -1))
            x = block(x, memory, mask)
            if index < self.joined:
                skipped.append(x)
        return x if self.norm is None else self.norm(x)


def position_table(length: int, width: int) -> Tensor:
    """(length, width): sines on even, cosines on odd channels (Vaswani et al., 2017, section 3.5)."""
    assert width % 2 == 0, f"a sinusoid table needs an even width, not {width}"
    rates = torch.exp(-math.log(10000.0) * torch.arange(0, width, 2, dtype=torch.float32) / width)
    angles = torch.arange(length, dtype=torch.float32)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)


def sinusoidal_embedding(values: Tensor, width: int) -> Tensor:
    """Numbers (B,) -> (B, width): all cosines, then all sines, of rates 1 .. 1/10000."""
    assert width % 2 == 0, f"a sinusoidal embedding needs an even width, not {width}"
    half = width // 2
    rates = torch.exp(-math.log(10000.0) * torch.arange(half, device=values.device) / half)
    angles = values.to(rates.dtype)[:, None] * rates
    return torch.cat([angles.cos(), angles.sin()], -1)


def guidance_embedding(scales: Tensor, width: int) -> Tensor:
    """Guidance scales w (B,) -> (B, width): sines, then cosines, of 1000 (w - 1) at rates 1 .. 1/10000.

    What a model learns that was distilled from a guided one (Luo et al., 2023, section 4.2).
    """
    assert width % 2 == 0 < width - 2, f"a guidance embedding needs an even width above 2, not {width}"
    half = width // 2
    # Angles reach 10000, where single precision has errors of 1e-3: the operations are in the order in
    # which the published models saw them.
    slope = torch.log(torch.tensor(10000.0, device=scales.device)) / (half - 1)
    rates = torch.exp(torch.arange(half, device=scales.device) * -slope)
    angles = 1000.0 * (scales.to(rates.dtype)[:, None] - 1.0) * rates
    return torch.cat([angles.sin(), angles.cos()], -1)


def length_mask(lengths: Tensor, frames: int, extra: int = 0) -> Tensor:
    """Lengths (B,) -> (B, 1, 1, extra + frames), true for `extra` leading tokens and for frames before the length."""
    valid = torch.arange(frames, device=lengths.device)[None] < lengths[:, None]
    leading = valid.new_ones(len(lengths), extra)
    return torch.cat([leading, valid], 1)[:, None, None, :]
