# SPDX-License-Identifier: GPL-3.0-or-later
"""The evaluator: text and motion brought together contrastively, and the action labels learned."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from ..checkpoints.config import PackConfig
from ..data.store import Dataset
from ..evaluate.evaluator import EvaluatorConfig, MotionTextEvaluator, evaluator_files
from .checkpoint import save_final
from .loop import Pace, StageLoop
from .motions import Motions
from .optimizer import Optimizer
from .options import TrainOptions
from .record import Say
from .runner import Step, StepRunner, compute_in
from .windows import WindowSampler

STAGE: Final = "evaluator"
_SEED_OFFSET: Final = 2
_LENGTH_STREAM: Final = 3
_TERMS: Final = ("loss", "contrast", "actions")
_PARAPHRASE: Final = 0.8
"""Cosine above which two texts of one action and style say the same, and are no wrong answers for each other."""
_IMPOSSIBLE: Final = -30.0
_LARGEST_LOG_SCALE: Final = 4.6


class EvaluatorStage:
    """Trains on windows of the training split with a little noise on motion and words."""

    def __init__(
        self,
        config: EvaluatorConfig,
        options: TrainOptions,
        motions: Motions,
        sampler: WindowSampler,
        say: Say,
    ) -> None:
        torch.manual_seed(options.seed + _SEED_OFFSET)
        self._options, self._motions, self._sampler, self._say = options, motions, sampler, say
        self._network = MotionTextEvaluator(config).to(motions.device).train()
        self._optimizer = Optimizer({STAGE: self._network}, options.train_evaluator)
        training = options.train_evaluator
        self._probabilities = sampler.length_probabilities(training.frames, training.batch)

    def train(self, folder: Path, seconds: float) -> float:
        """Until the end, from the last checkpoint in `folder`; writes the evaluator there. Returns the seconds it took.

        `seconds` is the time box, 0 for the configured number of steps. Raises CaptureError.
        """
        runner = StepRunner(self._motions.device, self._options.performance.graphs)
        pace = Pace(self._options.train_evaluator.steps, seconds)
        loop = StageLoop(folder, self._optimizer, _TERMS, pace, self._options.performance, runner, self._say)
        loop.run(self._next_step)
        runner.forget()
        averaged = {name.removeprefix(f"{STAGE}."): value for name, value in self._optimizer.averaged().items()}
        self._network.load_state_dict(averaged)
        for name, content in evaluator_files(self._network, self._motions.statistics).items():
            (folder / name).write_bytes(content)
        save_final(folder, averaged)
        return loop.seconds

    def _next_step(self, step: int, progress: float) -> tuple[Hashable, Step]:
        random = np.random.default_rng([self._options.seed, _LENGTH_STREAM, step])
        length = int(random.choice(self._sampler.lengths, p=self._probabilities))
        return length, self._step(length)

    def _step(self, length: int) -> Callable[[], Tensor]:
        training = self._options.train_evaluator
        count = self._sampler.batch_size(length, training.frames, training.batch)

        def compute() -> Tensor:
            motions, captions = self._motions, self._motions.captions
            windows = self._sampler.draw(length, count)
            text = captions.embeddings[captions.draw(windows.clips, windows.sides)]
            action, style = motions.action[windows.sides, windows.clips], motions.style[windows.clips]
            features = windows.features + training.motion_noise * torch.randn_like(windows.features)
            words = text + training.text_noise * torch.randn_like(text)
            with compute_in(motions.device, training.precision):
                motion, logits = self._network.motion(features)
                said = self._network.words(words)
            scale = self._network.log_scale.clamp(0, _LARGEST_LOG_SCALE).exp()
            contrast = contrastive_loss(motion, said, scale, same_meaning(text, action, style))
            actions = label_loss(logits, action)
            loss = contrast + training.actions * actions
            self._optimizer.step(loss)
            return torch.stack([loss, contrast, actions]).detach()

        return compute


def evaluator_config(config: PackConfig, dataset: Dataset, options: TrainOptions) -> EvaluatorConfig:
    """For the motion and the texts of a training run."""
    assert config.text_encoder is not None, "an evaluator compares motion with texts"
    training = options.train_evaluator
    return EvaluatorConfig(
        actions=dataset.actions,
        features=config.representation.features,
        text_dim=config.text_encoder.dim,
        max_frames=config.max_frames,
        width=training.width,
        layers=training.layers,
    )


def same_meaning(text: Tensor, action: Tensor, style: Tensor) -> Tensor:
    """(B, B) of bool: other rows of one labelled action and style whose texts (B, dim) are paraphrases."""
    labels = (action[:, None] == action) & (style[:, None] == style) & (action >= 0)
    alike = normalize(text, dim=-1) @ normalize(text, dim=-1).T > _PARAPHRASE
    own = torch.eye(len(text), dtype=torch.bool, device=text.device)
    return labels & alike & ~own


def contrastive_loss(motion: Tensor, text: Tensor, scale: Tensor, excused: Tensor) -> Tensor:
    """Symmetric InfoNCE of rows (B, dim) that belong together; `excused` (B, B) pairs are no wrong answers."""
    table = normalize(motion, dim=-1) @ normalize(text, dim=-1).T * scale
    table = table.masked_fill(excused, _IMPOSSIBLE)
    own = torch.arange(len(table), device=table.device)
    return 0.5 * (cross_entropy(table, own) + cross_entropy(table.T, own))


def label_loss(logits: Tensor, action: Tensor) -> Tensor:
    """Cross-entropy over rows that have a label; rows of -1 have none."""
    labelled = (action >= 0).to(logits.dtype)
    each = cross_entropy(logits, action.clamp_min(0), reduction="none")
    return (each * labelled).sum() / labelled.sum().clamp_min(1)
