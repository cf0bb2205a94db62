# SPDX-License-Identifier: GPL-3.0-or-later
"""write_take: retargeted channels -> a new Action that the armature plays. Earlier takes are never touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy
import numpy as np

from ..retarget.effector_error import body_scale
from ..retarget.key_reduction import MAX_DEGREES, MAX_METRES, CurveKeys, HandleType, Mode, reduce_track
from ..retarget.options import PoseTrack
from ..retarget.rotation_modes import rotation_channels
from ..rig.blender_snapshot import read_rig
from ..rig.bone_map import BoneMap
from ..rig.snapshot import RigSnapshot
from . import compat
from .before import OBJECT, Channel, Values, read_channels, store_before
from .editable import check_can_animate
from .errors import AnimationError
from .identity import ARMATURE, OPTIONS, START_FRAME, TAKE_NUMBER, next_take_number
from .keys import eased_keys, held_keys, write_curves
from .metadata import TakeMetadata
from .names import NAME_BYTES, SUFFIX_BYTES, one_line, trim
from .play import play, restored_on_error
from .source import SourceTake, store_source_take

Option = bool | int | float | str

OBJECT_SHARE = 0.25
"""Of the error that key reduction allows to hands and feet, what the travel of the object may use up."""


def write_take(
    armature_object: bpy.types.Object,
    track: PoseTrack,
    *,
    start_frame: int,
    metadata: TakeMetadata,
    name: str | None = None,
    source: SourceTake | None = None,
    source_meta: Mapping[str, Any] | None = None,
    options: Mapping[str, Option] | None = None,
    key_reduction: Mode = "NONE",
    key_handles: HandleType = "MIXED",
    key_error_degrees: float = MAX_DEGREES,
    rig: RigSnapshot | None = None,
    bone_map: BoneMap | None = None,
    before: Values | None = None,
) -> bpy.types.Action:
    """Key the track, from `start_frame` on, in a new Action and make the armature play it.

    - `name`: None for `metadata.name()`; cut to what Blender can hold.
    - `source`: the engine's motion, to be kept with the take; see `source.read_source_take`.
    - `source_meta`: what the engine said of that motion, plain JSON values.
    - `options`: how the motion was retargeted, kept as `mld_options`.
    - `key_reduction`: NONE for a key each frame, LINEAR or BEZIER for as few as `key_error_degrees` allow.
    - `key_handles`: of Bezier keys, see `key_reduction`. Automatic ones follow a key that is moved.
    - `rig`: what the track was made for; None reads it from the object.
    - `bone_map`: lets the key reduction watch hands and feet.
    - `before`: the values of the track's channels where the take starts from; None for the present ones.

    Only the track's bones are keyed, each in its own rotation mode. An Action of the animator's own that was
    active stays in the file with a fake user; NLA tracks are not touched. The caller makes the undo step.

    Raises AnimationError, with nothing left behind, when the armature cannot be keyed or the track does not fit it.
    """
    check_can_animate(armature_object)
    rig = rig or read_rig(armature_object)
    check_track(armature_object, track)
    if before is None:
        before = read_channels(armature_object, channels_of(track, rig))
    curves = take_curves(armature_object, track, rig, bone_map, before, key_reduction, key_error_degrees, key_handles)
    action = bpy.data.actions.new(_free_name(name or metadata.name()))
    try:
        with restored_on_error(armature_object):
            write_curves(compat.new_curve_container(action, armature_object), curves, start_frame)
            _mark(action, armature_object, start_frame, float(track.frames[-1]))
            store_before(action, before)
            for key, value in metadata.to_properties().items():
                action[key] = value
            if options is not None:
                action[OPTIONS] = dict(options)
            if source is not None:
                store_source_take(action, source, source_meta)
            play(armature_object, action)
    except BaseException:
        bpy.data.actions.remove(action)
        raise
    return action


def take_curves(
    armature: bpy.types.Object,
    track: PoseTrack,
    rig: RigSnapshot,
    bone_map: BoneMap | None,
    before: Values,
    mode: Mode,
    max_degrees: float,
    handles: HandleType = "MIXED",
) -> list[CurveKeys]:
    """The keys of all channels of a track; `before` as `write_take` has it.

    Where the object carries the travel, it and the bones share the error that hands and feet may have.
    """
    on_object = track.object_path is not None
    curves = reduce_track(
        rotation_channels(track, rig),
        track.locations,
        rig,
        bone_map,
        mode=mode,
        max_degrees=max_degrees,
        max_metres=MAX_METRES * (1.0 - OBJECT_SHARE if on_object else 1.0),
        handles=handles,
    )
    if track.object_path is not None:
        axes = np.array((armature.matrix_world @ armature.matrix_basis.inverted_safe()).to_3x3())
        start = before.get((OBJECT, "location"), tuple(armature.location))
        locations = np.array(start) + np.linalg.solve(axes, track.object_path.T).T
        bound = MAX_METRES * OBJECT_SHARE * (1.0 if bone_map is None else body_scale(rig, bone_map))
        # The bound is turned into armature units there, and these channels are in units of the object's parent.
        bound *= rig.world_scale / float(np.cbrt(abs(np.linalg.det(axes))))
        curves += reduce_track({}, {OBJECT: locations}, rig, mode=mode, max_metres=bound, handles=handles)
    return curves + held_keys(track.held) + eased_keys(track.frames, track.eased)


def channels_of(track: PoseTrack, rig: RigSnapshot) -> list[Channel]:
    """The (bone, property) that a track keys."""
    turned = [(bone, rotation_property(rig, bone)) for bone in track.rotations]
    moved = [(bone, "location") for bone in (*track.locations, *([] if track.object_path is None else [OBJECT]))]
    return list(dict.fromkeys((*turned, *moved, *track.held, *track.eased)))


def rotation_property(rig: RigSnapshot, bone: str) -> str:
    mode = rig.rotation_modes[rig.index(bone)]
    return {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}.get(mode, "rotation_euler")


def _mark(action: bpy.types.Action, armature: bpy.types.Object, first: int, length: float) -> None:
    set_frame_range(action, first, length)
    action.use_fake_user = True
    action[TAKE_NUMBER] = next_take_number()
    action[ARMATURE] = armature.name
    action[START_FRAME] = int(first)


def set_frame_range(action: bpy.types.Action, first: int, length: float) -> None:
    action.use_frame_range = True
    action.frame_start, action.frame_end = first, first + length


def check_track(armature: bpy.types.Object, track: PoseTrack) -> None:
    """Raises AnimationError for a track of other bones, or one with numbers that cannot be keyed."""
    missing = [bone for bone in track.bones if bone not in armature.pose.bones]
    if missing:
        raise AnimationError(
            f"“{armature.name}” has no bone “{missing[0]}”.",
            "Its bones have changed since they were detected: press Detect Bones, then generate again.",
        )
    frames = len(track.frames)
    for values in (*track.rotations.values(), *track.locations.values()):
        if len(values) != frames or frames == 0 or not np.isfinite(values).all():
            raise AnimationError(
                "The retargeted motion is damaged.", "Generate it again; if that fails, restart the engine."
            )


def _free_name(name: str) -> str:
    """The name in Blender's limit; where it is taken, with room for the `.001` that Blender appends."""
    fits = trim(one_line(name), NAME_BYTES)
    return trim(fits, NAME_BYTES - SUFFIX_BYTES) if fits in bpy.data.actions else fits
