# SPDX-License-Identifier: GPL-3.0-or-later
"""What the denoiser is told about each latent of a batch: a caption, an action label, or nothing."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ..models.denoiser import Kind
from .motions import Motions
from .options import LatentTraining


class Conditions(NamedTuple):
    """kind (B,) of `Kind`, text (B, text_dim), action and style (B,) rows of the label tables."""

    kind: Tensor
    text: Tensor
    action: Tensor
    style: Tensor


class ConditionSampler:
    """Draws conditions; device operations of fixed shape only, for CUDA graphs.

    `no_style` is the row of the style table that means: not given. `empty` is the embedding (text_dim,) of the
    empty text where that stands for "no condition".
    """

    def __init__(self, motions: Motions, options: LatentTraining, *, no_style: int, empty: Tensor | None) -> None:
        self._motions, self._options, self._no_style, self._empty = motions, options, no_style, empty

    def draw(self, clips: Tensor, sides: Tensor) -> Conditions:
        """For windows of these clips (B,), mirrored where `sides` (B,) is 1, with the captions of that side."""
        motions, options = self._motions, self._options
        captions = motions.captions
        text = self._words(captions.draw(clips, sides), captions.draw(clips, sides))
        text = text + options.text_noise * torch.randn_like(text)
        action, style = motions.action[sides, clips], motions.style[clips]
        kind = self._kinds(captions.count[sides, clips] > 0, action >= 0)
        if self._empty is not None:
            text = torch.where((kind == Kind.NULL)[:, None], self._empty, text)
            kind = kind.masked_fill(kind == Kind.NULL, int(Kind.TEXT))
        styled = (torch.rand(clips.shape, device=clips.device) < options.style) & (style >= 0)
        style = torch.where(styled, style, torch.full_like(style, self._no_style))
        return Conditions(kind, text, action.clamp_min(0), style)

    def _words(self, rows: Tensor, others: Tensor) -> Tensor:
        """Embeddings (B, text_dim) of captions, some of them mixed with another caption of their clip.

        What lies between two texts that say the same says the same; free sentences often lie there.
        """
        first, second = (self._motions.captions.embeddings[chosen] for chosen in (rows, others))
        chance = torch.rand(len(rows), 1, device=rows.device)
        share = torch.where(chance < self._options.text_mix, torch.rand_like(chance), torch.zeros_like(chance))
        length = torch.lerp(first.norm(dim=-1, keepdim=True), second.norm(dim=-1, keepdim=True), share)
        return normalize(torch.lerp(first, second, share), dim=-1) * length

    def _kinds(self, described: Tensor, labelled: Tensor) -> Tensor:
        """A kind a row. What a clip does not have, the other takes over; dropping goes before all."""
        options = self._options
        text, action, null = (
            torch.full(described.shape, kind, device=described.device)
            for kind in (int(Kind.TEXT), int(Kind.ACTION), int(Kind.NULL))
        )
        labelled = labelled & (options.action > 0)
        chance = torch.rand(described.shape, device=described.device)
        kind = torch.where(described, text, torch.where(labelled, action, null))
        kind = torch.where((chance < options.drop + options.action) & labelled, action, kind)
        return torch.where(chance < options.drop, null, kind)
