# SPDX-License-Identifier: GPL-3.0-or-later
"""How the hips give way to locked feet, smoothly, so that legs keep their bend and need not stretch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from . import quaternion
from .easing import blur, joined
from .foot_contacts import BoolArray
from .quaternion import FloatArray

FULL_STRETCH: Final = 0.998
"""Share of the leg's length beyond which no leg is stretched; the knee still bends by seven degrees there."""
SMOOTHING_SECONDS: Final = 0.08
"""Standard deviation of the Gaussian that smooths the hips' way."""
LEG_SHARE: Final = 0.08
"""Share of the leg's length by which a planted foot may be displaced in the level before the hips go with it."""
HOLD: Final = 0.01
"""Weight that keeps the hips where they are, against 1 of a planted foot below a straight leg."""
LEAST_BEND: Final = 0.02
"""1 - (reach / length)^2 of a leg that counts as straight."""
LARGEST_DROP: Final = 0.1
"""Share of the leg's length by which the hips may sink to bring a foot into reach."""


@dataclass(frozen=True, eq=False)
class Strain:
    """A leg whose ankle is to be moved. Positions (F, 3) in the world."""

    hip: FloatArray
    ankle: FloatArray
    shift: FloatArray
    """(F, 3) wanted displacement of the ankle, where the foot is planted."""
    planted: BoolArray
    thigh: float
    shin: float
    up: FloatArray
    frame_seconds: float

    @property
    def length(self) -> float:
        return self.thigh + self.shin

    def present_reach(self) -> FloatArray:
        """(F,) distance from hip to ankle."""
        return np.asarray(np.linalg.norm(self.ankle - self.hip, axis=-1))

    def reachable(self, hips: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Where the ankle gets to (F, 3) with hips moved by (F, 3), and by how much a planted leg is too short (F,).

        In the air the foot moves with the hips, and the knee bends as it did, but for what is left of the changes that
        its last and next plants ask for.
        """
        hip = self.hip + hips
        line = self.ankle + hips + joined(self.shift - hips, self.planted, self.frame_seconds) - hip
        wanted, present = np.linalg.norm(line, axis=-1), self.present_reach()
        reach = softened(wanted, present, self.length)
        bend = self._bend(present)
        bend = bend + joined(self._bend(reach) - bend, self.planted, self.frame_seconds)
        return hip + quaternion.unit(line) * self._reach(bend)[:, None], np.where(self.planted, wanted - reach, 0.0)

    def _bend(self, reach: FloatArray) -> FloatArray:
        """Angle of the knee [rad] at a distance from hip to ankle."""
        cosine = (reach**2 - self.thigh**2 - self.shin**2) / (2.0 * self.thigh * self.shin)
        return np.asarray(np.arccos(np.clip(cosine, -1.0, 1.0)))

    def _reach(self, bend: FloatArray) -> FloatArray:
        return np.asarray(np.sqrt(self.thigh**2 + self.shin**2 + 2.0 * self.thigh * self.shin * np.cos(bend)))


def softened(wanted: FloatArray, present: FloatArray, length: float) -> FloatArray:
    """Distances (F,) from hip to ankle that a leg can take: as wanted while there is room, then ever slower to its end.

    The room lies between the present distance and a full stretch; a leg that is already stretched gets no longer.
    """
    room = np.maximum(FULL_STRETCH * length - present, 1e-6 * length)
    half = 0.5 * room
    over = np.maximum(wanted - present - half, 0.0)
    return np.asarray(np.where(over > 0.0, present + half + half * (1.0 - np.exp(-over / half)), wanted))


def hip_shift(strains: Sequence[Strain]) -> FloatArray:
    """(F, 3) displacement of the hips.

    In the level, what planted feet are displaced beyond what legs take up: a motion that slides as a whole must stop as
    a whole. Upright, the smooth way on which planted legs change their length least, straight legs before bent ones,
    because there a small change of length is a large one of the knee's angle; and where a leg would still be too
    short, lower by as much as is missing.
    """
    up, frame_seconds = strains[0].up, strains[0].frame_seconds
    level = _level_shift(strains)
    above = np.zeros(len(level))
    below = np.full_like(above, HOLD)
    for strain in strains:
        line = quaternion.unit(strain.ankle - strain.hip)
        upright = line @ up
        bend = 1.0 - (strain.present_reach() / strain.length) ** 2
        weight = strain.planted * LEAST_BEND / np.maximum(bend, LEAST_BEND)
        above += weight * upright * np.sum((strain.shift - level) * line, axis=-1)
        below += weight * upright**2
    height = blur(above, SMOOTHING_SECONDS, frame_seconds) / blur(below, SMOOTHING_SECONDS, frame_seconds)
    missing = np.zeros_like(above)
    for strain in strains:
        upright = np.abs(quaternion.unit(strain.ankle - strain.hip) @ up)
        short = strain.reachable(level + height[:, None] * up)[1] / np.maximum(upright, 0.3)
        missing = np.maximum(missing, np.minimum(short, LARGEST_DROP * strain.length))
    return level + (height - _envelope(missing, frame_seconds))[:, None] * up


def _level_shift(strains: Sequence[Strain]) -> FloatArray:
    """(F, 3) by how much planted feet are displaced in the level beyond `LEG_SHARE`; their mean where both are."""
    excess, count = np.zeros_like(strains[0].shift), np.zeros(len(strains[0].shift))
    for strain in strains:
        level = strain.shift - (strain.shift @ strain.up)[:, None] * strain.up
        size = np.maximum(np.linalg.norm(level, axis=-1), 1e-12)
        over = np.where(strain.planted, np.maximum(size - LEG_SHARE * strain.length, 0.0), 0.0)
        excess += level * (over / size)[:, None]
        count += strain.planted
    mean = joined(excess / np.maximum(count, 1.0)[:, None], count > 0.0, strains[0].frame_seconds)
    return np.stack([blur(column, SMOOTHING_SECONDS, strains[0].frame_seconds) for column in mean.T], axis=-1)


def _envelope(values: FloatArray, frame_seconds: float) -> FloatArray:
    """A smooth curve that is nowhere below the values: their running maximum, averaged over the same window."""
    if not values.any():
        return np.zeros_like(values)
    reach = max(int(np.ceil(2.0 * SMOOTHING_SECONDS / frame_seconds)), 1)
    window = 2 * reach + 1
    padded = np.pad(values, 2 * reach, mode="edge")
    highest = np.lib.stride_tricks.sliding_window_view(padded, window).max(axis=-1)
    kernel = np.hanning(window + 2)[1:-1]
    return np.convolve(highest, kernel / kernel.sum(), mode="valid")
