# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's motion, kept with the take that was made from it.

With it foot lock, in place, scale and key reduction can be changed long after, on any machine,
without asking the engine again. The arrays are stored as they came (about 115 kB for 10 s, a
twentieth of the take's own dense keys), so what is read is bit for bit what was generated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import AnimationError

PROPERTY: Final = "mld_source"
_META: Final = "meta"
_WIDTHS: Final = {"rotations": (22, 4), "root": (3,), "contacts": (4,), "offsets": (3,)}
_TYPECODES: Final = {"float32": "f", "float64": "d"}


class SourceTake(NamedTuple):
    """T frames on the SMPL skeleton: metres, Y up. `SourceMotion(*take)` is what retargeting works on."""

    rotations: NDArray[Any]
    """(T, 22, 4) wxyz, local."""
    root: NDArray[Any]
    """(T, 3)"""
    contacts: NDArray[Any]
    """(T, 4)"""
    offsets: NDArray[Any]
    """(22, 3)"""
    fps: float

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], fps: float) -> SourceTake:
        """From the arrays of the engine's motion message. Raises KeyError for a missing one."""
        return cls(arrays["rotations"], arrays["root"], arrays["contacts"], arrays["offsets"], float(fps))


def store_source_take(action: Any, source: SourceTake, meta: Mapping[str, Any] | None = None) -> None:
    """Keep the motion in one ID property of the Action, and what the engine said of it.

    Raises ValueError for arrays that are no floats.
    """
    group: dict[str, Any] = {"fps": float(source.fps), _META: json.dumps(dict(meta or {}))}
    for name in _WIDTHS:
        array = getattr(source, name)
        if array.dtype.name not in _TYPECODES:
            raise ValueError(f"{name} has dtype {array.dtype}; float32 or float64 can be kept exactly")
        # Blender reads a typed buffer as an array of the same precision; a list would become doubles, and slowly.
        group[name] = np.ascontiguousarray(array).reshape(-1).data
    action[PROPERTY] = group


def read_source_take(action: Any) -> SourceTake:
    """The motion that the take was made from, bit for bit. Raises AnimationError when it is missing or damaged."""
    try:
        group = action[PROPERTY]
        arrays = {name: np.array(group[name]).reshape(-1, *width) for name, width in _WIDTHS.items()}
        fps = float(group["fps"])
        frames = {len(arrays[name]) for name in ("rotations", "root", "contacts")}
        if len(frames) != 1 or 0 in frames or len(arrays["offsets"]) != 22:
            raise ValueError("the arrays differ in length")
        if not 0.0 < fps < np.inf or not all(np.isfinite(array).all() for array in arrays.values()):
            raise ValueError("there are values that are not finite")
    except (KeyError, TypeError, ValueError) as error:
        raise AnimationError(
            f"The motion behind “{action.name}” is not stored with it.",
            "Generate the take again to change its settings.",
        ) from error
    return SourceTake.from_arrays(arrays, fps)


def read_source_meta(action: Any) -> dict[str, Any]:
    """What the engine said of the take's motion, for a file of it; empty where that was not kept."""
    try:
        meta = json.loads(action[PROPERTY][_META])
    except (KeyError, TypeError, ValueError):
        return {}
    return meta if isinstance(meta, dict) else {}
