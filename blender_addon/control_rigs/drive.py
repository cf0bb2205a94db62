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
from .fit import Properties, find_family, fit


class Driven(NamedTuple):
    """A track, and the rig and bone map that tell what its channels do: for a control rig these are its controls."""

    track: PoseTrack
    rig: RigSnapshot
    bone_map: BoneMap


def retarget_rig(
    motion: SourceMotion,
    rig: RigSnapshot,
    bone_map: BoneMap,
    options: RetargetOptions,
    *,
    mode: Mode = "FK",
    properties: Properties = (),
) -> Driven:
    """Retarget onto a control rig's controls in the mode asked for, or onto the mapped bones of any other rig.

    `properties`: (bone, name) of the custom properties on the rig's pose bones; switches that are not among them are
    left out. Foot lock and all other options act on the body before the controls take it over. Raises as `retarget`.
    """
    family = find_family(rig, bone_map)
    if family is None:
        return Driven(retarget(motion, rig, bone_map, options), rig, bone_map)
    fitted = fit(family, rig, bone_map, mode, properties)
    body_track = retarget(motion, fitted.body, fitted.body_map, options)
    return Driven(to_controls(body_track, fitted), fitted.controls, fitted.control_map)
