# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for few key frames: add keys where curves miss the dense take most, then drop those that are not needed.

All channels of a bone are keyed on the same frames, so that an animator sees clean columns. Every bone's rotation and
location stays within its own limit, and the hands and feet within theirs; the latter are followed by the linear
model of `effector_error` and made sure of by forward kinematics.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from . import quaternion, rotation_modes
from .bezier_fit import BoolArray, IndexArray, KeyColumns, slopes_of
from .effector_error import EffectorModel
from .quaternion import FloatArray

Shape = Callable[[KeyColumns, FloatArray, FloatArray], FloatArray]
"""(columns, samples (4, S, F), their slopes) -> curves (4, S, F) through the samples at the keys."""

LOCATION: Final = "LOCATION"
MODEL_MARGIN: Final = 0.98
"""Share of the effectors' limit that the search uses: the linear model neglects about a hundredth."""
PRUNE_STRIDE: Final = 4
"""Every fourth key of a bone is tried at once: dropping a key changes the curve up to two keys away."""
PRUNE_ROUNDS: Final = 2


@dataclass(frozen=True, eq=False)
class DenseTake:
    """F samples of S error sources: the rotations of all B bones, then the locations of some of them."""

    bones: tuple[str, ...]
    """(S,) the bone of each source."""
    samples: FloatArray
    """(4, S, F) channels as keyed; those with three leave the last one 0."""
    modes: tuple[str, ...]
    """(S,) QUATERNION, AXIS_ANGLE, an Euler order or LOCATION."""
    rows: IndexArray
    """(S,) number of that bone, 0 .. B-1."""
    limits: FloatArray
    """(S,) largest error: radians, or armature units for a location."""
    effectors: EffectorModel | None = None
    effector_limit: float = 0.0
    """World metres."""

    @cached_property
    def slopes(self) -> FloatArray:
        return slopes_of(self.samples)

    @cached_property
    def bone_count(self) -> int:
        return int(self.rows.max()) + 1

    @cached_property
    def quaternions(self) -> FloatArray:
        """(S, F, 4) the rotations of the samples; the identity for locations."""
        return self.rotations_of(self.samples)

    @cached_property
    def sources_by_mode(self) -> dict[str, IndexArray]:
        modes = np.array(self.modes)
        return {mode: np.flatnonzero(modes == mode) for mode in dict.fromkeys(self.modes)}

    @cached_property
    def pairs_by_bone(self) -> list[IndexArray]:
        """For each bone, the effector model's pairs that its channels act through."""
        assert self.effectors is not None
        bones = self.rows[self.effectors.pair_source]
        return [np.flatnonzero(bones == bone) for bone in range(self.bone_count)]

    def channel_count(self, source: int) -> int:
        return 4 if self.modes[source] in ("QUATERNION", "AXIS_ANGLE") else 3

    def rotations_of(self, curves: FloatArray) -> FloatArray:
        """Curves (4, S, F) -> the rotations (S, F, 4) that Blender makes of them, not normalised."""
        out = np.zeros((*curves.shape[1:], 4))
        out[..., 0] = 1.0
        for mode, sources in self.sources_by_mode.items():
            values = np.moveaxis(curves[:, sources], 0, -1)
            if mode == "QUATERNION":
                out[sources] = values
            elif mode == "AXIS_ANGLE":
                out[sources] = quaternion.from_axis_angle(values[..., 1:], values[..., 0])
            elif mode != LOCATION:
                out[sources] = rotation_modes.from_euler(values[..., :3], mode)
        return out

    def curves(self, mask: BoolArray, shape: Shape) -> FloatArray:
        """(4, S, F) the curves of a choice of keys (B, F)."""
        return shape(KeyColumns(mask[self.rows]), self.samples, self.slopes)

    def errors(self, mask: BoolArray, shape: Shape) -> FloatArray:
        """(S, F, 3) how the curves of a choice of keys (B, F) miss the samples: rotation vectors and shifts."""
        curves = self.curves(mask, shape)
        errors = _rotation_vectors(self.quaternions, self.rotations_of(curves))
        for source in self.sources_by_mode.get(LOCATION, ()):
            errors[source] = (curves[:3, source] - self.samples[:3, source]).T
        return errors

    def effector_displacement(self, mask: BoolArray, shape: Shape) -> FloatArray:
        """(E, F, 3) how far the curves move the effectors in the world, by forward kinematics."""
        assert self.effectors is not None
        curves = self.curves(mask, shape)
        turned = quaternion.normalize(self.rotations_of(curves))
        moved = self.sources_by_mode.get(LOCATION, np.empty(0, dtype=np.intp))
        return self.effectors.displacements_exact(
            {bone: turned[i] for i, bone in enumerate(self.bones) if i not in moved},
            {self.bones[i]: curves[:3, i].T for i in moved},
        )

    def excess(self, errors: FloatArray) -> FloatArray:
        """(B, F) errors of each bone as multiples of its limits."""
        ratios = np.sqrt(np.einsum("sfi,sfi->sf", errors, errors)) / self.limits[:, None]
        worst = np.zeros((self.bone_count, ratios.shape[1]))
        np.maximum.at(worst, self.rows, ratios)
        return worst


