# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage two: the latent denoiser (Chen et al., 2023, section 3.2), on latents that were encoded ahead."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from ..checkpoints.config import DenoiserConfig, Prediction, ScheduleConfig
from ..diffusion.prediction import add_noise, target
from ..diffusion.schedule import NoiseSchedule
from ..models.denoiser import Denoiser
from .checkpoint import save_final
from .conditions import ConditionSampler
from .latents import LatentBank
from .loop import Pace, StageLoop
from .optimizer import Optimizer
from .options import TrainOptions
from .record import Say
from .runner import Step, StepRunner, compute_in

STAGE: Final = "denoiser"
_SEED_OFFSET: Final = 1


class DenoiserStage:
    """Trains the denoiser on draws from the bank.

    It starts from `weights` in the normalisation that the bank has, if given; without, the bank is normalised here,
    to components of `sizes` (tokens, latent_dim) where they are given.
    """

    def __init__(
        self,
        config: DenoiserConfig,
        schedule: ScheduleConfig,
        options: TrainOptions,
        bank: LatentBank,
        conditions: ConditionSampler,
        device: torch.device,
        say: Say,
        weights: Mapping[str, Tensor] | None = None,
        sizes: Tensor | None = None,
    ) -> None:
        torch.manual_seed(options.seed + _SEED_OFFSET)
        self._options, self._bank, self._conditions, self._device, self._say = options, bank, conditions, device, say
        self._network = Denoiser(config).to(device).train()
        if weights is not None:
            self._network.load_state_dict(dict(weights))
        self._standardize, self._sizes = options.train_denoiser.standardize and weights is None, sizes
        self._optimizer = Optimizer({"denoiser": self._network}, options.train_denoiser)
        self._prediction = schedule.prediction
        self._alpha_bars = torch.tensor(NoiseSchedule(schedule).alpha_bars, device=device)
        self._weights = step_weights(self._prediction, self._alpha_bars, options.train_denoiser.min_snr)
        self._edition = -1

    def train(self, folder: Path, seconds: float) -> float:
        """Until the end, from the last checkpoint in `folder`; writes final.safetensors. Returns the seconds it took.

        `seconds` is the time box, 0 for the configured number of steps. Raises CaptureError.
        """
        training, performance = self._options.train_denoiser, self._options.performance
        # The first edition scales the latents, also in a run that is taken up again later.
        self._fill(0)
        if self._standardize:
            self._bank.fit_statistics(self._sizes)
        runner = StepRunner(self._device, performance.graphs)
        loop = StageLoop(
            folder, self._optimizer, ("loss",), Pace(training.steps, seconds), performance, runner, self._say
        )
        loop.run(self._next_step)
        runner.forget()
        statistics = self._bank.statistics
        save_final(
            folder,
            {
                **self._optimizer.averaged(),
                "statistics.latent_mean": statistics.mean,
                "statistics.latent_std": statistics.std,
            },
        )
        return loop.seconds

    def _next_step(self, step: int, progress: float) -> tuple[Hashable, Step]:
        self._fill(step // self._options.train_denoiser.bank_steps)
        return "denoiser", self._step

    def _fill(self, edition: int) -> None:
        if edition != self._edition:
            self._bank.fill(edition)
            self._edition = edition

    def _step(self) -> Tensor:
        training = self._options.train_denoiser
        latents = self._bank.draw(training.batch)
        conditions = self._conditions.draw(latents.clips, latents.sides)
        timesteps = torch.randint(0, len(self._alpha_bars), (training.batch,), device=self._device)
        alpha_bar = self._alpha_bars[timesteps][:, None, None]
        noise = torch.randn_like(latents.values)
        noisy = add_noise(latents.values, noise, alpha_bar)
        with compute_in(self._device, training.precision):
            output = self._network(noisy, timesteps, latents.frames, *conditions).float()
        wanted = target(self._prediction, latents.values, noise, alpha_bar)
        error = (output - wanted).square().mean((1, 2))
        loss = (error * self._weights[timesteps]).mean()
        self._optimizer.step(loss)
        detached: Tensor = loss.detach()[None]
        return detached


def step_weights(prediction: Prediction, alpha_bars: Tensor, gamma: float) -> Tensor:
    """Weight of the squared error at each timestep, by Min-SNR (Hang et al., 2023, section 3.4); 1 with gamma 0.

    For x0 the weight is min(SNR, gamma); the errors of noise and velocity are that of x0 times SNR and
    SNR + 1, so theirs is divided by it.
    """
    if gamma == 0:
        return torch.ones_like(alpha_bars)
    snr = alpha_bars / (1 - alpha_bars)
    clipped = snr.clamp_max(gamma)
    if prediction == "x0":
        return clipped
    return clipped / (snr if prediction == "eps" else snr + 1)
