# SPDX-License-Identifier: GPL-3.0-or-later
"""F-curves written in bulk: one group a bone, all keys of a curve in a few calls."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import bpy
import numpy as np
from numpy.typing import NDArray

from ..retarget.key_reduction import CurveKeys

INTERPOLATION: Final[Mapping[str, int]] = {"LINEAR": 1, "BEZIER": 2}
HANDLE_TYPES: Final[Mapping[str, int]] = {"ALIGNED": 3, "AUTO_CLAMPED": 4}
"""Numbers of the enums of `bpy.types.Keyframe`, which are part of the file format: `foreach_set` takes no names."""
OBJECT_GROUP: Final = "Object Transforms"
"""Group of the object's own channels, as Blender names it when they are keyed by hand."""


def data_path(bone: str, property_name: str) -> str:
    """RNA path of a pose bone's property, seen from its object; quotes and backslashes in the bone's name are escaped.

    A custom property is named in brackets: `["IK_FK"]`. No bone's name, for a property of the object itself.
    """
    if not bone:
        return property_name
    dot = "" if property_name.startswith("[") else "."
    return f'pose.bones["{bpy.utils.escape_identifier(bone)}"]{dot}{property_name}'


def held_keys(held: Mapping[tuple[str, str], tuple[float, ...]]) -> list[CurveKeys]:
    """Curves of one key, on the take's first frame, for a track's held properties."""
    frame = np.zeros(1)
    return [
        CurveKeys(bone, path, index, frame, np.array([value]), None, None, None)
        for (bone, path), values in held.items()
        for index, value in enumerate(values)
    ]


def eased_keys(frames: NDArray[np.float64], eased: Mapping[tuple[str, str], NDArray[np.float64]]) -> list[CurveKeys]:
    """Curves for a track's eased properties, with keys where these change."""
    curves = []
    for (bone, path), values in eased.items():
        steady = np.append(True, (np.abs(np.diff(values, axis=0)) < 1e-9).all(axis=1))
        inner = steady & np.append(steady[1:], True)
        inner[0] = False
        curves += [
            CurveKeys(bone, path, index, frames[~inner], values[~inner, index], None, None, None)
            for index in range(values.shape[1])
        ]
    return curves


def write_curves(container: Any, curves: Iterable[CurveKeys], start_frame: float) -> None:
    """Make an F-curve for each item, its frames counted from `start_frame`, in a group named after its bone.

    `container` is what `compat.new_curve_container` returned. Raises RuntimeError where a curve is there already.
    """
    groups: dict[str, Any] = {}
    for keys in curves:
        if keys.bone not in groups:
            groups[keys.bone] = _group(container, keys.bone or OBJECT_GROUP)
        curve = container.fcurves.new(data_path(keys.bone, keys.data_path), index=keys.index)
        curve.group = groups[keys.bone]
        _write_keys(curve, keys, start_frame)


def remove_curves(container: Any, channels: Collection[tuple[str, str]]) -> None:
    """Remove the F-curves of these (bone, property), and the groups that this leaves empty."""
    paths = {data_path(bone, name) for bone, name in channels}
    for curve in [curve for curve in container.fcurves if curve.data_path in paths]:
        container.fcurves.remove(curve)
    for group in [group for group in container.groups if not len(group.channels)]:
        container.groups.remove(group)


def _group(container: Any, name: str) -> Any:
    existing = container.groups.get(name)
    return existing if existing is not None else container.groups.new(name)


def _write_keys(curve: bpy.types.FCurve, keys: CurveKeys, start_frame: float) -> None:
    count = len(keys.frames)
    points = curve.keyframe_points
    points.add(count)
    points.foreach_set("co", _flat(keys.frames, keys.values, start_frame))
    points.foreach_set("interpolation", np.full(count, INTERPOLATION[keys.interpolation], dtype=np.int32))
    left, right = keys.left_handles, keys.right_handles
    if keys.automatic is not None and left is not None and right is not None:
        kinds = np.where(keys.automatic, HANDLE_TYPES["AUTO_CLAMPED"], HANDLE_TYPES["ALIGNED"]).astype(np.int32)
        points.foreach_set("handle_left_type", kinds)
        points.foreach_set("handle_right_type", kinds)
        points.foreach_set("handle_left", _flat(left[:, 0], left[:, 1], start_frame))
        points.foreach_set("handle_right", _flat(right[:, 0], right[:, 1], start_frame))
        curve.auto_smoothing = "CONT_ACCEL"
    curve.update()


def _flat(frames: NDArray[np.float64], values: NDArray[np.float64], start_frame: float) -> NDArray[np.float32]:
    """(K,) and (K,) -> (2K,) frame, value, frame, value ... as Blender stores them, in scene frames."""
    points = np.empty((len(frames), 2), dtype=np.float32)
    np.add(frames, start_frame, out=points[:, 0], casting="same_kind")
    points[:, 1] = values
    return points.reshape(-1)
