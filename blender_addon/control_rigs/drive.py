# SPDX-License-Identifier: GPL-3.0-or-later
"""retarget_rig(): the motion on any rig, by its bones or, where it is a control rig, by its controls."""

from __future__ import annotations

from typing import NamedTuple

from ..retarget.options import PoseTrack, RetargetOptions
from ..retarget.pipeline import retarget
from ..retarget.source_motion import SourceMotion
from ..rig.bone_map import BoneMap
from ..rig.snapshot import RigSnapshot
from .convert import to_controls
from .description import Mode
from .fit import find_family, fit
from .mechanism import Mechanism
from .present import Present, at_present


class Driven(NamedTuple):
    """A track, and the rig and bone map that tell what its channels do: for a control rig these are its controls."""

    track: PoseTrack
    rig: RigSnapshot
    bone_map: BoneMap
    present: Present
    """What the take starts from; its rig is `rig`."""


def retarget_rig(
    motion: SourceMotion,
    rig: RigSnapshot,
    bone_map: BoneMap,
    options: RetargetOptions,
    *,
    mode: Mode = "FK",
    mechanism: Mechanism = Mechanism(),  # noqa: B008 (immutable)
) -> Driven:
    """Retarget onto a control rig's controls in the mode asked for, or onto the mapped bones of any other rig.

    Switches that the `mechanism` does not have are left out. Foot lock and all other options act on the body before
    the controls take it over. Raises as `retarget`.
    """
    family = find_family(rig, bone_map)
    if family is None:
        return Driven(retarget(motion, rig, bone_map, options), rig, bone_map, Present(rig))
    fitted = fit(family, rig, bone_map, mode, mechanism)
    body_track = retarget(motion, fitted.body, fitted.body_map, options)
    present = at_present(fitted, mechanism)
    return Driven(to_controls(body_track, fitted), present.rig, fitted.control_map, present)
