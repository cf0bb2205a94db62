# SPDX-License-Identifier: GPL-3.0-or-later
"""DenseTake: all samples of a take, and how far curves through a few of them go wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from . import quaternion, rotation_modes
from .bezier_fit import BoolArray, IndexArray, KeyColumns, slopes_of
from .effector_error import EffectorModel
from .quaternion import FloatArray

Shape = Callable[[KeyColumns, FloatArray, FloatArray], FloatArray]
"""(columns, samples (4, S, F), their slopes) -> curves (4, S, F)."""

LOCATION: Final = "LOCATION"


@dataclass(frozen=True, eq=False)
class DenseTake:
    """F samples of S sources of error: rotations and locations of B bones. Channels come first, as in `bezier_fit`."""

    bones: tuple[str, ...]
    """(S,) the bone of each source."""
    rows: IndexArray
    """(S,) number of that bone, 0 .. B-1."""
    modes: tuple[str, ...]
    """(S,) QUATERNION, AXIS_ANGLE, an Euler order or LOCATION."""
    samples: FloatArray
    """(4, S, F) channels as keyed; those with three leave the last one 0."""
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
    def rotations(self) -> FloatArray:
        """(4, S, F) the rotations of the samples; the identity for locations."""
        return self.rotations_of(self.samples)

    @cached_property
    def reach(self) -> list[tuple[IndexArray, IndexArray, IndexArray]]:
        """For each bone: the effector model's pairs that it acts through, by effector, where in these each effector's
        begin, and the effectors."""
        assert self.effectors is not None
        bones, effectors = self.rows[self.effectors.pair_source], self.effectors.pair_effector
        order = np.lexsort((effectors, bones))
        pairs = [order[bones[order] == bone] for bone in range(self.bone_count)]
        found = [np.unique(effectors[own], return_index=True) for own in pairs]
        return [(own, begins, reached) for own, (reached, begins) in zip(pairs, found, strict=True)]

    @cached_property
    def _sources_by_mode(self) -> dict[str, IndexArray]:
        modes = np.array(self.modes)
        return {mode: np.flatnonzero(modes == mode) for mode in dict.fromkeys(self.modes)}

    @cached_property
    def _locations(self) -> IndexArray:
        return self._sources_by_mode.get(LOCATION, np.empty(0, dtype=np.intp))

    def channel_count(self, source: int) -> int:
        return 4 if self.modes[source] in ("QUATERNION", "AXIS_ANGLE") else 3

    def tightened(self, share: float) -> DenseTake:
        """The same take with that share of its limits."""
        take = replace(self, limits=self.limits * share, effector_limit=self.effector_limit * share)
        take.__dict__.update(slopes=self.slopes, rotations=self.rotations)
        return take

    def only(self, bones: IndexArray) -> DenseTake:
        """The take of some of its bones, without its effectors."""
        sources = np.flatnonzero(np.isin(self.rows, bones))
        part = DenseTake(
            bones=tuple(self.bones[i] for i in sources),
            rows=np.searchsorted(bones, self.rows[sources]),
            modes=tuple(self.modes[i] for i in sources),
            samples=self.samples[:, sources],
            limits=self.limits[sources],
        )
        part.__dict__.update(slopes=self.slopes[:, sources], rotations=self.rotations[:, sources])
        return part

    def rotations_of(self, curves: FloatArray) -> FloatArray:
        """Curves (4, S, F) -> the rotations (4, S, F) that Blender makes of them, not normalised."""
        if set(self.modes) == {"QUATERNION"}:
            return curves
        out = curves.copy()
        for mode, sources in self._sources_by_mode.items():
            if mode == LOCATION:
                out[:, sources] = quaternion.IDENTITY[:, None, None]
            elif mode != "QUATERNION":
                values = np.moveaxis(curves[:, sources], 0, -1)
                if mode == "AXIS_ANGLE":
                    turned = quaternion.from_axis_angle(values[..., 1:], values[..., 0])
                else:
                    turned = rotation_modes.from_euler(values[..., :3], mode)
                out[:, sources] = np.moveaxis(turned, -1, 0)
        return out

    def curves(self, mask: BoolArray, shape: Shape) -> FloatArray:
        """(4, S, F) the curves of a choice of keys (B, F)."""
        return shape(KeyColumns(mask[self.rows]), self.samples, self.slopes)

    def errors(self, mask: BoolArray, shape: Shape) -> FloatArray:
        """(S, F, 3) how the curves of a choice of keys (B, F) miss the samples: rotation vectors and shifts."""
        return self.errors_of(self.curves(mask, shape))

    def errors_of(self, curves: FloatArray) -> FloatArray:
        """(S, F, 3) how curves (4, S, F) miss the samples: rotation vectors and shifts."""
        errors = _rotation_vectors(self.rotations, self.rotations_of(curves))
        errors[self._locations] = np.moveaxis((curves - self.samples)[:3, self._locations], 0, -1)
        return errors

    def excess(self, errors: FloatArray) -> FloatArray:
        """(B, F) errors of each bone as multiples of its limits."""
        ratios = np.sqrt(np.einsum("sfi,sfi->sf", errors, errors)) / self.limits[:, None]
        worst = np.zeros((self.bone_count, ratios.shape[1]))
        for source, row in enumerate(self.rows):
            np.maximum(worst[row], ratios[source], out=worst[row])
        return worst

    def effector_displacement(self, curves: FloatArray) -> FloatArray:
        """(E, F, 3) how far curves (4, S, F) move the effectors in the world, by forward kinematics."""
        assert self.effectors is not None
        turned = quaternion.normalize(np.moveaxis(self.rotations_of(curves), 0, -1))
        moved = set(self._locations.tolist())
        return self.effectors.displacements_exact(
            {bone: turned[i] for i, bone in enumerate(self.bones) if i not in moved},
            {self.bones[i]: curves[:3, i].T for i in moved},
        )


def _rotation_vectors(dense: FloatArray, curves: FloatArray) -> FloatArray:
    """(S, F, 3) the rotations from `dense` to `curves`, quaternions (4, S, F), in the turned bone's axes [rad].

    2 tan(half the angle) stands for the angle: never less, equal for small ones, and free of the curve's length.
    """
    w, x, y, z = dense
    cw, cx, cy, cz = curves
    cosine = w * cw + x * cx + y * cy + z * cz
    factor = 2.0 / np.where(np.abs(cosine) < 1e-9, 1e-9, cosine)
    out = np.empty((*cosine.shape, 3))
    out[..., 0] = (w * cx - x * cw - y * cz + z * cy) * factor
    out[..., 1] = (w * cy + x * cz - y * cw - z * cx) * factor
    out[..., 2] = (w * cz - x * cy + y * cx - z * cw) * factor
    return out
