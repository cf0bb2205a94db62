# SPDX-License-Identifier: GPL-3.0-or-later
"""From a motion and the options for it to the track that an armature gets, from where the armature stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

import bpy

from .animation.before import Values, read_channels, standing_before
from .animation.source import SourceTake
from .animation.take import channels_of
from .control_rigs.blender_mechanism import read_mechanism
from .control_rigs.drive import Driven, retarget_rig
from .control_rigs.root_bone import root_bone
from .retarget.composition import compose, held_rotations
from .retarget.errors import RetargetError
from .retarget.held_blend import blend_held
from .retarget.options import PoseTrack
from .retarget.relaxed_fingers import relaxed_fingers
from .retarget.source_motion import SourceMotion
from .rig.bone_map import BoneMap
from .rig.snapshot import RigSnapshot
from .smpl_body.blender_shape import is_body
from .smpl_body.stature import rests_as_smpl
from .take_options import TakeOptions
from .targets import ready_rig

LAST_FRAME: Final = 1_048_574
"""Blender's MAXFRAME."""


class KeyedMotion(NamedTuple):
    track: PoseTrack
    rig: RigSnapshot
    """What the track's channels move."""
    bone_map: BoneMap
    before: Values
    """The track's channels where the take starts from."""


def keyed_motion(
    armature: bpy.types.Object,
    source: SourceTake,
    options: TakeOptions,
    *,
    start_frame: int,
    scene_fps: float,
    seconds: float,
) -> KeyedMotion:
    """The motion on the armature, as it stands before a take that begins at `start_frame`.

    Raises RigError or RetargetError, both with a hint; nothing is changed then, nor otherwise.
    """
    _check_frames(start_frame + seconds * scene_fps)
    with standing_before(armature, start_frame):
        depsgraph = bpy.context.evaluated_depsgraph_get()
        rig, bone_map = ready_rig(armature, depsgraph)
        driven = retarget_rig(
            SourceMotion(*source),
            rig,
            bone_map,
            replace(
                options.retargeting(scene_fps, seconds), same_rest=is_body(armature) and rests_as_smpl(rig, bone_map)
            ),
            mode=options.control_mode,
            mechanism=read_mechanism(armature, depsgraph),
        )
        if options.root_target == "OBJECT":
            _check_object(armature)
        fingers = held_rotations(relaxed_fingers(rig, bone_map), rig) if options.relax_fingers else None
        track = compose(driven.track, driven.rig, options.shape, root_bone(rig, bone_map), fingers)
        track = _from_present(armature, track, driven, options)
        before = read_channels(armature, channels_of(track, driven.rig))
    return KeyedMotion(track, driven.rig, driven.bone_map, before)


def _from_present(armature: bpy.types.Object, track: PoseTrack, driven: Driven, options: TakeOptions) -> PoseTrack:
    """With what the take holds still blended as well, where it blends at all."""
    frames_in, frames_out = options.blend_in_frames, options.blend_out_frames
    if frames_in < 1 and frames_out < 1:
        return track
    scales, idle = driven.present.scales, driven.present.idle
    track = replace(track, held={**track.held, **read_channels(armature, scales)})
    present = read_channels(armature, [channel for channel in track.held if channel[0] not in idle])
    return blend_held(track, {**present, **scales}, driven.present.gradual, frames_in, frames_out)


def _check_frames(last: float) -> None:
    if last > LAST_FRAME:
        raise RetargetError(
            f"The take would end on frame {last:.0f}, and Blender plays none after {LAST_FRAME}.",
            "Let it start earlier, take a shorter motion, or lower the scene's frame rate.",
        )


def _check_object(armature: bpy.types.Object) -> None:
    if any(constraint.enabled and constraint.influence > 0.0 for constraint in armature.constraints):
        raise RetargetError(
            f"The object “{armature.name}” has constraints, so it cannot carry the travel.",
            "Switch its constraints off (Object Constraints tab), or set Root to Hips.",
        )
    if any(armature.lock_location):
        raise RetargetError(
            f"The location of the object “{armature.name}” is locked, so it cannot carry the travel.",
            "Unlock it (Item tab of the sidebar), or set Root to Hips.",
        )
