# SPDX-License-Identifier: GPL-3.0-or-later
"""Fewer keys for a take, with a bound on the error of every bone and of the hands and feet.

Three modes:
- NONE: a key on every frame, joined by straight lines.
- LINEAR: few keys joined by straight lines.
- BEZIER: few keys with handles of one of three kinds:
  - ALIGNED: values and slopes with which the curves come nearest to the take (see `bezier_fit.fitted_keys`): the
    fewest keys. Between its first and last key a curve passes beside the samples, within the bound, as it does
    between keys anyway: held to the samples at its keys, it would need an eighth more of them.
  - AUTO_CLAMPED: Blender's automatic clamped handles on every key, and every key on the take. At the same bound they
    need twice as many keys, because their slopes come from the keys' values alone: a key is one number a channel
    instead of two. Fitted values would save 3 % of them: not worth leaving the take for.
  - MIXED: the values of ALIGNED, automatic clamped handles on most keys and aligned ones where automatic ones would
    miss the bound.

The first and last key of every curve lie on the take: what is blended, looped or joined there fits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from ..rig.bone_map import BoneMap
from ..rig.snapshot import RigSnapshot
from .bezier_fit import (
    BoolArray,
    KeyColumns,
    automatic_slopes,
    evaluate_bezier,
    evaluate_linear,
    fitted_keys,
)
from .dense_take import LOCATION, DenseTake
from .effector_error import EffectorModel, body_scale, effector_model
from .handle_choice import choose_automatic
from .key_search import search_keys
from .quaternion import FloatArray

Mode = Literal["NONE", "LINEAR", "BEZIER"]
HandleType = Literal["MIXED", "AUTO_CLAMPED", "ALIGNED"]

MAX_DEGREES: Final = 0.5
MAX_METRES: Final = 0.002
"""On a body of the size that the motion was made for; scaled with the character's limbs."""
MIXED_SHARE: Final = 0.85
"""Of the bound, what keys with fitted handles may use up where automatic handles are to take the rest: more keys, of
which more can have automatic handles."""
_LEAST_LIMIT: Final = 1e-9
"""Stands for a limit of 0, which only a key on every frame meets."""


@dataclass(frozen=True, eq=False)
class CurveKeys:
    """The keys of one F-curve. K keys; frames are counted from the take's first key."""

    bone: str
    data_path: str
    """The pose bone's property: rotation_quaternion, rotation_euler, rotation_axis_angle or location."""
    index: int
    frames: FloatArray
    """(K,)"""
    values: FloatArray
    """(K,)"""
    left_handles: FloatArray | None
    """(K, 2) frame and value; None for keys joined by straight lines."""
    right_handles: FloatArray | None
    automatic: BoolArray | None
    """(K,) which keys have AUTO_CLAMPED handles; the others have ALIGNED ones. None for straight lines. To be written
    with the handles, and with the curve's `auto_smoothing` set to CONT_ACCEL, before Blender updates the curve."""

    @property
    def interpolation(self) -> Literal["LINEAR", "BEZIER"]:
        return "LINEAR" if self.automatic is None else "BEZIER"


def reduce_track(
    rotations: Mapping[str, tuple[str, FloatArray]],
    locations: Mapping[str, FloatArray],
    rig: RigSnapshot,
    bone_map: BoneMap | None = None,
    *,
    mode: Mode = "BEZIER",
    max_degrees: float = MAX_DEGREES,
    max_metres: float = MAX_METRES,
    handles: HandleType = "MIXED",
    frame_step: float = 1.0,
) -> list[CurveKeys]:
    """The take's channels as few keys: one CurveKeys per F-curve, all rotations before all locations.

    `rotations`: bone -> (property, (F, C) values), as `rotation_modes.rotation_channels` gives them; `locations`:
    bone -> (F, 3) in armature units. Samples lie `frame_step` frames apart.
    On every sample the evaluated curves turn no bone more than `max_degrees` away from the take and shift no keyed
    location by more than `max_metres`; with a bone map, hands and feet stay within `max_metres` of where the take
    has them in the world. Metres are scaled with the character's limbs.
    Raises ValueError for an unknown mode or channels of different lengths, RigError for an unknown bone.
    """
    if mode not in ("NONE", "LINEAR", "BEZIER"):
        raise ValueError(f"unknown key reduction {mode!r}")
    counts = {len(values) for _, values in rotations.values()} | {len(values) for values in locations.values()}
    if not counts:
        return []
    if len(counts) > 1:
        raise ValueError(f"the channels have different numbers of samples: {sorted(counts)}")
    scale = 1.0 if bone_map is None else body_scale(rig, bone_map)
    take = _dense_take(rotations, locations, rig, max_degrees, max_metres * scale)
    frames = counts.pop()
    if mode == "NONE" or frames < 3:
        mask: BoolArray = np.ones((take.bone_count, frames), dtype=np.bool_)
    else:
        if bone_map is not None:
            take = replace(take, effectors=_effectors(take, rig, bone_map))
        mask = _search(take, mode, handles)
    paths = [*(path for path, _ in rotations.values()), *["location"] * len(locations)]
    return _curves(take, mask, paths, handles if mode == "BEZIER" and frames > 1 else None, frame_step)