def search_keys(take: DenseTake, shape: Shape) -> BoolArray:
    """A choice of keys (B, F) within all limits, from which hardly a key can be dropped."""
    mask: BoolArray = np.zeros((take.bone_count, take.samples.shape[2]), dtype=np.bool_)
    mask[:, [0, -1]] = True
    _make_exact(mask, take, shape)
    for _ in range(PRUNE_ROUNDS):
        before = mask.sum()
        for phase in range(PRUNE_STRIDE):
            _prune(mask, take, shape, phase)
        _make_exact(mask, take, shape)
        if mask.sum() >= before:
            break
    _make_exact(mask, take, shape, by_kinematics=True)
    return mask


def _make_exact(mask: BoolArray, take: DenseTake, shape: Shape, by_kinematics: bool = False) -> None:
    """Add keys until every limit holds. Ends because an error is zero where there is a key."""
    while _key_worst_samples(mask, take.excess(take.errors(mask, shape))):
        pass
    if take.effectors is None:
        return
    while True:
        errors = take.errors(mask, shape)
        shares = take.effectors.contributions(errors)
        if by_kinematics:
            limit, moved = take.effector_limit, take.effector_displacement(mask, shape)
        else:
            limit, moved = MODEL_MARGIN * take.effector_limit, take.effectors.total(shares)
        if not _key_worst_contributors(mask, take, shares, moved, limit):
            return


def _key_worst_samples(mask: BoolArray, excess: FloatArray) -> bool:
    """Between any two keys where the excess (B, F) passes 1, key the sample where it is largest; whether any did."""
    chosen, values = mask.ravel(), excess.ravel()
    span = np.cumsum(chosen) - 1
    worst = np.maximum.reduceat(values, np.flatnonzero(chosen))
    at_worst = np.flatnonzero((values == worst[span]) & (values > 1.0) & ~chosen)
    if len(at_worst) == 0:
        return False
    _, first = np.unique(span[at_worst], return_index=True)
    mask[np.unravel_index(at_worst[first], mask.shape)] = True
    return True


