# SPDX-License-Identifier: GPL-3.0-or-later
"""More words for a pack: it learns from sentences alone which of its captions they mean.

A text adapter (`models.text_adapter`) is trained to choose, for the embedding of a sentence that asks for an
action, that of a caption with which the pack was taught the action, and to leave those captions as they
are. The motion networks stay as they are, so this takes minutes on a CPU.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, nll_loss, normalize, one_hot, softmax

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
_TERMS: Final = ("loss", "meanings", "actions")
_SEED_OFFSET: Final = 5
_PLAIN_STYLES: Final = ("neutral", "")
_COMMON: Final = 0.5
"""Of the clips that the commonest caption of a meaning has, a common one has that share."""
_CANDIDATES: Final = 6
_LEAST_SHARE: Final = 1e-6

Origin = Literal["caption", "grammar", "written"]


@dataclass(frozen=True)
class Meaning:
    """An action in a style; `captions` are those that the pack was taught it with, `common` those of many clips."""

    action: str
    style: str
    captions: tuple[str, ...]
    common: tuple[str, ...]

    def candidates(self, embeddings: Mapping[str, Tensor]) -> list[str]:
        """Captions that sentences may be led to: of the common ones those nearest to the mean of all, nearest first."""
        every, common = (
            normalize(torch.stack([embeddings[text] for text in texts]).float(), dim=-1)
            for texts in (self.captions, self.common)
        )
        order = (common @ every.mean(0)).argsort(descending=True, stable=True)
        return [self.common[index] for index in order[:_CANDIDATES].tolist()]


@dataclass(frozen=True)
class Said:
    """A text, the number of the meaning that it has, and where it is from."""

    text: str
    meaning: int
    origin: Origin


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
    captions, enough = tuple(sorted(counts)), _COMMON * max(counts.values())
    return Meaning(action, style, captions, tuple(text for text in captions if counts[text] >= enough))


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
        said += [Said(text, number, "caption") for text in meaning.captions]
        others = grammar.sentences(meaning.action, meaning.style, count, generator)
        said += [Said(text, number, "grammar") for text in others if text not in meaning.captions]
    for action, there in styles.items():
        plain = next((there[style] for style in _PLAIN_STYLES if style in there), min(there.values()))
        for style, texts in spoken.of(action).items():
            said += [Said(text, there.get(style, plain), "written") for text in texts]
    return said


class WordsStage:
    """Trains the adapter to tell captions, which stay as they are, and what other sentences mean."""

    def __init__(
        self,
        options: TrainOptions,
        meanings: Sequence[Meaning],
        said: Sequence[Said],
        embeddings: Mapping[str, Tensor],
        success: Mapping[str, float],
        device: torch.device,
        say: Say,
    ) -> None:
        """`embeddings` (text_dim,) of every text; `success` of the candidates that were tried (`try_captions`).

        `said` has captions and other sentences, one of each at least.
        """
        torch.manual_seed(options.seed + _SEED_OFFSET)
        training = options.words
        self._options, self._say = options, say
        actions = sorted({meaning.action for meaning in meanings})
        # (meanings,) the action of each.
        self._action = torch.tensor([actions.index(meaning.action) for meaning in meanings], device=device)
        self._of_action = one_hot(self._action, len(actions)).float()
        self._text = torch.stack([embeddings[item.text] for item in said]).float().to(device)
        self._meaning = torch.tensor([item.meaning for item in said], device=device)
        self._groups = self._shared_out(said)
        goals = torch.stack([_goal(meaning, embeddings, success) for meaning in meanings])
        text_dim = self._text.shape[-1]
        self.adapter = TextAdapter(text_dim, training.hidden, len(goals), training.dropout).to(device).train()
        self.adapter.goals.copy_(normalize(goals, dim=-1))
        self._optimizer = Optimizer({"adapter": self.adapter}, training)

    def train(self, folder: Path, seconds: float) -> float:
        """Until the end, from the last checkpoint in `folder`; writes final.safetensors. Returns the seconds it took.

        `seconds` is the time box, 0 for the configured number of steps.
        """
        runner, pace = StepRunner(self._text.device, graphs=False), Pace(self._options.words.steps, seconds)
        loop = StageLoop(folder, self._optimizer, _TERMS, pace, self._options.performance, runner, self._say)
        loop.run(self._next_step)
        save_final(folder, self._optimizer.averaged())
        return loop.seconds

    def _shared_out(self, said: Sequence[Said]) -> list[tuple[_Rows, int]]:
        """Captions first, then the other sentences: rows of each kind, and how many of them a batch has."""
        training = self._options.words
        kinds: dict[Origin, list[int]] = {"caption": [], "grammar": [], "written": []}
        for row, item in enumerate(said):
            kinds[item.origin].append(row)
        captions = min(max(round(training.captions * training.batch), 1), training.batch - 1)
        grammar = round(training.grammar * training.batch) if kinds["written"] else training.batch - captions
        grammar = grammar if kinds["grammar"] else 0
        counts = {"caption": captions, "grammar": grammar, "written": training.batch - captions - grammar}
        labels = self._action[self._meaning]
        return [
            (_Rows.of(torch.tensor(rows, device=labels.device), labels, training.balance), counts[kind])
            for kind, rows in kinds.items()
            if rows and counts[kind]
        ]

    def _next_step(self, step: int, progress: float) -> tuple[Hashable, Step]:
        return STAGE, self._step

    def _step(self) -> Tensor:
        training, kept = self._options.words, self._groups[0][1]
        rows = torch.cat([group.draw(count) for group, count in self._groups])
        text, meaning = self._text[rows], self._meaning[rows]
        scores = self.adapter.scores(torch.cat([text[:kept], _noisy(text[kept:], training.noise)]))
        wanted = torch.cat([torch.zeros_like(meaning[:kept]), 1 + meaning[kept:]])
        told = cross_entropy(scores, wanted)
        # Of the sentences, whether the action is right in whatever style.
        shares = softmax(scores[kept:, 1:], dim=-1) @ self._of_action
        action = nll_loss(shares.clamp_min(_LEAST_SHARE).log(), self._action[meaning[kept:]])
        loss = told + training.labels * action
        self._optimizer.step(loss)
        return torch.stack([loss, told, action]).detach()


@dataclass(frozen=True)
class _Rows:
    """Rows of one kind, with weights by which rare actions come more often than they are."""

    rows: Tensor
    weights: Tensor

    @classmethod
    def of(cls, rows: Tensor, labels: Tensor, balance: float) -> _Rows:
        counts = torch.bincount(labels[rows], minlength=int(labels.max()) + 1)
        return cls(rows, counts[labels[rows]].float() ** -balance)

    def draw(self, count: int) -> Tensor:
        return self.rows[torch.multinomial(self.weights, count, replacement=True)]


def _noisy(text: Tensor, deviation: float) -> Tensor:
    noisy: Tensor = normalize(text + deviation * torch.randn_like(text), dim=-1) * text.norm(dim=-1, keepdim=True)
    return noisy


def _goal(meaning: Meaning, embeddings: Mapping[str, Tensor], success: Mapping[str, float]) -> Tensor:
    """The embedding of the most successful candidate; of several, or where none was tried, of the most typical one."""
    return embeddings[max(meaning.candidates(embeddings), key=lambda text: success.get(text, 0.0))].float()
