# SPDX-License-Identifier: GPL-3.0-or-later
"""Latents of many windows, encoded ahead, for the denoiser to draw from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from ..models.vae import MotionEncoder
from ..representations.base import Statistics
from .runner import compute_in
from .windows import WindowSampler

_BANK_STREAM: Final = 2
_SMALLEST_DEVIATION: Final = 1e-3
_SIZED_DEVIATION: Final = 0.6
"""Root mean square of components of different sizes. The schedule leaves a little of a latent in its last step, and
many components together would tell there what a sampler, which starts from noise alone, does not know."""


_SMALLEST_SIZE: Final = 1e-3
"""Where there is less motion than components, some are none of it."""


@dataclass(frozen=True)
class Latents:
    """A draw: values (B, tokens, dim) normalised; clips, sides (B,) whose they are; frames (B,) of their windows."""

    values: Tensor
    clips: Tensor
    sides: Tensor
    frames: Tensor


class LatentBank:
    """Posteriors of `size` windows, in tensors that stay where they are when the bank is filled anew."""

    def __init__(
        self, encoder: MotionEncoder, sampler: WindowSampler, device: torch.device, *, size: int, frames: int, seed: int
    ) -> None:
        """`frames` frames are encoded at once."""
        self._encoder, self._sampler, self._device = encoder, sampler, device
        self._batch_frames, self._seed = frames, seed
        shape = (size, encoder.config.tokens, encoder.config.latent_dim)
        self._mean, self._log_variance = torch.zeros(shape, device=device), torch.zeros(shape, device=device)
        self._clips, self._sides, self._frames = (torch.zeros(size, dtype=torch.long, device=device) for _ in range(3))
        self.statistics = Statistics(torch.zeros(shape[1:], device=device), torch.ones(shape[1:], device=device))

    @torch.no_grad()
    def fill(self, edition: int) -> None:
        """Encode new windows. What is drawn depends on seed and edition alone."""
        random = np.random.default_rng([self._seed, _BANK_STREAM, edition])
        generator = torch.Generator(self._device).manual_seed(int(random.integers(2**62)))
        size, batch = len(self._clips), max(1, self._batch_frames // self._sampler.lengths[0])
        probabilities = self._sampler.length_probabilities(self._batch_frames, batch)
        filled = 0
        while filled < size:
            length = int(random.choice(self._sampler.lengths, p=probabilities))
            count = self._sampler.batch_size(length, self._batch_frames, batch)
            windows = self._sampler.draw(length, count, generator)
            with compute_in(self._device, "tf32"):
                posterior = self._encoder(windows.features)
            room = slice(filled, min(filled + count, size))
            fits = room.stop - room.start
            self._mean[room] = posterior.mean[:fits]
            self._log_variance[room] = posterior.log_variance[:fits]
            self._clips[room], self._sides[room] = windows.clips[:fits], windows.sides[:fits]
            self._frames[room] = length
            filled = room.stop

    def fit_statistics(self, sizes: Tensor | None = None) -> Statistics:
        """Mean of each component of the latents and its deviation, posterior's noise included.

        With `sizes` (tokens, dim), a component is normalised to a deviation in proportion to its own, not to 1.
        """
        mean = self._mean.double().mean(0)
        variance = self._mean.double().var(0) + self._log_variance.double().exp().mean(0)
        deviation = variance.sqrt().clamp_min(_SMALLEST_DEVIATION)
        if sizes is not None:
            relative = sizes.double() / sizes.double().square().mean().sqrt()
            deviation /= _SIZED_DEVIATION * relative.clamp_min(_SMALLEST_SIZE)
        self.statistics = Statistics(mean.float(), deviation.float())
        return self.statistics

    def draw(self, count: int) -> Latents:
        """Latents of `count` windows of the bank, sampled from their posteriors."""
        index = torch.randint(0, len(self._clips), (count,), device=self._device)
        mean = self._mean[index]
        sampled = mean + (0.5 * self._log_variance[index]).exp() * torch.randn_like(mean)
        values = self.statistics.normalize(sampled)
        return Latents(values, self._clips[index], self._sides[index], self._frames[index])
