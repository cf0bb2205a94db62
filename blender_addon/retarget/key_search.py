# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for few key frames: add keys where curves miss the dense take most, then drop those that are not needed.

All channels of a bone are keyed on the same frames, so that an animator sees clean columns. Every bone's rotation and
location stays within its own limit, and the hands and feet within theirs; the latter are followed by the linear
model of `effector_error` and made sure of by forward kinematics.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from .bezier_fit import BoolArray, IndexArray
from .dense_take import DenseTake, Shape
from .effector_error import EffectorModel
from .quaternion import FloatArray

FIRST_SPACING: Final = 10
"""Samples between the keys that the search begins with."""
STILL: Final = 1e-3
"""A bone that two keys bring that close to the take, in shares of its limit, begins and mostly ends with these."""
MODEL_MARGIN: Final = 0.98
"""Share of the effectors' limit that the search uses: the linear model neglects about a hundredth."""
PRUNE_STRIDE: Final = 5
"""Every fifth key of a bone is tried at once: dropping a key changes the curve little beyond two keys away."""
PRUNE_ROUNDS: Final = 2
"""A third round costs a quarter more time and saves 1.5 % of the keys."""


def search_keys(take: DenseTake, shape: Shape) -> BoolArray:
    """A choice of keys (B, F) within all limits, from which hardly a key can be dropped."""
    mask: BoolArray = np.zeros((take.bone_count, take.samples.shape[2]), dtype=np.bool_)
    mask[:, [0, -1]] = True
    moving = take.excess(take.errors(mask, shape)).max(axis=1) > STILL
    mask[moving, ::FIRST_SPACING] = True
    errors = _refine(mask, take, shape)
    for _ in range(PRUNE_ROUNDS):
        before = mask.sum()
        for phase in range(PRUNE_STRIDE):
            errors = _prune(mask, take, shape, errors, phase)
        errors = _refine(mask, take, shape)
        if mask.sum() >= before:
            break
    model = take.effectors
    while model is not None:
        moved = take.effector_displacement(take.curves(mask, shape))
        if not _key_worst_contributors(mask, take, model, model.contributions(errors), moved, take.effector_limit):
            break
        errors = _refine(mask, take, shape)
    return mask


def _refine(mask: BoolArray, take: DenseTake, shape: Shape) -> FloatArray:
    """Add keys until every limit holds, for effectors by the linear model. Returns the errors (S, F, 3) that are left.

    Ends, because each round keys a sample of every bone to blame, and a bone with a key on every sample has no error.
    """
    errors = np.empty((*take.samples.shape[1:], 3))
    unsettled = np.arange(take.bone_count)
    while True:
        while len(unsettled):
            part, chosen = take.only(unsettled), mask[unsettled]
            found = part.errors(chosen, shape)
            errors[np.isin(take.rows, unsettled)] = found
            added = _key_worst_samples(chosen, part.excess(found))
            mask[unsettled] = chosen
            unsettled = unsettled[added]
        model = take.effectors
        if model is None:
            return errors
        before = mask.sum(axis=1)
        shares = model.contributions(errors)
        if not _key_worst_contributors(
            mask, take, model, shares, model.total(shares), MODEL_MARGIN * take.effector_limit
        ):
            return errors
        unsettled = np.flatnonzero(mask.sum(axis=1) > before)


def _key_worst_samples(mask: BoolArray, excess: FloatArray) -> BoolArray:
    """Between any two keys where the excess (B, F) passes 1, key the sample where it is largest; (B,) where any did.

    The excess of a key, which may lie beside its sample, is laid on the nearest sample without one.
    """
    over = np.nonzero((excess > 1.0) & mask)
    excess = np.where(mask, 0.0, excess)
    if len(over[0]):
        nearest = _nearest_free(mask)[over]
        bones = over[0][nearest >= 0]
        excess[bones, nearest[nearest >= 0]] = np.inf
    chosen, values = mask.ravel(), excess.ravel()
    span = np.cumsum(chosen) - 1
    worst = np.maximum.reduceat(values, np.flatnonzero(chosen))
    at_worst = np.flatnonzero((values == worst[span]) & (values > 1.0))
    _, first = np.unique(span[at_worst], return_index=True)
    bones, frames = np.unravel_index(at_worst[first], mask.shape)
    mask[bones, frames] = True
    added: BoolArray = np.zeros(len(mask), dtype=np.bool_)
    added[bones] = True
    return added


