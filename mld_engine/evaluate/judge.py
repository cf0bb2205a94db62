# SPDX-License-Identifier: GPL-3.0-or-later
"""What a measurement asks of an evaluator, be it our own or a published one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from .evaluator import Evaluator
from .held_out import ANY_CAPTIONED, HeldOut, Wanted


@dataclass(frozen=True)
class Rules:
    """How embeddings are compared: the published evaluators' figures mean something by their own rules only.

    unit_length    texts and motions are compared by their directions
    meanings       clips that say the same never meet in one group of the R-precision
    pairs          as many random pairs give the Diversity
    by_label       name of the figure that tells how much motions of one label differ; empty for none
    """

    unit_length: bool = False
    meanings: bool = False
    pairs: int = 300
    by_label: str = ""


class Judge(Protocol):
    """An evaluator that is ready to judge one pack's motion."""

    @property
    def rules(self) -> Rules: ...

    @property
    def actions(self) -> tuple[str, ...]:
        """Labels that it tells apart; empty where it has no classifier."""
        ...

    @property
    def wanted(self) -> Wanted:
        """The clips that it can judge; an evaluator that reads no text wants no captions."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of its tables must know."""
        ...

    def embed_motion(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """The pack's features (B, T, F) in physical units -> embeddings (B, D) and, with labels, their rows (B,)."""
        ...

    def embed_judged(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """The same for the evaluator's own features, as `HeldOut.judged` has them."""
        ...

    def embed_text(self, held_out: HeldOut) -> Tensor | None:
        """Embeddings (clips, D) of the clips' captions; None for an evaluator that reads no text."""
        ...


@dataclass(frozen=True)
class OwnJudge:
    """Our own contrastive evaluator. It reads a pack's features as they are, and the pack's sentence embeddings."""

    evaluator: Evaluator
    rules: Rules = Rules(unit_length=True, meanings=True, by_label="Label spread")
    wanted: Wanted = ANY_CAPTIONED
    notes: tuple[str, ...] = ("Evaluator: our own. Its figures cannot be compared with published tables.",)

    @property
    def actions(self) -> tuple[str, ...]:
        return self.evaluator.actions

    def embed_motion(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.evaluator.embed_motion(features)

    def embed_judged(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.embed_motion(features)

    def embed_text(self, held_out: HeldOut) -> Tensor | None:
        return self.evaluator.embed_text(held_out.text.to(self.evaluator.statistics.mean.device))
