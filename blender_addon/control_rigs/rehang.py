# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of a rig as a rig of its own, each bone hung from another parent than it really has."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from ..rig.snapshot import RigSnapshot


def rehang(rig: RigSnapshot, parents: Mapping[str, str | None], rigid: Collection[str]) -> RigSnapshot:
    """A snapshot of the bones that `parents` names, bone -> new parent; the rest pose stays where it is.

    Bones in `rigid` follow their new parent without channels, locks or settings of their own, as bones do that the
    rig's mechanism moves; all others keep their present pose and settings. Raises ValueError for a ring of parents.
    """
    order = _parents_first(parents)
    chosen = np.array([rig.index(bone) for bone in order], dtype=np.intp)
    loose = np.array([bone in rigid for bone in order])
    basis = rig.basis[chosen]
    basis[loose] = np.eye(4)
    place = {bone: position for position, bone in enumerate(order)}
    above = [parents[bone] for bone in order]
    return replace(
        rig,
        bone_names=tuple(order),
        parents=tuple(-1 if parent is None else place[parent] for parent in above),
        rest=rig.rest[chosen],
        lengths=rig.lengths[chosen],
        basis=basis,
        rotation_modes=tuple(rig.rotation_modes[index] for index in chosen),
        inherit_rotation=rig.inherit_rotation[chosen] | loose,
        inherit_scale=tuple("FULL" if free else rig.inherit_scale[i] for i, free in zip(chosen, loose, strict=True)),
        use_local_location=rig.use_local_location[chosen] | loose,
        connected=rig.connected[chosen] & ~loose,
        lock_location=rig.lock_location[chosen] & ~loose[:, None],
        lock_rotation=rig.lock_rotation[chosen] & ~loose[:, None],
        lock_rotation_w=rig.lock_rotation_w[chosen] & ~loose,
        deform=rig.deform[chosen],
        constrained=rig.constrained[chosen] & ~loose,
    )


def _parents_first(parents: Mapping[str, str | None]) -> list[str]:
    order: list[str] = []
    waiting = list(parents)
    while waiting:
        ready = [bone for bone in waiting if parents[bone] is None or parents[bone] in order]
        if not ready:
            raise ValueError(f"these bones carry each other: {waiting}")
        order += ready
        waiting = [bone for bone in waiting if bone not in ready]
    return order
