# SPDX-License-Identifier: GPL-3.0-or-later
"""Transformer blocks with long skip connections; parameter names are those of the packs.

Batch first: sequences are (B, S, width). The skip stack follows U-ViT (Bao et al., 2023), as motion
latent diffusion uses it (Chen et al., 2023, section 3.1): each later block takes the concatenation
of its input and its mirror block's output, brought back to the width by a linear layer.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from ..checkpoints.config import Norm


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


class SkipStack(nn.Module):
    """An odd number of blocks; block i of the first half feeds block N - 1 - i; a final LayerNorm."""

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
    ) -> None:
        super().__init__()
        assert layers % 2 == 1, f"long skip connections need an odd number of layers, not {layers}"
        self.mirror = layers // 2
        self.blocks = nn.ModuleList(
            Block(width, heads, feedforward, dropout, cross=cross, norm=norm) for _ in range(layers)
        )
        self.links = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(self.mirror))
        self.norm = nn.LayerNorm(width)
        self._initialize(width, norm)

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
        for index, block in enumerate(self.blocks):
            if index > self.mirror:
                x = self.links[index - self.mirror - 1](torch.cat([x, skipped.pop()], -1))
            x = block(x, memory, mask)
            if index < self.mirror:
                skipped.append(x)
        normalized: Tensor = self.norm(x)
        return normalized


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


def length_mask(lengths: Tensor, frames: int, extra: int = 0) -> Tensor:
    """Lengths (B,) -> (B, 1, 1, extra + frames), true for `extra` leading tokens and for frames before the length."""
    valid = torch.arange(frames, device=lengths.device)[None] < lengths[:, None]
    leading = valid.new_ones(len(lengths), extra)
    return torch.cat([leading, valid], 1)[:, None, None, :]
