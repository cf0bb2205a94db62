# SPDX-License-Identifier: GPL-3.0-or-later
"""Text encoders by the name that a pack's configuration gives, with a cache of embeddings."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

import torch
from torch import Tensor

from ..checkpoints.config import TextEncoderConfig
from ..errors import PackError
from .clip import Clip
from .minilm import MiniLm
from .t5 import SentenceT5

CACHED_TEXTS: Final = 1024


class TextEncoder(Protocol):
    """One sentence -> one vector, handed out on the CPU, wherever it was computed."""

    @property
    def max_pieces(self) -> int:
        """How many pieces of a text `embed` reads."""
        ...

    def count_pieces(self, text: str) -> int:
        """Into how many pieces of its vocabulary the encoder splits a text."""
        ...

    def embed(self, text: str) -> Tensor:
        """(dim,) float32."""
        ...


TEXT_ENCODERS: Final[dict[str, Callable[[TextEncoderConfig, torch.device], TextEncoder]]] = {
    # Small enough to stay on the CPU, where a text has the same embedding whatever the GPU.
    "all-MiniLM-L6-v2": lambda config, _: MiniLm(config),
    "clip-vit-large-patch14": Clip,
    "sentence-t5-large": SentenceT5,
}


class CachedTextEncoder:
    """A text encoder that remembers the last `capacity` texts."""

    def __init__(self, encoder: TextEncoder, capacity: int = CACHED_TEXTS) -> None:
        assert capacity >= 1, f"a cache holds at least one text, not {capacity}"
        self._encoder, self._capacity = encoder, capacity
        self._embeddings: OrderedDict[str, Tensor] = OrderedDict()

    @property
    def max_pieces(self) -> int:
        return self._encoder.max_pieces

    def count_pieces(self, text: str) -> int:
        return self._encoder.count_pieces(text)

    def embed(self, text: str) -> Tensor:
        """(dim,) float32. Do not write into it."""
        if text in self._embeddings:
            self._embeddings.move_to_end(text)
            return self._embeddings[text]
        embedding = self._encoder.embed(text)
        self._embeddings[text] = embedding
        if len(self._embeddings) > self._capacity:
            self._embeddings.popitem(last=False)
        return embedding


def load_text_encoder(config: TextEncoderConfig, device: torch.device | None = None) -> CachedTextEncoder:
    """The encoder that a pack names; large ones compute on `device`, the CPU by default.

    Raises PackError: text_encoder_missing, text_encoder_corrupt.
    """
    if config.name not in TEXT_ENCODERS:
        raise PackError(
            "text_encoder_missing",
            f"The pack reads text with {config.name!r}; this engine has {', '.join(sorted(TEXT_ENCODERS))}.",
            "Update the engine.",
        )
    return CachedTextEncoder(TEXT_ENCODERS[config.name](config, device or torch.device("cpu")))
