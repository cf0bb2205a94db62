# SPDX-License-Identifier: GPL-3.0-or-later
"""Free sentences: do takes show the action that people's own words ask for?

free_sentences.json holds sentences that no grammar of ours wrote, each with the action labels that
would be right. They are kept out of every training set.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from ..models.denoiser import Kind
from .batches import BatchNetworks, Wishes
from .evaluator import Evaluator

SENTENCES_FILE: Final = Path(__file__).with_name("free_sentences.json")
_SECONDS: Final = 4.0


@dataclass(frozen=True)
class FreeSentence:
    """`actions` are the labels of takes that do what the sentence says."""

    text: str
    actions: tuple[str, ...]


@dataclass(frozen=True)
class FreeTextResult:
    """`rate`: share of all takes that show what was asked. `by_sentence`: the same, worst first."""

    rate: float
    by_sentence: tuple[tuple[str, float], ...]


def read_sentences(path: Path = SENTENCES_FILE) -> list[FreeSentence]:
    """Raises ValueError for a file that is no list of [sentence, [actions]]."""
    values = json.loads(path.read_text(encoding="utf-8"))
    return [FreeSentence(str(text), tuple(str(action) for action in actions)) for text, actions in values]


def measure_free_text(
    generator: BatchNetworks,
    evaluator: Evaluator,
    sentences: Sequence[FreeSentence],
    embed: Callable[[str], Tensor],
    *,
    takes: int,
    guidance: float,
    steps: int,
    seed: int = 0,
) -> FreeTextResult:
    """`takes` of 4 s for each sentence, judged by the evaluator's action classifier. `embed` gives (text_dim,)."""
    text = torch.stack([embed(sentence.text) for sentence in sentences]).repeat_interleave(takes, 0)
    count, config = len(text), generator.config
    frames = min(max(round(_SECONDS * config.representation.fps), config.min_frames), config.max_frames)
    wishes = Wishes(
        torch.full((count,), int(Kind.TEXT)),
        text,
        torch.zeros(count, dtype=torch.long),
        torch.full((count,), generator.no_style),
        (frames,) * count,
    )
    made = generator.generate(wishes, guidance=guidance, steps=steps, seed=seed)
    _, rows = evaluator.embed_motion(torch.stack(made).to(generator.device))
    shown = [evaluator.actions[int(row)] for row in rows]
    rates = []
    for index, sentence in enumerate(sentences):
        of_sentence = shown[index * takes : (index + 1) * takes]
        rates.append((sentence.text, sum(action in sentence.actions for action in of_sentence) / takes))
    rate = sum(share for _, share in rates) / len(rates)
    return FreeTextResult(rate, tuple(sorted(rates, key=lambda item: item[1])))
