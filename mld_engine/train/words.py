# SPDX-License-Identifier: GPL-3.0-or-later
"""More words for a pack: it learns from sentences alone which of its captions they mean.

A text adapter (`models.text_adapter`) is trained to turn the embedding of a sentence that asks for an
action into that of a caption with which the pack was taught the action, and to leave those captions as
they are. The motion networks stay as they are, so this takes minutes on a CPU.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from ..augment.grammar import Grammar
from ..augment.spoken import Spoken
from ..data.store import Dataset
from ..errors import RequestError
from ..models.text_adapter import TextAdapter
from .checkpoint import save_final
from .loop import Pace, StageLoop
from .optimizer import Optimizer
from .options import TrainOptions
from .record import Say
from .runner import Step, StepRunner

STAGE: Final = "words"
_TERMS: Final = ("loss", "captions", "sentences", "labels")
_SEED_OFFSET: Final = 5
_PLAIN_STYLES: Final = ("neutral", "")
_JUDGE_STEPS: Final = 1000
_JUDGE_BATCH: Final = 256
_JUDGE_RATE: Final = 1e-2


@dataclass(frozen=True)
class Meaning:
    """An action in a style; `captions` are those that the pack was taught it with, `commonest` those of most clips."""

    action: str
    style: str
    captions: tuple[str, ...]
    commonest: tuple[str, ...]


@dataclass(frozen=True)
class Said:
    """A text and the number of the meaning that it has. `known`: it is one of the meaning's captions."""

    text: str
    meaning: int
    known: bool


