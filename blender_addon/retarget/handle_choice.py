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
from .effector_error import EffectorModel
from .key_search import MODEL_MARGIN
from .quaternion import FloatArray

FITTED_TOGETHER: Final = 0.8
"""At a key that is to be fitted, those channels are whose slope is off by that share of the worst one's: a smaller
share takes fewer rounds and leaves fewer automatic handles."""
_SAME: Final = 1e-9
"""Share of a limit below which two curves are one."""


def choose_automatic(take: DenseTake, columns: KeyColumns, values: FloatArray, fitted: FloatArray) -> BoolArray:
    """(4, K) which channels of which keys can have automatic clamped handles, the others having `fitted` slopes (4, K).

    `columns` are keys of values (4, K) for which the fitted slopes keep all limits of the take.
    """
    automatic: BoolArray = np.ones(values.shape, dtype=np.bool_)
    best = take.errors_of(evaluate_bezier(columns, values, fitted))
    model = take.effectors
    best_shares = None if model is None else model.contributions(best)
    by_kinematics = False
    while True:
        slopes = automatic_slopes(columns, values, fitted, automatic)
        curves = evaluate_bezier(columns, values, slopes)
        errors = take.errors_of(curves)
        extra = errors - best
        misses = _bone_misses(take, columns, errors, extra)
        if not len(misses) and model is not None and best_shares is not None:
            shares = model.contributions(extra)
            if by_kinematics:
                limit, moved = take.effector_limit, take.effector_displacement(curves)
            else:
                limit, moved = MODEL_MARGIN * take.effector_limit, model.total(best_shares + shares)
            misses = _effector_misses(take, model, columns, extra, shares, moved, limit)
        if not len(misses) and (by_kinematics or model is None):
            return automatic
        by_kinematics = not len(misses)
        _fit(automatic, columns, np.abs(slopes - fitted), misses)


def _bone_misses(take: DenseTake, columns: KeyColumns, errors: FloatArray, extra: FloatArray) -> IndexArray:
    """(N,) keys that begin a span in which a bone is turned or shifted too far."""
    sources, frames = np.nonzero(np.einsum("sfi,sfi->sf", errors, errors) > (take.limits**2)[:, None])
    differs = _differs(take, extra, sources, frames)
    return np.unique(columns.start[sources[differs], frames[differs]])


def _effector_misses(
    take: DenseTake,
    model: EffectorModel,
    columns: KeyColumns,
    extra: FloatArray,
    shares: FloatArray,
    moved: FloatArray,
    limit: float,
) -> IndexArray:
    """(N,) keys that begin the span which does most to displace an effector (E, F, 3) over its limit, at each peak.

    `shares` (P, F, 3) of the displacement are those of what automatic handles add to the errors.
    """
    sizes = np.sqrt(np.einsum("efi,efi->ef", moved, moved))
    peaks = sizes > limit
    peaks[:, 1:] &= sizes[:, 1:] >= sizes[:, :-1]
    peaks[:, :-1] &= sizes[:, :-1] > sizes[:, 1:]
    spans = [np.empty(0, dtype=np.intp)]
    for effector in np.flatnonzero(peaks.any(axis=1)):
        frames = np.flatnonzero(peaks[effector])
        pairs = np.flatnonzero(model.pair_effector == effector)
        sources = model.pair_source[pairs]
        along = np.einsum("pfi,fi->pf", shares[pairs][:, frames], moved[effector, frames])
        along[~_differs(take, extra, sources[:, None], frames)] = -np.inf
        worst = np.argmax(along, axis=0)
        found = np.max(along, axis=0) > -np.inf
        spans.append(columns.start[sources[worst], frames][found])
    return np.unique(np.concatenate(spans))


def _differs(take: DenseTake, extra: FloatArray, sources: IndexArray, frames: IndexArray) -> BoolArray:
    """Where, of these sources at these frames, the curves are not those of fitted slopes."""
    return np.asarray(np.linalg.norm(extra[sources, frames], axis=-1) > _SAME * take.limits[sources])


def _fit(automatic: BoolArray, columns: KeyColumns, off: FloatArray, spans: IndexArray) -> None:
    """Of the two keys of each span fit the one whose slopes are more `off` (4, K), in the channels where they are."""
    worst = np.max(off, axis=0)
    keys = np.where(worst[spans] >= worst[spans + 1], spans, spans + 1)
    automatic[:, keys] &= off[:, keys] < FITTED_TOGETHER * worst[keys]
