# SPDX-License-Identifier: GPL-3.0-or-later
"""The noise schedule, as pure functions of the timestep.

Notation: `alpha_bar` (t) is the share of the clean signal's variance left at timestep t, so
x_t = sqrt(alpha_bar) x_0 + sqrt(1 - alpha_bar) noise (Ho et al., 2020, equation 4). Coefficients
are Python floats computed in double precision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ..checkpoints.config import ScheduleConfig


class Step(NamedTuple):
    """One sampling step: from `timestep` with `alpha_bar` to the next noise level `alpha_bar_next`."""

    timestep: int
    alpha_bar: float
    alpha_bar_next: float


@dataclass(frozen=True)
class NoiseSchedule:
    """`scaled_linear` schedule: the square roots of beta grow linearly (Rombach et al., 2022)."""

    config: ScheduleConfig

    @cached_property
    def alpha_bars(self) -> tuple[float, ...]:
        """alpha_bar of every training timestep, falling from almost 1."""
        config = self.config
        betas = (
            np.linspace(math.sqrt(config.beta_start), math.sqrt(config.beta_end), config.train_steps, dtype=np.float64)
            ** 2
        )
        return tuple(float(value) for value in np.cumprod(1.0 - betas))

    def timesteps(self, steps: int) -> list[int]:
        """The training timesteps that a sampler with `steps` steps visits, from noisy to clean.

        A latent consistency model takes those of a preset with so many steps, or evenly spaced ones
        out of those of the sampler that it was distilled from. Other models: "leading" spacing takes
        multiples of train_steps // steps, moved up by steps_offset (less where that would leave the
        schedule); "trailing" starts at the noisiest timestep.
        """
        config, total = self.config, self.config.train_steps
        assert 1 <= steps <= config.max_steps, f"{steps} steps; the schedule has 1 to {config.max_steps}"
        if config.presets:
            return next(list(preset.timesteps) for preset in config.presets if len(preset.timesteps) == steps)
        if config.sampler == "lcm":
            distilled = [(i + 1) * (total // config.lcm_steps) - 1 for i in reversed(range(config.lcm_steps))]
            return [distilled[i * config.lcm_steps // steps] for i in range(steps)]
        if config.spacing == "trailing":
            return [round(total - i * total / steps) - 1 for i in range(steps)]
        stride = total // steps
        offset = min(config.steps_offset, total - 1 - (steps - 1) * stride)
        return [i * stride + offset for i in reversed(range(steps))]

    def steps(self, steps: int) -> list[Step]:
        """The steps of a sampler; the last one goes to alpha_bar of timestep 0, or to 1, as `final_alpha` says."""
        timesteps = self.timesteps(steps)
        levels = [self.alpha_bars[t] for t in timesteps]
        final = self.alpha_bars[0] if self.config.final_alpha == "first" else 1.0
        return [Step(*values) for values in zip(timesteps, levels, [*levels[1:], final], strict=True)]