def meanings_of(dataset: Dataset, actions: Collection[str]) -> list[Meaning]:
    """What the training clips of these labels show, mirrored too. Raises RequestError (no_labels) for none."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for clip in dataset.clips:
        if clip.split == "train":
            sides = ((clip.action, clip.captions), (clip.action_mirrored, clip.captions_mirrored))
            for action, captions in sides:
                if action in actions and captions:
                    found.setdefault((action, clip.style), Counter()).update(set(captions))
    if not found:
        raise RequestError(
            "no_labels",
            f"No training clip of {dataset.folder} has both a caption and an action label of the pack.",
            "Give the data set on whose captions the pack was trained.",
        )
    return [_meaning(action, style, counts) for (action, style), counts in sorted(found.items())]


def _meaning(action: str, style: str, counts: Counter[str]) -> Meaning:
    captions, most = tuple(sorted(counts)), max(counts.values())
    return Meaning(action, style, captions, tuple(text for text in captions if counts[text] == most))


def sentences_for(
    meanings: Sequence[Meaning], grammar: Grammar, spoken: Spoken, count: int, generator: np.random.Generator
) -> list[Said]:
    """All captions, up to `count` sentences of the grammar a meaning, and the written sentences of every action.

    A written sentence without a style, or with one that the action was not shown in, means the plain action.
    """
    styles: dict[str, dict[str, int]] = {}
    said = []
    for number, meaning in enumerate(meanings):
        styles.setdefault(meaning.action, {})[meaning.style] = number
        said += [Said(text, number, known=True) for text in meaning.captions]
        others = grammar.sentences(meaning.action, meaning.style, count, generator)
        said += [Said(text, number, known=False) for text in others if text not in meaning.captions]
    for action, there in styles.items():
        plain = next((there[style] for style in _PLAIN_STYLES if style in there), min(there.values()))
        for style, texts in spoken.of(action).items():
            said += [Said(text, there.get(style, plain), known=False) for text in texts]
    return said


class WordsStage:
    """Trains the adapter. Batches hold captions and sentences in equal parts, every action as often."""

    def __init__(
        self,
        options: TrainOptions,
        meanings: Sequence[Meaning],
        said: Sequence[Said],
        embeddings: Mapping[str, Tensor],
        device: torch.device,
        say: Say,
    ) -> None:
        """`embeddings` (text_dim,) of every text. `said` has captions and other sentences, one of each at least."""
        torch.manual_seed(options.seed + _SEED_OFFSET)
        training = options.words
        self._options, self._say, self._device = options, say, device
        actions = sorted({meaning.action for meaning in meanings})
        self._action = torch.tensor([actions.index(meaning.action) for meaning in meanings], device=device)
        self._text = torch.stack([embeddings[item.text] for item in said]).float().to(device)
        self._meaning = torch.tensor([item.meaning for item in said], device=device)
        known = torch.tensor([item.known for item in said], device=device)
        self._captions, self._sentences = _Rows.of(known, self._labels()), _Rows.of(~known, self._labels())
        self._target = torch.stack([_most_typical(meaning, embeddings) for meaning in meanings]).to(device)
        self._judge = _fit_judge(self._text, self._labels(), self._captions, len(actions), training.noise)
        self.adapter = TextAdapter(self._text.shape[-1], training.hidden, training.dropout).to(device).train()
        self._optimizer = Optimizer({"adapter": self.adapter}, training)

    def train(self, folder: Path, seconds: float) -> float:
        """Until the end, from the last checkpoint in `folder`; writes final.safetensors. Returns the seconds it took.

        `seconds` is the time box, 0 for the configured number of steps.
        """
        runner, pace = StepRunner(self._device, graphs=False), Pace(self._options.words.steps, seconds)
        loop = StageLoop(folder, self._optimizer, _TERMS, pace, self._options.performance, runner, self._say)
        loop.run(self._next_step)
        save_final(folder, self._optimizer.averaged())
        return loop.seconds

    def _labels(self) -> Tensor:
        return self._action[self._meaning]

    def _next_step(self, step: int, progress: float) -> tuple[Hashable, Step]:
        return STAGE, self._step

    def _step(self) -> Tensor:
        training = self._options.words
        half = training.batch // 2
        captions, sentences = self._captions.draw(half), self._sentences.draw(training.batch - half)
        rows = torch.cat([captions, sentences])
        text, meaning = self._text[rows], self._meaning[rows]
        # Captions are given as they are: of those, the adapter should leave everything, styles included.
        turned = self.adapter(torch.cat([text[:half], _noisy(text[half:], training.noise)]))
        wanted = torch.cat([text[:half], self._target[meaning[half:]]])
        error = (turned - wanted).square().sum(-1)
        kept, led = error[:half].mean(), error[half:].mean()
        told = cross_entropy(self._judge(turned), self._action[meaning])
        loss = training.keep * kept + led + training.labels * told
        self._optimizer.step(loss)
        return torch.stack([loss, kept, led, told]).detach()


@dataclass(frozen=True)
class _Rows:
    """Rows of one kind, with weights by which every action comes as often as the others."""

    rows: Tensor
    weights: Tensor

    @classmethod
    def of(cls, chosen: Tensor, labels: Tensor) -> _Rows:
        rows = chosen.nonzero()[:, 0]
        counts = torch.bincount(labels[rows], minlength=int(labels.max()) + 1)
        return cls(rows, 1 / counts[labels[rows]])

    def draw(self, count: int) -> Tensor:
        return self.rows[torch.multinomial(self.weights, count, replacement=True)]


def _noisy(text: Tensor, deviation: float) -> Tensor:
    noisy: Tensor = normalize(text + deviation * torch.randn_like(text), dim=-1) * text.norm(dim=-1, keepdim=True)
    return noisy


def _most_typical(meaning: Meaning, embeddings: Mapping[str, Tensor]) -> Tensor:
    """Of the commonest captions' embeddings the one that is nearest to the mean of all captions."""
    every, common = (
        torch.stack([embeddings[text] for text in texts]).float() for texts in (meaning.captions, meaning.commonest)
    )
    near = normalize(common, dim=-1) @ normalize(every, dim=-1).mean(0)
    return common[int(near.argmax())]


def _fit_judge(text: Tensor, labels: Tensor, captions: _Rows, actions: int, noise: float) -> nn.Linear:
    """A linear classifier of actions that has seen captions only: it tells whether a sentence now reads like them."""
    judge = nn.Linear(text.shape[-1], actions).to(text.device)
    optimizer = torch.optim.AdamW(judge.parameters(), _JUDGE_RATE)
    for _ in range(_JUDGE_STEPS):
        rows = captions.draw(_JUDGE_BATCH)
        loss = cross_entropy(judge(_noisy(text[rows], noise)), labels[rows])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    return judge.requires_grad_(False)