def _key_worst_contributors(
    mask: BoolArray, take: DenseTake, shares: FloatArray, moved: FloatArray, limit: float
) -> bool:
    """Where an effector is displaced (E, F, 3) over its limit, key the bone that does most of it; whether any was."""
    model = take.effectors
    assert model is not None
    before = mask.sum()
    sizes = np.sqrt(np.einsum("efi,efi->ef", moved, moved))
    peaks = sizes > limit
    peaks[:, 1:] &= sizes[:, 1:] >= sizes[:, :-1]
    peaks[:, :-1] &= sizes[:, :-1] > sizes[:, 1:]
    for effector in np.flatnonzero(peaks.any(axis=1)):
        frames = np.flatnonzero(peaks[effector])
        pairs = np.flatnonzero(model.pair_effector == effector)
        bones = take.rows[model.pair_source[pairs]]
        along = np.einsum("pfi,fi->pf", shares[pairs][:, frames], moved[effector, frames])
        along[mask[bones[:, None], frames]] = -np.inf
        mask[bones[np.argmax(along, axis=0)], frames] = True
    return bool(mask.sum() > before)


def _prune(mask: BoolArray, take: DenseTake, shape: Shape, phase: int) -> None:
    """Try to drop every fourth inner key of each bone, beginning with the `phase`-th; keep those that are needed.

    Bones far from the trunk go first: they move hands and feet least, so a key dropped there costs least.
    """
    bones, frames, begins, ends = _candidates(mask, phase)
    trial = mask.copy()
    trial[bones, frames] = False
    present, tried = take.errors(mask, shape), take.errors(trial, shape)
    breaks = take.excess(tried) > 1.0
    model = take.effectors
    if model is not None:
        moved = model.total(model.contributions(present))
        changes = model.contributions(tried - present)
    limit = (MODEL_MARGIN * take.effector_limit) ** 2
    for bone in range(take.bone_count - 1, -1, -1):
        own = np.flatnonzero(bones == bone)
        if len(own) == 0:
            continue
        broken = breaks[bone]
        reached: Sequence[int] | IndexArray = ()
        if model is not None:
            pairs = take.pairs_by_bone[bone]
            reached, inverse = np.unique(model.pair_effector[pairs], return_inverse=True)
            change = np.zeros((len(reached), *moved.shape[1:]))
            np.add.at(change, inverse, changes[pairs])
            after = moved[reached] + change
            broken = broken | np.any(np.einsum("efi,efi->ef", after, after) > limit, axis=0)
        count = np.concatenate([[0], np.cumsum(broken)])
        free = own[count[ends[own] + 1] == count[begins[own]]]
        mask[bone, frames[free]] = False
        if len(reached) and len(free):
            inside = np.zeros(mask.shape[1] + 1)
            np.add.at(inside, begins[free], 1.0)
            np.add.at(inside, ends[free] + 1, -1.0)
            moved[reached] += change * (np.cumsum(inside[:-1]) > 0.0)[:, None]


def _candidates(mask: BoolArray, phase: int) -> tuple[IndexArray, IndexArray, IndexArray, IndexArray]:
    """Bones and frames of every fourth inner key, and the first and last frame that dropping each would touch."""
    bones, frames = np.nonzero(mask)
    first = np.searchsorted(bones, np.arange(len(mask)))
    last = np.append(first[1:], len(bones)) - 1
    keys = np.arange(len(bones))
    chosen = np.flatnonzero(
        ((keys - first[bones]) % PRUNE_STRIDE == phase) & (keys > first[bones]) & (keys < last[bones])
    )
    reach = PRUNE_STRIDE // 2
    begins = frames[np.maximum(chosen - reach, first[bones[chosen]])]
    ends = frames[np.minimum(chosen + reach, last[bones[chosen]])]
    return bones[chosen], frames[chosen], begins, ends


def _rotation_vectors(dense: FloatArray, curves: FloatArray) -> FloatArray:
    """(..., 3) the rotations from `dense` to `curves`, quaternions (..., 4), in the turned bone's axes [rad].

    2 tan(half the angle) stands for the angle: never less, equal for small ones, and free of the curve's length.
    """
    relative = quaternion.multiply(quaternion.conjugate(dense), curves)
    cosine = relative[..., :1]
    return np.asarray(2.0 * relative[..., 1:] / np.where(np.abs(cosine) < 1e-9, 1e-9, cosine))
