# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose that the animator sees, as channels of the controls under the switches that a take sets.

A limb that stands on IK is not where its FK controls are, nor the other way round: a blend that began at the stale
ones would jump.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from ..retarget import quaternion
from ..retarget.inherit_scale import column_lengths
from ..retarget.quaternion import FloatArray
from ..retarget.rotation_modes import apply_locks
from ..rig.snapshot import RigSnapshot
from .convert import control_channels, pole_joints
from .fit import FittedRig
from .mechanism import Mechanism
from .poles import pole_in_plane

_STRETCHED: Final = 1e-4


@dataclass(frozen=True, eq=False)
class Present:
    """The pose that a take starts from. Its channels keep the body where it is when the switches stand as the take
    has them, so far as that can be: an IK limb does not have the twists of an FK one."""

    rig: RigSnapshot
    scales: Mapping[tuple[str, str], tuple[float, ...]] = field(default_factory=dict)
    """(Control, `scale`) that the pose needs besides, where the rig stretches a limb."""
    idle: frozenset[str] = frozenset()
    """Bones whose other properties have no part in it."""
    gradual: frozenset[tuple[str, str]] = frozenset()
    """Switches, as a track's `held` names them, that may pass through the values in between."""


def at_present(fitted: FittedRig, mechanism: Mechanism) -> Present:
    """Controls that tell what is seen keep their channels; those with a place of their own, such as an IK goal, keep
    that place. The others are put where the body is. Without a `mechanism.posed` all keep their channels."""
    gradual = frozenset(
        (s.bone, f'["{s.name}"]') for s, _ in fitted.switches if s.gradual and s.bone not in fitted.idle
    )
    rig = fitted.controls
    sources = {bone: fitted.shown.get(bone, (bone, np.eye(4))) for bone in fitted.body.bone_names}
    if any(source not in mechanism.posed for source, _ in sources.values()):
        return Present(rig, {}, fitted.idle, gradual)
    body = {bone: _world(rig, mechanism.posed[source] @ offset) for bone, (source, offset) in sources.items()}
    telling = {*fitted.neutral, *(f.control for f in fitted.followers), *(p.control for p in fitted.poles)}
    telling -= fitted.idle
    standing = {bone: _world(rig, mechanism.posed[bone]) for bone in telling if bone in rig and bone in mechanism.posed}
    poles = {
        pole.control: standing[pole.control][:, :3, 3]
        if pole.control in standing
        else pole_in_plane(*pole_joints(pole, fitted, body))
        for pole in fitted.poles
    }
    channels = control_channels(fitted, body, poles, standing)
    basis = rig.basis.copy()
    for bone, rotations in channels.rotations.items():
        if bone in telling and bone not in channels.locations:
            continue
        index = rig.index(bone)
        turned = quaternion.to_matrix(apply_locks(rig, index, rotations)[0])
        basis[index, :3, :3] = turned * column_lengths(rig.basis[index, :3, :3])
    for bone, locations in channels.locations.items():
        basis[rig.index(bone), :3, 3] = locations[0]
    return Present(replace(rig, basis=basis), _scales(fitted, mechanism), fitted.idle, gradual)


def _scales(fitted: FittedRig, mechanism: Mechanism) -> dict[tuple[str, str], tuple[float, ...]]:
    """Of the FK controls, so that they make the limbs as long as the IK chain has them."""
    scales: dict[tuple[str, str], tuple[float, ...]] = {}
    for upper, middle in fitted.fk_bones:
        if upper not in fitted.shown or middle not in fitted.shown:
            continue
        own, below = (column_lengths(mechanism.posed[fitted.shown[bone][0]][:3, :3]) for bone in (upper, middle))
        if max(np.abs(own - 1.0).max(), np.abs(below - 1.0).max()) > _STRETCHED:
            scales[upper, "scale"] = tuple(map(float, own))
            scales[middle, "scale"] = tuple(map(float, below / own))
    return scales


def _world(rig: RigSnapshot, posed: FloatArray) -> FloatArray:
    """(1, 4, 4) in the world; without scales of the bone's own, which the body does not have."""
    matrix = posed.copy()
    matrix[:3, :3] /= np.linalg.norm(matrix[:3, :3], axis=0)
    return np.asarray(rig.world @ matrix)[None]
