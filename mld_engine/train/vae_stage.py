# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage one: the motion VAE (Chen et al., 2023, section 3.1)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from ..checkpoints.config import VaeConfig
from ..models.vae import MotionDecoder, MotionEncoder
from .checkpoint import part, save_final
from .harmonic_fit import fit_harmonics
from .loop import Pace, StageLoop
from .losses import VaeLoss
from .motions import Motions
from .optimizer import Optimizer
from .options import Precision, TrainOptions
from .record import Say
from .runner import Step, StepRunner, compute_in, keep_stream_single
from .windows import WindowSampler

STAGE: Final = "vae"
_LENGTH_STREAM: Final = 1
"""Tells the random numbers that choose window lengths from those of other purposes."""


class VaeStage:
    """Trains encoder and decoder together on windows of the training split.

    They start from `weights` ("encoder.", "decoder." and the parameter), if given; otherwise a linear part is fitted.
    `train_vae.encoder` may say that the encoder stays as it is then. `latent_deviation` (tokens, latent_dim) is what a
    denoiser sees as one unit of a latent, 1 where that is not known.
    """

    def __init__(
        self,
        config: VaeConfig,
        options: TrainOptions,
        motions: Motions,
        sampler: WindowSampler,
        fps: float,
        say: Say,
        weights: Mapping[str, Tensor] | None = None,
        latent_deviation: Tensor | None = None,
    ) -> None:
        torch.manual_seed(options.seed)
        self._options, self._motions, self._sampler, self._say = options, motions, sampler, say
        self._encoder = MotionEncoder(config).to(motions.device).train()
        self._decoder = MotionDecoder(config).to(motions.device).train()
        if weights is not None:
            self._encoder.load_state_dict(part(weights, "encoder"))
            self._decoder.load_state_dict(part(weights, "decoder"))
        if not options.train_vae.encoder:
            self._encoder.requires_grad_(False)
        self._loss = VaeLoss(options.losses, motions.groups, motions.statistics, motions.offsets, fps)
        self._loss.to(motions.device)
        analysis, synthesis = self._encoder.harmonics, self._decoder.harmonics
        if analysis is not None and synthesis is not None:
            if weights is None:
                fit_harmonics(analysis, synthesis, sampler, self._loss.each, options.seed)
            # There is no better linear part, and steps of Adam on so many weights would be noise in the motion.
            analysis.requires_grad_(False)
            synthesis.requires_grad_(False)
        keep_stream_single([self._encoder, self._decoder])
        self._optimizer = Optimizer({"encoder": self._encoder, "decoder": self._decoder}, options.train_vae)
        training = options.train_vae
        self._probabilities = sampler.length_probabilities(training.frames, training.batch)
        self._energy = "energy" in self._loss.geometric
        one = torch.ones(config.tokens, config.latent_dim)
        self._latent_deviation = (one if latent_deviation is None else latent_deviation).to(motions.device)

    def train(self, folder: Path, seconds: float) -> float:
        """Until the end, from the last checkpoint in `folder`; writes final.safetensors. Returns the seconds it took.

        `seconds` is the time box, 0 for the configured number of steps. Raises CaptureError.
        """
        performance = self._options.performance
        runner = StepRunner(self._motions.device, performance.graphs)
        pace = Pace(self._options.train_vae.steps, seconds)
        loop = StageLoop(folder, self._optimizer, self._loss.names, pace, performance, runner, self._say)
        loop.run(self._next_step)
        runner.forget()
        save_final(folder, {**self._optimizer.averaged(), **self._statistics()})
        return loop.seconds

    def _next_step(self, step: int, progress: float) -> tuple[Hashable, Step]:
        training = self._options.train_vae
        random = np.random.default_rng([self._options.seed, _LENGTH_STREAM, step])
        length = int(random.choice(self._sampler.lengths, p=self._probabilities))
        polishing = progress >= 1 - training.polish
        # What dropout and the rounding of bf16 add to the frames is mostly jerk: a decoder that learned the right
        # amount of it under them would be too smooth without.
        self._encoder.train(training.encoder and not polishing)
        self._decoder.train(not polishing)
        return (length, polishing), self._step(length, polishing)

    def _step(self, length: int, polishing: bool) -> Step:
        training = self._options.train_vae
        count = self._sampler.batch_size(length, training.frames, training.batch)
        precision: Precision = "tf32" if polishing and training.precision == "bf16" else training.precision
        energy = self._energy and polishing

        def compute() -> Tensor:
            target = self._sampler.draw(length, count).features
            with compute_in(target.device, precision):
                posterior = self._encoder(target)
                mean, log_variance = posterior.mean.float(), posterior.log_variance.float()
                latents = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
                if training.latent_noise > 0:
                    latents = latents + self._error_of_a_denoiser(mean)
                decoded = self._decoder(latents, length).float()
            terms: Tensor = self._loss(target, decoded, mean, log_variance, energy)
            self._optimizer.step(terms[0])
            return terms.detach()

        return compute

    def _error_of_a_denoiser(self, latents: Tensor) -> Tensor:
        """Noise on latents (B, tokens, latent_dim), of another size up to `latent_noise` in each window."""
        sizes = self._options.train_vae.latent_noise * torch.rand_like(latents[:, :1, :1])
        return sizes * self._latent_deviation * torch.randn_like(latents)

    def _statistics(self) -> dict[str, Tensor]:
        statistics = self._motions.statistics
        return {"statistics.feature_mean": statistics.mean, "statistics.feature_std": statistics.std}
