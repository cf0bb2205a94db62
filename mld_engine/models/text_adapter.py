# SPDX-License-Identifier: GPL-3.0-or-later
"""Leads a text's embedding to those of texts that mean the same and that the denoiser knows well."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import gelu, normalize


class TextAdapter(nn.Module):
    """A residual network of one hidden layer that keeps the length of an embedding; untrained it changes nothing.

    A denoiser learns few phrasings of each action well. Its text encoder puts other phrasings near them,
    but not near enough; telling which action a text asks for is a far easier task than making the motion,
    and is learned here from sentences alone.
    """

    def __init__(self, text_dim: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.up = nn.Linear(text_dim, hidden)
        self.down = nn.Linear(hidden, text_dim)
        self.drop = nn.Dropout(dropout)
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)

    def forward(self, text: Tensor) -> Tensor:
        """Embeddings (..., text_dim) -> embeddings of the same lengths."""
        length = text.norm(dim=-1, keepdim=True)
        # Brings the components of an embedding of unit length to about 1.
        scaled = text * text.shape[-1] ** 0.5
        turned: Tensor = normalize(text + self.down(self.drop(gelu(self.up(scaled)))), dim=-1) * length
        return turned
