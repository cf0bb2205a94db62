# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the Mechanism of a control rig from Blender, as it stands now. Only reads."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import numpy as np

from .mechanism import Mechanism

_INVERSE_TOLERANCE = 1e-3
"""Largest difference from 1 and 0 in the place that a Child Of constraint leaves a bone in while its target rests."""


def read_mechanism(armature: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> Mechanism:
    """The armature's switches, what its Child Of constraints hang from what, and where its bones are."""
    evaluated = armature.evaluated_get(depsgraph)
    return Mechanism(
        properties=dict(_numbers(armature)),
        hung_from={bone.name: target for bone in evaluated.pose.bones if (target := _target(bone, armature))},
        posed={bone.name: np.array(bone.matrix, dtype=np.float64) for bone in evaluated.pose.bones},
    )


def _numbers(armature: bpy.types.Object) -> Iterator[tuple[tuple[str, str], float]]:
    for bone in armature.pose.bones:
        for name in bone.keys():  # noqa: SIM118
            if isinstance(value := bone[name], (int, float)):
                yield (bone.name, name), float(value)


def _target(bone: bpy.types.PoseBone, armature: bpy.types.Object) -> str:
    """The bone of this armature that carries it by a constraint which leaves it in place while that bone rests."""
    found = ""
    for constraint in bone.constraints:
        if constraint.type != "CHILD_OF" or not constraint.enabled or constraint.influence <= 0.5:
            continue
        if constraint.target is None or constraint.target.original != armature.original:
            continue
        carrier = armature.data.bones.get(constraint.subtarget)
        if carrier is not None:
            left = np.array(constraint.inverse_matrix) @ np.array(carrier.matrix_local)
            found = carrier.name if np.abs(left - np.eye(4)).max() < _INVERSE_TOLERANCE else found
    return found
