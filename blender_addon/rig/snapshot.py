# SPDX-License-Identifier: GPL-3.0-or-later
"""RigSnapshot: everything the mapper and the retargeter need to know of an armature, as arrays.

A snapshot is taken once from Blender (`blender_snapshot.read_rig`) and never changes, so the code
that works on it needs no Blender. It can be written as plain JSON values for test fixtures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import AddonError

SCALE_TOLERANCE: Final = 1e-3
"""Largest relative difference between the lengths of the object's axes, and largest cosine between two of them."""

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


class RigError(AddonError):
    """An armature that cannot be used. `message` says what is wrong, `hint` what the animator can do."""


@dataclass(frozen=True, eq=False)
class RigSnapshot:
    """An armature object at one moment. Matrices act on column vectors; quaternions elsewhere are wxyz.

    N bones, parents before their children. Lengths are in armature units: metres times the inverse of
    the object's scale. Raises RigError when there is no bone or when `world` is mirrored, sheared or
    scaled differently along its axes.
    """

    name: str
    bone_names: tuple[str, ...]
    parents: tuple[int, ...]
    """Index of each bone's parent, -1 for bones without one."""
    rest: FloatArray
    """(N, 4, 4) armature space: head position and axes of each bone at rest, Y along the bone."""
    lengths: FloatArray
    """(N,) distance from head to tail at rest."""
    world: FloatArray
    """(4, 4) the object's world matrix."""
    basis: FloatArray
    """(N, 4, 4) the present pose, each bone relative to its own rest pose."""
    rotation_modes: tuple[str, ...]
    """QUATERNION, AXIS_ANGLE or an Euler order such as XYZ."""
    inherit_rotation: BoolArray
    inherit_scale: tuple[str, ...]
    """Blender's names: FULL, FIX_SHEAR, ALIGNED, AVERAGE, NONE, NONE_LEGACY."""
    use_local_location: BoolArray
    connected: BoolArray
    """(N,) whether the head is fixed to the parent's tail, which ignores location channels."""
    lock_location: BoolArray
    """(N, 3)"""
    lock_rotation: BoolArray
    """(N, 3) x, y, z"""
    lock_rotation_w: BoolArray
    """(N,) the w of four-component rotations"""
    deform: BoolArray
    constrained: BoolArray
    """(N,) whether the pose bone has an enabled constraint."""

    def __post_init__(self) -> None:
        count = len(self.bone_names)
        if count == 0:
            raise RigError(
                f"“{self.name}” has no bones.",
                "Select the character's armature, or add bones to this one in Edit Mode.",
            )
        shapes = {
            "rest": (count, 4, 4), "lengths": (count,), "world": (4, 4), "basis": (count, 4, 4),
            "inherit_rotation": (count,), "use_local_location": (count,), "connected": (count,),
            "lock_location": (count, 3), "lock_rotation": (count, 3), "lock_rotation_w": (count,),
            "deform": (count,), "constrained": (count,),
        }  # fmt: skip
        for field, shape in shapes.items():
            if getattr(self, field).shape != shape:
                raise ValueError(f"{field} has shape {getattr(self, field).shape}, expected {shape}")
        if not len(self.parents) == len(self.rotation_modes) == len(self.inherit_scale) == count:
            raise ValueError("the per-bone tuples differ in length")
        if any(not -1 <= parent < index for index, parent in enumerate(self.parents)):
            raise ValueError("bones must be ordered parents before children")
        check_world_matrix(self.world, self.name)

    def __len__(self) -> int:
        return len(self.bone_names)

    def __contains__(self, bone: object) -> bool:
        return bone in self._indices

    def index(self, bone: str) -> int:
        """Index of the bone of that name. Raises RigError when the armature has none."""
        try:
            return self._indices[bone]
        except KeyError:
            raise RigError(
                f"“{self.name}” has no bone “{bone}”.", "Detect the bones again, or choose another one in the bone map."
            ) from None

    def children(self, index: int) -> tuple[int, ...]:
        """Indices of the direct children of a bone, in order; those of -1 are the bones without a parent."""
        return self._children[index + 1]

    def ancestors(self, index: int) -> tuple[int, ...]:
        """Indices from the bone's parent up to the root."""
        return self._ancestors[index]

    def is_below(self, index: int, ancestor: int) -> bool:
        """Whether `ancestor` is the bone's parent, or its parent's parent, and so on."""
        return ancestor in self.ancestors(index)

    @cached_property
    def heads(self) -> FloatArray:
        """(N, 3) head positions at rest, armature space."""
        return self.rest[:, :3, 3]

    @cached_property
    def tails(self) -> FloatArray:
        """(N, 3) tail positions at rest, armature space."""
        tails: FloatArray = self.heads + self.rest[:, :3, 1] * self.lengths[:, None]
        return tails

    @cached_property
    def rest_world(self) -> FloatArray:
        """(N, 4, 4) rest matrices in world space."""
        matrices: FloatArray = self.world @ self.rest
        return matrices

    @cached_property
    def world_scale(self) -> float:
        """World metres per armature unit."""
        return float(np.cbrt(np.linalg.det(self.world[:3, :3])))

    @cached_property
    def _indices(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.bone_names)}

    @cached_property
    def _ancestors(self) -> tuple[tuple[int, ...], ...]:
        lines: list[tuple[int, ...]] = []
        for parent in self.parents:
            lines.append((parent, *lines[parent]) if parent >= 0 else ())
        return tuple(lines)

    @cached_property
    def _children(self) -> tuple[tuple[int, ...], ...]:
        lists: list[list[int]] = [[] for _ in range(len(self) + 1)]
        for index, parent in enumerate(self.parents):
            lists[parent + 1].append(index)
        return tuple(tuple(items) for items in lists)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, strings and numbers, ready for `json.dumps`. Floats are rounded to a micrometre."""
        values: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value = (value if value.dtype == np.bool_ else np.round(value, 6)).tolist()
            values[field.name] = list(value) if isinstance(value, tuple) else value
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RigSnapshot:
        """The inverse of `to_dict`. Raises KeyError for a missing field, ValueError for wrong shapes."""
        arguments: dict[str, Any] = {}
        for field in fields(cls):
            value = values[field.name]
            if field.type == "FloatArray":
                value = np.array(value, dtype=np.float64)
            elif field.type == "BoolArray":
                value = np.array(value, dtype=np.bool_)
            elif isinstance(value, list):
                value = tuple(value)
            arguments[field.name] = value
        return cls(**arguments)


def check_world_matrix(world: FloatArray, name: str) -> None:
    """Raise RigError unless the (4, 4) matrix is a rotation, a move and one positive scale for all axes."""
    axes = world[:3, :3]
    sizes = np.linalg.norm(axes, axis=0)
    if not np.all(np.isfinite(world)) or sizes.min() < 1e-9:
        raise RigError(f"“{name}” is scaled to zero.", "Give the object, and what it is parented to, a scale of 1.")
    if sizes.max() - sizes.min() > SCALE_TOLERANCE * sizes.max():
        raise RigError(
            f"“{name}” is scaled differently along its axes ({sizes[0]:.3g}, {sizes[1]:.3g}, {sizes[2]:.3g}).",
            "Apply the scale (Ctrl A, Scale) of the armature and of the objects it is parented to.",
        )
    cosines = (axes / sizes).T @ (axes / sizes)
    if np.abs(cosines - np.eye(3)).max() > SCALE_TOLERANCE:
        raise RigError(
            f"“{name}” is sheared: a parent object is rotated and scaled unevenly.",
            "Apply the scale (Ctrl A, Scale) of the objects it is parented to.",
        )
    if np.linalg.det(axes) < 0.0:
        raise RigError(
            f"“{name}” is mirrored by a negative scale.", "Apply the scale (Ctrl A, Scale), then check the bone rolls."
        )
