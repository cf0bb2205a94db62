# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for few key frames: add keys where curves miss the dense take most, then drop those that are not needed.

All channels of a bone are keyed on the same frames, so that an animator sees clean columns. Every bone's rotation and
location stays within its own limit, and the hands and feet within theirs; the latter are followed by the linear
model of `effector_error` and made sure of by forward kinematics.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from .bezier_fit import BoolArray, IndexArray
from .dense_take import DenseTake, Shape
from .quaternion import FloatArray

FIRST_SPACING: Final = 8
"""Samples between the keys that the search begins with."""
MODEL_MARGIN: Final = 0.98
"""Share of the effectors' limit that the search uses: the linear model neglects about a hundredth."""
PRUNE_STRIDE: Final = 4
"""Every fourth key of a bone is tried at once: dropping a key changes the curve up to two keys away."""
PRUNE_ROUNDS: Final = 2


def search_keys(take: DenseTake, shape: Shape) -> BoolArray:
    """A choice of keys (B, F) within all limits, from which hardly a key can be dropped."""
    mask: BoolArray = np.zeros((take.bone_count, take.samples.shape[2]), dtype=np.bool_)
    mask[:, ::FIRST_SPACING] = True
    mask[:, -1] = True
    _refine(mask, take, shape)
    for _ in range(PRUNE_ROUNDS):
        before = mask.sum()
        for phase in range(PRUNE_STRIDE):
            _prune(mask, take, shape, phase)
        _refine(mask, take, shape)
        if mask.sum() >= before:
            break
    while _key_worst_contributors(mask, take, shape, by_kinematics=True):
        _refine(mask, take, shape)
    return mask


def _refine(mask: BoolArray, take: DenseTake, shape: Shape) -> None:
    """Add keys until every limit holds, for effectors by the linear model. Ends, because a key leaves no error."""
    unsettled = np.arange(take.bone_count)
    while True:
        while len(unsettled):
            part, chosen = take.only(unsettled), mask[unsettled]
            added = _key_worst_samples(chosen, part.excess(part.errors(chosen, shape)))
            mask[unsettled] = chosen
            unsettled = unsettled[added]
        before = mask.sum(axis=1)
        if not _key_worst_contributors(mask, take, shape):
            return
        unsettled = np.flatnonzero(mask.sum(axis=1) > before)


def _key_worst_samples(mask: BoolArray, excess: FloatArray) -> BoolArray:
    """Between any two keys where the excess (B, F) passes 1, key the sample where it is largest; (B,) where any did."""
    chosen, values = mask.ravel(), excess.ravel()
    span = np.cumsum(chosen) - 1
    worst = np.maximum.reduceat(values, np.flatnonzero(chosen))
    at_worst = np.flatnonzero((values == worst[span]) & (values > 1.0) & ~chosen)
    _, first = np.unique(span[at_worst], return_index=True)
    bones, frames = np.unravel_index(at_worst[first], mask.shape)
    mask[bones, frames] = True
    added: BoolArray = np.zeros(len(mask), dtype=np.bool_)
    added[bones] = True
    return added


def _key_worst_contributors(mask: BoolArray, take: DenseTake, shape: Shape, by_kinematics: bool = False) -> bool:
    """Where an effector is displaced over its limit, key the bone that does most of it; whether a key was added."""
    model = take.effectors
    if model is None:
        return False
    shares = model.contributions(take.errors(mask, shape))
    if by_kinematics:
        limit, moved = take.effector_limit, take.effector_displacement(take.curves(mask, shape))
    else:
        limit, moved = MODEL_MARGIN * take.effector_limit, model.total(shares)
    sizes = np.sqrt(np.einsum("efi,efi->ef", moved, moved))
    peaks = sizes > limit
    peaks[:, 1:] &= sizes[:, 1:] >= sizes[:, :-1]
    peaks[:, :-1] &= sizes[:, :-1] > sizes[:, 1:]
    before = mask.sum()
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
            pairs, reached, place = take.reach[bone]
            change = np.zeros((len(reached), *moved.shape[1:]))
            np.add.at(change, place, changes[pairs])
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
