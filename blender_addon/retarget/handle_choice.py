# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys of a choice of keys may have automatic handles without the curves missing the bound.

All handles begin automatic. Where a curve then misses a limit that it keeps with fitted slopes, the handles that do
most of it are fitted. A span between two fitted keys is as the search for keys found it, so the end is reached with
every limit kept.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from .bezier_fit import BoolArray, IndexArray, KeyColumns, automatic_slopes, evaluate_bezier
from .dense_take import DenseTake
from .key_search import MODEL_MARGIN
from .quaternion import FloatArray

FITTED_TOGETHER: Final = 0.3
"""At a key that is to be fitted, those channels are whose slope is off by that share of the worst one's."""
_SAME: Final = 1e-9
"""Share of a limit below which two curves are one."""


def choose_automatic(take: DenseTake, columns: KeyColumns, fitted: FloatArray) -> BoolArray:
    """(4, K) which channels of which keys can have automatic clamped handles, the others having `fitted` slopes (4, K).

    `columns` are keys for which the fitted slopes keep all limits of the take.
    """
    values = columns.at_keys(take.samples)
    automatic: BoolArray = np.ones(values.shape, dtype=np.bool_)
    best = take.errors_of(evaluate_bezier(columns, values, fitted))
    by_kinematics = False
    while True:
        slopes = automatic_slopes(columns, values, fitted, automatic)
        curves = evaluate_bezier(columns, values, slopes)
        errors = take.errors_of(curves)
        extra = errors - best
        misses = _bone_misses(take, columns, errors, extra)
        if not len(misses):
            moved = take.effector_displacement(curves) if by_kinematics and take.effectors is not None else None
            misses = _effector_misses(take, columns, errors, extra, moved)
        if not len(misses) and (by_kinematics or take.effectors is None):
            return automatic
        by_kinematics = not len(misses)
        _fit(automatic, columns, np.abs(slopes - fitted), misses)


def _bone_misses(take: DenseTake, columns: KeyColumns, errors: FloatArray, extra: FloatArray) -> IndexArray:
    """(N,) keys that begin a span in which a bone is turned or shifted too far."""
    ratios = np.sqrt(np.einsum("sfi,sfi->sf", errors, errors)) / take.limits[:, None]
    return np.unique(columns.start[(ratios > 1.0) & _differs(take, extra)])


def _effector_misses(
    take: DenseTake, columns: KeyColumns, errors: FloatArray, extra: FloatArray, moved: FloatArray | None
) -> IndexArray:
    """(N,) keys that begin the span which does most to displace an effector (E, F, 3) over its limit, at each peak."""
    model = take.effectors
    if model is None:
        return np.empty(0, dtype=np.intp)
    limit = take.effector_limit
    if moved is None:
        limit, moved = MODEL_MARGIN * limit, model.total(model.contributions(errors))
    sizes = np.sqrt(np.einsum("efi,efi->ef", moved, moved))
    peaks = sizes > limit
    peaks[:, 1:] &= sizes[:, 1:] >= sizes[:, :-1]
    peaks[:, :-1] &= sizes[:, :-1] > sizes[:, 1:]
    shares = model.contributions(extra)
    differs = _differs(take, extra)
    spans = []
    for effector in np.flatnonzero(peaks.any(axis=1)):
        frames = np.flatnonzero(peaks[effector])
        pairs = np.flatnonzero(model.pair_effector == effector)
        sources = model.pair_source[pairs]
        along = np.einsum("pfi,fi->pf", shares[pairs][:, frames], moved[effector, frames])
        along[~differs[sources][:, frames]] = -np.inf
        worst = np.argmax(along, axis=0)
        found = np.max(along, axis=0) > -np.inf
        spans.append(columns.start[sources[worst], frames][found])
    return np.unique(np.concatenate(spans)) if spans else np.empty(0, dtype=np.intp)


def _differs(take: DenseTake, extra: FloatArray) -> BoolArray:
    """(S, F) where the curves are not those of fitted slopes."""
    return np.asarray(np.einsum("sfi,sfi->sf", extra, extra) > ((_SAME * take.limits) ** 2)[:, None])


def _fit(automatic: BoolArray, columns: KeyColumns, off: FloatArray, spans: IndexArray) -> None:
    """Of the two keys of each span fit the one whose slopes are more `off` (4, K), in the channels where they are."""
    worst = np.max(off, axis=0)
    keys = np.where(worst[spans] >= worst[spans + 1], spans, spans + 1)
    automatic[:, keys] &= off[:, keys] < FITTED_TOGETHER * worst[keys]
