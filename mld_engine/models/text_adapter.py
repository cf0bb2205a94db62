# SPDX-License-Identifier: GPL-3.0-or-later
"""Leads a text's embedding to that of a text that means the same and that the denoiser knows well."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, normalize, softmax


class TextAdapter(nn.Module):
    """Chooses between a text as it is and `goals`, the embeddings of known texts; untrained it changes nothing.

    A denoiser learns few phrasings of each action well. Its text encoder puts other phrasings near them, but not
    near enough, and what lies between the phrasings of two actions moves like neither. Telling which of the known
    texts is meant is a far easier task than making the motion, and is learned from sentences alone.
    """

    goals: Tensor

    def __init__(self, text_dim: int, hidden: int, goals: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.up = nn.Linear(text_dim, hidden)
        self.choose = nn.Linear(hidden, 1 + goals)
        self.drop = nn.Dropout(dropout)
        self.register_buffer("goals", torch.zeros(goals, text_dim))

    def scores(self, text: Tensor) -> Tensor:
        """Embeddings (..., text_dim) -> logits (..., 1 + goals): of the text as it is, and of each goal."""
        # Brings the components of an embedding of unit length to about 1.
        scaled = text * text.shape[-1] ** 0.5
        chosen: Tensor = self.choose(self.drop(gelu(self.up(scaled))))
        return chosen

    def forward(self, text: Tensor) -> Tensor:
        """Embeddings (..., text_dim) -> embeddings of the same lengths."""
        length = text.norm(dim=-1, keepdim=True)
        share = softmax(self.scores(text), dim=-1)
        turned = share[..., :1] * text / length.clamp_min(1e-9) + share[..., 1:] @ self.goals
        led: Tensor = normalize(turned, dim=-1) * length
        return led
