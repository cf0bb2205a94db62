# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes to a RigSnapshot that make it an awkward one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from blender_addon.contract import skeleton
from blender_addon.rig.snapshot import RigSnapshot
from tests.retarget.limb_oracle import rotation_matrices
from tests.retarget.motions import rotation_vectors

Array = NDArray[np.float64]
MIRRORED: Final = {
    name: skeleton.JOINT_NAMES[other]
    for name, other in zip(skeleton.JOINT_NAMES, skeleton.MIRRORED_JOINTS, strict=True)
}
"""Role -> the role on the other side."""


def posed(
    rig: RigSnapshot,
    bones: Iterable[str],
    rng: np.random.Generator,
    degrees: float = 25.0,
    shift: float = 0.0,
    scale: float = 1.0,
) -> RigSnapshot:
    """The rig with the named bones turned at random by up to `degrees`, moved by up to `shift` and scaled evenly."""
    basis = rig.basis.copy()
    for bone in bones:
        index = rig.index(bone)
        vector = rng.normal(size=3)
        vector *= np.radians(rng.uniform(0.3, 1.0) * degrees) / np.linalg.norm(vector)
        basis[index, :3, :3] = rotation_matrices(rotation_vectors(vector)[None])[0] * scale
        basis[index, :3, 3] = rng.uniform(-shift, shift, 3)
    return replace(rig, basis=basis)


def with_bone_above(rig: RigSnapshot, bone: str, name: str) -> RigSnapshot:
    """A new bone between `bone` and its parent, lying where `bone` lies but with other axes."""
    at = rig.index(bone)
    count = len(rig)
    order = [*range(at), at, *range(at, count)]
    place = [i if i < at else i + 1 for i in range(count)]
    parents = [-1 if p < 0 else place[p] for p in (rig.parents[i] for i in range(count))]
    parents = [*parents[:at], parents[at], at, *parents[at + 1 :]]
    rest = rig.rest[order].copy()
    rest[at, :3, :3] = rest[at, :3, :3] @ rotation_matrices(rotation_vectors(np.array([[0.4, -0.7, 0.3]])))[0]
    values: dict[str, Any] = {}
    for field in RigSnapshot.__dataclass_fields__:
        value = getattr(rig, field)
        if field == "bone_names":
            value = (*value[:at], name, *value[at:])
        elif field == "parents":
            value = tuple(parents)
        elif field == "rest":
            value = rest
        elif isinstance(value, tuple):
            value = tuple(value[i] for i in order)
        elif isinstance(value, np.ndarray) and value.shape[0] == count and field != "world":
            value = value[order]
        values[field] = value
    return RigSnapshot(**values)


def moved_under(rig: RigSnapshot, bone: str, parent: str | None) -> RigSnapshot:
    """`bone` hung from another parent, which stands before it in the order of bones, or from none."""
    parents = list(rig.parents)
    parents[rig.index(bone)] = -1 if parent is None else rig.index(parent)
    return replace(rig, parents=tuple(parents))


def flagged(rig: RigSnapshot, field: str, bones: Iterable[str], value: Any) -> RigSnapshot:
    """The rig with one of its per-bone arrays set for the named bones."""
    array = getattr(rig, field).copy()
    for bone in bones:
        array[rig.index(bone)] = value
    changes: Mapping[str, Any] = {field: array}
    return replace(rig, **changes)


def modes(rig: RigSnapshot, mode: str) -> RigSnapshot:
    """The rig with all bones in one rotation mode."""
    return replace(rig, rotation_modes=(mode,) * len(rig))
