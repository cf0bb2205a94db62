# SPDX-License-Identifier: GPL-3.0-or-later
"""New keys for a take from the motion that it keeps: the Action stays, so what plays it follows."""

from __future__ import annotations

from collections.abc import Mapping

import bpy

from ..retarget.key_reduction import CurveKeys, HandleType, Mode
from ..retarget.options import PoseTrack
from ..rig.bone_map import BoneMap
from ..rig.snapshot import RigSnapshot
from . import compat
from .before import Values, give_back, read_before, store_before
from .editable import check_can_animate
from .errors import AnimationError
from .identity import OPTIONS, is_take
from .keys import remove_curves, write_curves
from .metadata import PREFIX
from .take import Option, channels_of, check_track, set_frame_range, take_curves
from .takes import read_start_frame, strips_using


def rekey_take(
    armature: bpy.types.Object,
    action: bpy.types.Action,
    track: PoseTrack,
    *,
    rig: RigSnapshot,
    bone_map: BoneMap,
    before: Values,
    options: Mapping[str, Option],
    fps: float,
    key_reduction: Mode,
    key_handles: HandleType,
    key_error_degrees: float,
) -> None:
    """Put the track's keys in the place of the take's own, from the take's start frame on.

    F-curves that the animator has added to the Action stay; of what the take itself has keyed, changes by hand are
    lost. Name, slot and what the take was made from stay. `fps`: the scene's; `before` and the rest as `write_take`
    has them. The caller makes the undo step. Raises AnimationError, with nothing changed.
    """
    check_can_animate(armature)
    check_can_rekey(action)
    check_track(armature, track)
    curves = take_curves(armature, track, rig, bone_map, before, key_reduction, key_error_degrees, key_handles)
    first = read_start_frame(action)
    _try_out(armature, curves, first)
    given_up, kept = read_before(action), channels_of(track, rig)
    container = compat.curve_container(action, armature)
    remove_curves(container, {*given_up, *kept})
    write_curves(container, curves, first)
    give_back(armature, action, kept)
    _set_length(action, first, float(track.frames[-1]))
    store_before(action, before)
    action[OPTIONS] = dict(options)
    action[PREFIX + "fps"] = float(fps)


def check_can_rekey(action: bpy.types.Action) -> None:
    """Raises AnimationError for an Action that is no take or cannot be changed here."""
    if not is_take(action):
        raise AnimationError(f"“{action.name}” is no take.", "Choose a take in the list.")
    if action.library is not None or not action.is_editable:
        raise AnimationError(
            f"The take “{action.name}” is linked from another file.", "Open that file to change it, or make it local."
        )


def _try_out(armature: bpy.types.Object, curves: list[CurveKeys], first: int) -> None:
    """Write the curves to an Action that is thrown away, so that what can fail fails before the old ones are gone."""
    scratch = bpy.data.actions.new("MLD")
    try:
        write_curves(compat.new_curve_container(scratch, armature), curves, first)
    finally:
        bpy.data.actions.remove(scratch)


def _set_length(action: bpy.types.Action, first: int, length: float) -> None:
    """The Action's frame range, and with it that of the strips which play the whole of it."""
    old = tuple(action.frame_range)
    set_frame_range(action, first, length)
    new = tuple(action.frame_range)
    if new == old:
        return
    for _, _, strip in strips_using(action):
        if (strip.action_frame_start, strip.action_frame_end) == old:
            strip.action_frame_start, strip.action_frame_end = new
