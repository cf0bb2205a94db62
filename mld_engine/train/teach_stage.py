# SPDX-License-Identifier: GPL-3.0-or-later
"""Fine-tuning of a whole denoiser on a few clips, while it is held to what it knows.

Rows of a batch are latents of the clips, with the usual loss, and latents that the pack made itself
(`replay`), on which the network has to answer as it did before (Li and Hoiem, 2016): a much quieter
target than noise, and one that is right wherever the old network was.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, softmax

from ..checkpoints.config import DenoiserConfig
from ..diffusion.prediction import add_noise, target
from ..diffusion.schedule import NoiseSchedule
from ..models.denoiser import Kind
from .checkpoint import save_final
from .conditions import Conditions
from .denoiser_stage import step_weights
from .loop import Pace, StageLoop
from .optimizer import Optimizer
from .options import TrainOptions
from .pack_base import Material, PackBase
from .record import Say
from .replay import Replay
from .runner import Step, StepRunner, compute_in

STAGE: Final = "teach"
_TERMS: Final = ("loss", "clips", "kept")
_SEED_OFFSET: Final = 4
_WORDS_WEIGHT: Final = 0.1


class TeachStage:
    """`weights` are those of the pack's denoiser, with rows for new labels as `config` says."""

    def __init__(
        self,
        base: PackBase,
        options: TrainOptions,
        config: DenoiserConfig,
        weights: Mapping[str, Tensor],
        material: Material,
        replay: Replay | None,
        say: Say,
    ) -> None:
        torch.manual_seed(options.seed + _SEED_OFFSET)
        self._options, self._material, self._say, self._device = options, material, say, base.device
        self._network = base.denoiser(config, weights, trained=True)
        self._former = base.denoiser(base.config.denoiser, base.pack.tensors("denoiser"), trained=False)
        self._replay = None if replay is None else replay.to(base.device)
        self._optimizer = Optimizer({"denoiser": self._network}, options.teach)
        schedule = base.config.schedule
        self._prediction = schedule.prediction
        self._alpha_bars = torch.tensor(NoiseSchedule(schedule).alpha_bars, device=self._device, dtype=torch.float32)
        self._weights = step_weights(self._prediction, self._alpha_bars, options.train_denoiser.min_snr)
        self._edition = -1

    def train(self, folder: Path, seconds: float) -> tuple[int, float]:
        """Until the end, from the last checkpoint in `folder`; writes final.safetensors. Returns steps and seconds.

        `seconds` is the time box, 0 for the configured number of steps. Raises CaptureError.
        """
        performance = self._options.performance
        runner = StepRunner(self._device, performance.graphs)
        pace = Pace(self._options.teach.steps, seconds)
        loop = StageLoop(folder, self._optimizer, _TERMS, pace, performance, runner, self._say)
        loop.run(self._next_step)
        runner.forget()
        save_final(folder, self._optimizer.averaged())
        return loop.step, loop.seconds

    def _next_step(self, step: int, progress: float) -> tuple[Hashable, Step]:
        edition = step // self._options.teach.bank_steps
        if edition != self._edition:
            self._material.bank.fill(edition)
            self._edition = edition
        return STAGE, self._step

    def _step(self) -> Tensor:
        training = self._options.teach
        kept = 0 if self._replay is None else round(training.keep * training.batch)
        shown = max(training.batch - kept, 1)
        drawn = self._material.bank.draw(shown)
        values, frames = drawn.values, drawn.frames
        conditions = self._material.conditions.draw(drawn.clips, drawn.sides)
        if self._replay is not None and kept:
            made, lengths, told = self._replay.draw(kept)
            values, frames = torch.cat([values, made]), torch.cat([frames, lengths])
            conditions = Conditions(*(torch.cat(pair) for pair in zip(conditions, told, strict=True)))
        timesteps = torch.randint(0, len(self._alpha_bars), (len(values),), device=self._device)
        alpha_bar = self._alpha_bars[timesteps][:, None, None]
        noise = torch.randn_like(values)
        noisy = add_noise(values, noise, alpha_bar)
        wanted = target(self._prediction, values, noise, alpha_bar)
        with compute_in(self._device, training.precision):
            if kept:
                old = Conditions(*(item[shown:] for item in conditions))
                with torch.no_grad():
                    answer = self._former(noisy[shown:], timesteps[shown:], frames[shown:], *old).float()
                wanted = torch.cat([wanted[:shown], answer])
            output = self._network(noisy, timesteps, frames, *conditions).float()
        error = (output - wanted).square().mean((1, 2)) * self._weights[timesteps]
        loss = error.mean() + self._words_error(conditions, shown)
        self._optimizer.step(loss)
        parts = error.detach()
        return torch.stack([loss.detach(), parts[:shown].mean(), parts[shown:].sum() / max(kept, 1)])

    def _words_error(self, conditions: Conditions, shown: int) -> Tensor:
        """How far a text adapter is from leaving the clips' captions as they are, and the rest as it did before.

        Without this, new captions would be led to old ones, and what they are led to says nothing of them.
        """
        new, former = self._network.adapter, self._former.adapter
        if new is None or former is None:
            return torch.zeros((), device=self._device)
        with torch.no_grad():
            wanted = softmax(former.scores(conditions.text), dim=-1)
            wanted[:shown] = torch.eye(wanted.shape[-1], device=self._device)[0]
        error = cross_entropy(new.scores(conditions.text), wanted, reduction="none")
        return _WORDS_WEIGHT * (error * (conditions.kind == Kind.TEXT)).mean()
