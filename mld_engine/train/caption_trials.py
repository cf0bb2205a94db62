# SPDX-License-Identifier: GPL-3.0-or-later
"""Which captions a pack performs well: takes of each are made, and judged by an evaluator's action classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from torch import Tensor

from ..errors import RequestError
from ..evaluate.batches import BatchNetworks
from ..evaluate.evaluator import Evaluator
from ..evaluate.free_text import FreeSentence, measure_free_text
from .pack_base import PackBase
from .words import Meaning

_STEPS: Final = 10
"""As good as 50 for telling which action a take shows."""


def try_captions(
    base: PackBase,
    evaluator: Evaluator,
    meanings: Sequence[Meaning],
    embeddings: Mapping[str, Tensor],
    takes: int,
    *,
    empty_text: Tensor | None,
) -> dict[str, float]:
    """Candidate caption -> the share of `takes` of 4 s that show its action. A text adapter of the pack is left out.

    `embeddings` (text_dim,) of every caption; `empty_text` (text_dim,) where that stands for no condition.
    Raises RequestError (evaluator_mismatch) for an evaluator of other features.
    """
    config = base.config
    judged = evaluator.network.config
    if judged.features != config.representation.features or judged.max_frames < config.min_frames:
        raise RequestError(
            "evaluator_mismatch",
            f"The evaluator reads {judged.features} features, the pack {base.pack.name!r} makes "
            f"{config.representation.features}.",
            "Name one that was trained on data of the pack's representation.",
        )
    actions: dict[str, set[str]] = {}
    for meaning in meanings:
        for text in meaning.candidates(embeddings):
            actions.setdefault(text, set()).add(meaning.action)
    plain = replace(config, denoiser=replace(config.denoiser, text_adapter=0, text_goals=0))
    result = measure_free_text(
        BatchNetworks(plain, lambda part: _without_adapter(base, part), base.device, empty_text),
        evaluator,
        [FreeSentence(text, tuple(sorted(shown))) for text, shown in sorted(actions.items())],
        embeddings.__getitem__,
        takes=takes,
        guidance=config.schedule.guidance_scale,
        steps=_STEPS,
    )
    return dict(result.by_sentence)


def _without_adapter(base: PackBase, part: str) -> Mapping[str, Tensor]:
    return {name: tensor for name, tensor in base.pack.tensors(part).items() if not name.startswith("adapter.")}
