# SPDX-License-Identifier: GPL-3.0-or-later
"""The VAE's loss. Windows have no padding, so every mean is over valid frames only."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import smooth_l1_loss

from ..representations.base import Statistics
from ..representations.smpl203 import integrate_root
from .feature_groups import FeatureGroups
from .geometry import Geometry, decoded_geometry, feet, stored_geometry, world_change
from .options import LossWeights

_PATH_KNEE: Final = 0.1
_QUIET_JERK: Final = 10.0
"""m/s^3: joints that are this still do not count in `energy`."""

GEOMETRIC_TERMS: Final = (
    "joints",
    "joint_velocity",
    "joint_acceleration",
    "foot_velocity",
    "foot_height",
    "contact_consistency",
    "path",
    "energy",
)


class VaeLoss(nn.Module):
    """Weighted sum of the terms that `presets/default.toml` explains."""

    def __init__(
        self, weights: LossWeights, groups: FeatureGroups, statistics: Statistics, offsets: Tensor, fps: float
    ) -> None:
        super().__init__()
        self._weights, self._fps = weights, fps
        terms = [name for name in GEOMETRIC_TERMS if getattr(weights, name) > 0] if groups.geometry else []
        self.geometric = terms
        self.names = ("loss", "features", *terms, "kl")
        self.register_buffer("each", feature_weights(weights, groups).to(statistics.mean))
        self.register_buffer("mean", statistics.mean)
        self.register_buffer("std", statistics.std)
        self.register_buffer("offsets", offsets)
        self.each: Tensor
        self.mean: Tensor
        self.std: Tensor
        self.offsets: Tensor

    def forward(
        self, target: Tensor, decoded: Tensor, mean: Tensor, log_variance: Tensor, energy: bool = False
    ) -> Tensor:
        """target, decoded (B, T, F) normalised; posterior mean, log_variance (B, tokens, dim)
        -> the values of `names` (terms not weighted, the first is the sum to minimise).

        The term `energy` is 0 without that flag.
        """
        weights = self._weights
        features = smooth_l1_loss(decoded, target, beta=weights.knee, reduction="none")
        terms = {"features": (features * self.each).sum(-1).mean()}
        total = terms["features"]
        if self.geometric:
            terms |= self._geometry(target * self.std + self.mean, decoded * self.std + self.mean, energy)
            for name in self.geometric:
                total = total + getattr(weights, name) * terms[name]
        terms["kl"] = kl_divergence(mean, log_variance)
        total = total + weights.kl * terms["kl"]
        return torch.stack([total, *(terms[name] for name in self.names[1:])])

    def _geometry(self, target: Tensor, decoded: Tensor, energy: bool) -> dict[str, Tensor]:
        real, made = stored_geometry(target), decoded_geometry(decoded, self.offsets)
        acceleration, real_acceleration = world_change(made.velocity, decoded), world_change(real.velocity, target)
        heading, ground = integrate_root(decoded)
        real_heading, real_ground = integrate_root(target)
        path = smooth_l1_loss(ground, real_ground, beta=_PATH_KNEE) + smooth_l1_loss(
            heading, real_heading, beta=_PATH_KNEE
        )
        ratio = torch.zeros_like(path)
        if energy:
            jerk, real_jerk = world_change(acceleration, decoded), world_change(real_acceleration, target)
            ratio = energy_ratio(jerk * self._fps**3, real_jerk * self._fps**3)
        return {
            "joints": (made.joints - real.joints).abs().mean(),
            "joint_velocity": (made.velocity - real.velocity).abs().mean() * self._fps,
            "joint_acceleration": (acceleration - real_acceleration).abs().mean() * self._fps**2,
            "path": path,
            "energy": ratio,
            **foot_terms(real, made, self._fps),
        }


def feature_weights(weights: LossWeights, groups: FeatureGroups) -> Tensor:
    """How much each feature counts (F,): a group's weight is shared by its features."""
    each = torch.zeros(max(group.stop for group in groups.slices.values()))
    for name, group in groups.slices.items():
        each[group] = getattr(weights, name) / (group.stop - group.start)
    return each


def foot_terms(real: Geometry, made: Geometry, fps: float) -> dict[str, Tensor]:
    """Speed and height error of the feet that stand in `real`, and speed of those that `made` says stand."""
    speed = feet(made.velocity).abs().sum(-1) * fps
    standing = _standing(real.contacts)
    height = (feet(made.joints)[..., 1] - feet(real.joints)[..., 1])[..., :-1, :].abs()
    claimed = _standing(made.contacts.clamp(0, 1)).detach()
    return {
        "foot_velocity": _weighted_mean(speed, standing),
        "foot_height": _weighted_mean(height, standing),
        "contact_consistency": _weighted_mean(speed, claimed),
    }


def energy_ratio(made: Tensor, real: Tensor) -> Tensor:
    """|log| of the ratio of mean magnitudes over time: vectors (B, T, J, 3), the mean over windows and joints.

    A decoder that cannot know the phase of small fast motion would leave it out, because that is the
    least error at each frame; this term asks for as much of it as the real motion has.
    """
    amounts = [values.square().sum(-1).add(1e-6).sqrt().mean(1) for values in (made, real)]
    return ((amounts[0] + _QUIET_JERK) / (amounts[1] + _QUIET_JERK)).log().abs().mean()


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """From N(mean, exp(log_variance)) to N(0, 1), nats, mean over components."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()


def _standing(contacts: Tensor) -> Tensor:
    """(B, T, 4) -> (B, T-1, 4): in contact at a frame and at the next one."""
    return contacts[..., :-1, :] * contacts[..., 1:, :]


def _weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum() / weights.sum().clamp_min(1.0)
