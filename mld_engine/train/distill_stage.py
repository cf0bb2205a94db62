# SPDX-License-Identifier: GPL-3.0-or-later
"""Consistency distillation of a latent denoiser (Luo et al., 2023, algorithm 1).

The student learns to answer alike for two neighbouring points of one path of the teacher's sampler,
so that it can jump from any point to the end of its path. The scale of the teacher's guidance is an
input of the student, which therefore computes one half where the teacher computes two.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from ..checkpoints.config import DenoiserConfig, ScheduleConfig
from ..diffusion.guidance import guide
from ..diffusion.lcm import boundary
from ..diffusion.prediction import add_noise, estimate
from ..diffusion.schedule import NoiseSchedule
from ..models.denoiser import Denoiser, Kind
from .checkpoint import save_final
from .conditions import Conditions
from .loop import Pace, StageLoop
from .optimizer import Optimizer
from .options import TrainOptions
from .pack_base import Material, PackBase
from .record import Say
from .runner import Step, StepRunner, compute_in

STAGE: Final = "distill"
_SEED_OFFSET: Final = 3


def student_configs(
    denoiser: DenoiserConfig, schedule: ScheduleConfig, options: TrainOptions
) -> tuple[DenoiserConfig, ScheduleConfig]:
    """The student's: as the teacher's, with the guidance scale as an input, and LCM's sampler."""
    training = options.distill
    return (
        replace(denoiser, guidance_dim=training.guidance_dim),
        replace(schedule, sampler="lcm", lcm_steps=training.solver_steps, steps=training.default_steps),
    )


class DistillStage:
    """Trains a student that starts as its teacher."""

    def __init__(
        self, base: PackBase, options: TrainOptions, material: Material, empty: Tensor | None, say: Say
    ) -> None:
        """`empty` is the empty text's embedding where that stands for "no condition"."""
        torch.manual_seed(options.seed + _SEED_OFFSET)
        self._options, self._material, self._empty, self._say = options, material, empty, say
        self._device, training = base.device, options.distill
        config, schedule = student_configs(base.config.denoiser, base.config.schedule, options)
        weights = base.pack.tensors("denoiser")
        self._teacher = base.denoiser(base.config.denoiser, weights, trained=False)
        # At first the student does not know of scales: it answers as its teacher does without guidance.
        scale_input = torch.zeros(config.time_dim or config.width, config.guidance_dim)
        weights = {**weights, "guidance.weight": scale_input}
        self._student = base.denoiser(config, weights, trained=True)
        self._target = base.denoiser(config, weights, trained=False)
        self._optimizer = Optimizer({"denoiser": self._student}, training)
        # The network that is learned from is the moving average itself, in the same memory.
        averaged = self._optimizer.averaged()
        for name, parameter in self._target.named_parameters():
            parameter.data = averaged[f"denoiser.{name}"]
        self._prediction = schedule.prediction
        self._alpha_bars = torch.tensor(NoiseSchedule(schedule).alpha_bars, device=self._device, dtype=torch.float32)
        shares = [boundary(timestep) for timestep in range(schedule.train_steps)]
        self._skip, self._out = torch.tensor(shares, device=self._device).unbind(-1)
        stops = NoiseSchedule(schedule).timesteps(training.solver_steps)[::-1]
        self._stops = torch.tensor([0, *stops], device=self._device)
        self._edition = -1

    def train(self, folder: Path, seconds: float) -> float:
        """Until the end, from the last checkpoint in `folder`; writes final.safetensors. Returns the seconds it took.

        `seconds` is the time box, 0 for the configured number of steps. Raises CaptureError.
        """
        performance = self._options.performance
        runner = StepRunner(self._device, performance.graphs)
        pace = Pace(self._options.distill.steps, seconds)
        loop = StageLoop(folder, self._optimizer, ("loss",), pace, performance, runner, self._say)
        loop.run(self._next_step)
        runner.forget()
        save_final(folder, self._optimizer.averaged())
        return loop.seconds

    def _next_step(self, step: int, progress: float) -> tuple[Hashable, Step]:
        edition = step // self._options.distill.bank_steps
        if edition != self._edition:
            self._material.bank.fill(edition)
            self._edition = edition
        return STAGE, self._step

    def _step(self) -> Tensor:
        training, rows = self._options.distill, self._options.distill.batch
        latents = self._material.bank.draw(rows)
        conditions = self._material.conditions.draw(latents.clips, latents.sides)
        place = torch.randint(0, training.solver_steps, (rows,), device=self._device)
        start, end = self._stops[place + 1], self._stops[place]
        low, high = training.guidance
        scale = low + (high - low) * torch.rand(rows, device=self._device)
        noisy = add_noise(latents.values, torch.randn_like(latents.values), self._level(start))
        with torch.no_grad(), compute_in(self._device, training.precision):
            cleaner = self._solve(noisy, start, end, latents.frames, conditions, scale)
            wanted = self._answer(self._target, cleaner, end, latents.frames, conditions, scale)
        with compute_in(self._device, training.precision):
            answer = self._answer(self._student, noisy, start, latents.frames, conditions, scale)
        # Pseudo-Huber (Song and Dhariwal, 2023, section 3.3), a component each.
        loss = ((answer - wanted).square() + training.huber**2).sqrt().mean() - training.huber
        self._optimizer.step(loss)
        return loss.detach()[None]

    def _solve(
        self, noisy: Tensor, start: Tensor, end: Tensor, frames: Tensor, conditions: Conditions, scale: Tensor
    ) -> Tensor:
        """One DDIM step of the guided teacher from timesteps `start` to `end` (B,)."""
        kind, text, action, style = conditions
        nothing = Conditions(torch.full_like(kind, int(Kind.NULL)), text, action, style)
        if self._empty is not None:
            nothing = Conditions(torch.full_like(kind, int(Kind.TEXT)), self._empty.expand_as(text), action, style)
        both = (torch.cat(pair) for pair in zip(nothing, conditions, strict=True))
        output = self._teacher(torch.cat([noisy, noisy]), start.repeat(2), frames.repeat(2), *both).float()
        without, conditional = output.chunk(2)
        guided = guide(without, conditional, scale[:, None, None])
        guess = estimate(self._prediction, guided, noisy, self._level(start))
        return add_noise(guess.clean, guess.noise, self._level(end))

    def _answer(
        self, network: Denoiser, noisy: Tensor, timesteps: Tensor, frames: Tensor, conditions: Conditions, scale: Tensor
    ) -> Tensor:
        """The clean latent that `network` sees at the end of the path; at timestep 0 that is `noisy` itself."""
        output = network(noisy, timesteps, frames, *conditions, scale).float()
        guess = estimate(self._prediction, output, noisy, self._level(timesteps))
        skip, out = self._skip[timesteps][:, None, None], self._out[timesteps][:, None, None]
        return out * guess.clean + skip * noisy

    def _level(self, timesteps: Tensor) -> Tensor:
        return self._alpha_bars[timesteps][:, None, None]