def _nearest_free(mask: BoolArray) -> IndexArray:
    """(B, F) the sample without a key that is nearest to each sample; -1 in a bone that has none."""
    frames = np.arange(mask.shape[1])
    far = 2 * len(frames)
    before = np.maximum.accumulate(np.where(mask, -far, frames), axis=1)
    after = np.minimum.accumulate(np.where(mask, far, frames)[:, ::-1], axis=1)[:, ::-1]
    nearest = np.where(frames - before <= after - frames, before, after)
    return np.where(mask.all(axis=1, keepdims=True), -1, nearest)


def _key_worst_contributors(
    mask: BoolArray, take: DenseTake, model: EffectorModel, shares: FloatArray, moved: FloatArray, limit: float
) -> bool:
    """Where an effector has moved (E, F, 3) over the limit, key the bone with the largest share (P, F, 3) in that, or
    the sample nearest to there where that bone has no key; whether a key was added."""
    sizes = np.sqrt(np.einsum("efi,efi->ef", moved, moved))
    peaks = sizes > limit
    peaks[:, 1:] &= sizes[:, 1:] >= sizes[:, :-1]
    peaks[:, :-1] &= sizes[:, :-1] > sizes[:, 1:]
    nearest = _nearest_free(mask)
    before = mask.sum()
    for effector in np.flatnonzero(peaks.any(axis=1)):
        frames = np.flatnonzero(peaks[effector])
        pairs = np.flatnonzero(model.pair_effector == effector)
        bones = take.rows[model.pair_source[pairs]]
        along = np.einsum("pfi,fi->pf", shares[pairs][:, frames], moved[effector, frames])
        free = nearest[bones[:, None], frames]
        along[free < 0] = -np.inf
        worst = np.argmax(along, axis=0)
        # Where no bone has a sample left, that is the last one, -1, which has a key.
        mask[bones[worst], free[worst, np.arange(len(frames))]] = True
    return bool(mask.sum() > before)


def _prune(mask: BoolArray, take: DenseTake, shape: Shape, errors: FloatArray, phase: int) -> FloatArray:
    """Try to drop every fifth inner key of each bone, beginning with the `phase`-th; keep those that are needed.

    Bones far from the trunk go first: they move hands and feet least, so a key dropped there costs least.
    Returns the errors (S, F, 3) afterwards, given those before. They neglect what a dropped key changes further away
    than two keys; the refinement that follows does not.
    """
    bones, frames, begins, ends = _candidates(mask, phase)
    trial = mask.copy()
    trial[bones, frames] = False
    tried = take.errors(trial, shape)
    breaks = take.excess(tried) > 1.0
    model = take.effectors
    if model is not None:
        moved = model.total(model.contributions(errors))
        changes = model.contributions(tried - errors)
    limit = (MODEL_MARGIN * take.effector_limit) ** 2
    touched: IndexArray = np.zeros((len(mask), mask.shape[1] + 1), dtype=np.intp)
    for bone in range(take.bone_count - 1, -1, -1):
        own = np.flatnonzero(bones == bone)
        if len(own) == 0:
            continue
        broken = breaks[bone]
        if model is not None:
            pairs, pair_begins, reached = take.reach[bone]
            change = np.add.reduceat(changes[pairs], pair_begins, axis=0)
            after = moved[reached] + change
            broken = broken | np.any(np.einsum("efi,efi->ef", after, after) > limit, axis=0)
        count = np.concatenate([[0], np.cumsum(broken)])
        free = own[count[ends[own] + 1] == count[begins[own]]]
        mask[bone, frames[free]] = False
        np.add.at(touched[bone], begins[free], 1)
        np.add.at(touched[bone], ends[free] + 1, -1)
        np.cumsum(touched[bone], out=touched[bone])
        if model is not None:
            moved[reached] += change * (touched[bone, :-1] > 0)[:, None]
    return np.where((touched[take.rows, :-1] > 0)[:, :, None], tried, errors)


def _candidates(mask: BoolArray, phase: int) -> tuple[IndexArray, IndexArray, IndexArray, IndexArray]:
    """Bones and frames of every fifth inner key, and the first and last frame that dropping each would touch."""
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
