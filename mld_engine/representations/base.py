# SPDX-License-Identifier: GPL-3.0-or-later
"""What every representation offers, and how its features are normalised for the networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class MotionTensors(NamedTuple):
    """rotations (..., T, 22, 4) wxyz local, root (..., T, 3) metres, contacts (..., T, 4) in 0..1; Y up."""

    rotations: Tensor
    root: Tensor
    contacts: Tensor


class Representation(Protocol):
    """Reads and writes features (..., T, F): F numbers a frame, in physical units (not normalised)."""

    @property
    def features(self) -> int:
        """F."""
        ...

    def to_motion(self, features: Tensor) -> MotionTensors:
        """(..., T, F) -> motion that starts over the origin, facing +Z."""
        ...

    def from_motion(self, rotations: Tensor, root: Tensor, offsets: Tensor) -> Tensor:
        """rotations (..., T, 22, 4) wxyz, root (..., T, 3), offsets (22, 3) metres -> (..., T, F)."""
        ...


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation of features (F,) or latents (tokens, dim); all deviations above 0."""

    mean: Tensor
    std: Tensor

    def __post_init__(self) -> None:
        if self.mean.shape != self.std.shape or not bool((self.std > 0).all()):
            raise ValueError("statistics need a mean and a positive standard deviation of the same shape")
        if not bool(torch.isfinite(self.mean).all() and torch.isfinite(self.std).all()):
            raise ValueError("statistics are not finite")

    def normalize(self, values: Tensor) -> Tensor:
        return (values - self.mean) / self.std

    def denormalize(self, values: Tensor) -> Tensor:
        return values * self.std + self.mean

    def to(self, device: torch.device) -> Statistics:
        return Statistics(self.mean.to(device), self.std.to(device))