def _search(take: DenseTake, mode: Mode, handles: HandleType) -> BoolArray:
    """(B, F) the keys."""
    if mode == "LINEAR":
        return search_keys(take, _linear)
    if handles == "AUTO_CLAMPED":
        return search_keys(take, _automatic)
    return search_keys(take.tightened(MIXED_SHARE) if handles == "MIXED" else take, _fitted)


def _dense_take(
    rotations: Mapping[str, tuple[str, FloatArray]],
    locations: Mapping[str, FloatArray],
    rig: RigSnapshot,
    max_degrees: float,
    max_metres: float,
) -> DenseTake:
    bones = (*rotations, *locations)
    values = [*(channels for _, channels in rotations.values()), *locations.values()]
    samples = np.zeros((4, len(values), len(values[0])))
    for source, channels in enumerate(values):
        samples[: channels.shape[1], source] = channels.T
    modes = [_rotation_mode(rig, bone, path) for bone, (path, _) in rotations.items()]
    limits = [np.radians(max_degrees)] * len(rotations) + [max_metres / rig.world_scale] * len(locations)
    numbers = {bone: number for number, bone in enumerate(dict.fromkeys(bones))}
    return DenseTake(
        bones=bones,
        samples=samples,
        modes=(*modes, *[LOCATION] * len(locations)),
        rows=np.array([numbers[bone] for bone in bones], dtype=np.intp),
        limits=np.maximum(limits, _LEAST_LIMIT),
        effector_limit=max(max_metres, _LEAST_LIMIT),
    )


def _rotation_mode(rig: RigSnapshot, bone: str, path: str) -> str:
    if path == "rotation_quaternion":
        return "QUATERNION"
    if path == "rotation_axis_angle":
        return "AXIS_ANGLE"
    return rig.rotation_modes[rig.index(bone)]


def _effectors(take: DenseTake, rig: RigSnapshot, bone_map: BoneMap) -> EffectorModel | None:
    sources = list(zip(take.bones, take.modes, strict=True))
    return effector_model(
        rig,
        bone_map,
        {bone: take.rotations[:, i].T for i, (bone, mode) in enumerate(sources) if mode != LOCATION},
        {bone: take.samples[:3, i].T for i, (bone, mode) in enumerate(sources) if mode == LOCATION},
        [(bone, mode == LOCATION) for bone, mode in sources],
    )


def _linear(columns: KeyColumns, samples: FloatArray, slopes: FloatArray) -> FloatArray:
    return evaluate_linear(columns, columns.at_keys(samples))


def _fitted(columns: KeyColumns, samples: FloatArray, slopes: FloatArray) -> FloatArray:
    return evaluate_bezier(columns, *fitted_keys(columns, samples, slopes))


def _automatic(columns: KeyColumns, samples: FloatArray, slopes: FloatArray) -> FloatArray:
    values = columns.at_keys(samples)
    return evaluate_bezier(columns, values, automatic_slopes(columns, values))


def _curves(
    take: DenseTake, mask: BoolArray, paths: list[str], handles: HandleType | None, frame_step: float
) -> list[CurveKeys]:
    columns = KeyColumns(mask[take.rows])
    values = columns.at_keys(take.samples)
    automatic: BoolArray = np.full(values.shape, handles == "AUTO_CLAMPED")
    slopes = np.zeros_like(values)
    if handles == "AUTO_CLAMPED":
        slopes = automatic_slopes(columns, values)
    elif handles is not None:
        values, slopes = fitted_keys(columns, take.samples, take.slopes)
        if handles == "MIXED":
            automatic = choose_automatic(take, columns, values, slopes)
            slopes = automatic_slopes(columns, values, slopes, automatic)
    sources = columns.keys // mask.shape[1]
    curves = []
    for source, (bone, path) in enumerate(zip(take.bones, paths, strict=True)):
        keys = np.flatnonzero(sources == source)
        frames = columns.frame[keys].astype(np.float64)
        for channel in range(take.channel_count(source)):
            value = values[channel, keys]
            left = right = kinds = None
            if handles is not None:
                left, right = (
                    np.stack([(frames + reach) * frame_step, value + reach * slopes[channel, keys]], axis=1)
                    for reach in (columns.before[keys] / -3.0, columns.after[keys] / 3.0)
                )
                kinds = automatic[channel, keys]
            curves.append(CurveKeys(bone, path, channel, frames * frame_step, value, left, right, kinds))
    return curves
