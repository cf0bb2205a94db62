# SPDX-License-Identifier: GPL-3.0-or-later
"""What the two action evaluators share: 60 frames of SMPL rotations, a label, no text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from ..held_out import HeldOut, Wanted
from ..judge import Rules
from .features import EvaluatorFeatures

FRAMES: Final = 60
"""Frames that are judged: a longer clip is cut, a shorter one stands still in its last pose, as in ACTOR's."""
PAIRS: Final = 200
RULES: Final = Rules(pairs=PAIRS, by_label="MultiModality")


Classifier = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Features (B, 60, 150) of `action150` -> embeddings (B, D) and scores of the labels (B, labels)."""


@dataclass(frozen=True)
class ActionJudge:
    """A classifier with a pack's motion. Its embeddings come from the layer before the scores."""

    classifier: Classifier
    actions: tuple[str, ...]
    features: EvaluatorFeatures
    device: torch.device
    wanted: Wanted
    notes: tuple[str, ...]
    rules: Rules = RULES

    def embed_motion(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.embed_judged(self.features.of_pack(features))

    @torch.inference_mode()
    def embed_judged(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        embeddings, scores = self.classifier(of_60_frames(features).to(self.device))
        return embeddings, scores.argmax(-1)

    def embed_text(self, held_out: HeldOut) -> Tensor | None:
        return None


def of_60_frames(features: Tensor) -> Tensor:
    """(B, T, F) -> (B, 60, F)."""
    missing = max(0, FRAMES - features.shape[1])
    return torch.cat([features[:, :FRAMES], features[:, -1:].expand(-1, missing, -1)], 1)
