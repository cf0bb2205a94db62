# SPDX-License-Identifier: GPL-3.0-or-later
"""retarget(): a generated motion, a rig and its bone map -> channels of the rig's pose bones."""

from __future__ import annotations

from ..rig.bone_map import BoneMap
from ..rig.snapshot import RigSnapshot
from .alignment import facing_by_axes, measure_stance
from .foot_lock import lock_feet
from .options import PoseTrack, RetargetOptions
from .plan import make_plan
from .resample import key_frames, to_scene_rate
from .root import hip_path, level_travel, solve_location
from .solve import solve_rotations
from .source_motion import SourceMotion


def retarget(motion: SourceMotion, rig: RigSnapshot, bone_map: BoneMap, options: RetargetOptions) -> PoseTrack:
    """The motion on the rig, one sample per scene frame, from the character's present place and facing.

    Raises RetargetError or the rig's RigError, both with a hint for the animator. What could not be followed
    (locks, connected hips) is said in the track's warnings.
    """
    seconds = motion.seconds if options.seconds is None else options.seconds
    frames = key_frames(seconds, options.scene_fps)
    plan = make_plan(rig, bone_map)
    stance = measure_stance(rig, bone_map, plan)
    if options.same_rest:
        stance = facing_by_axes(stance, bone_map.bones["pelvis"])
    motion = to_scene_rate(motion, frames, options.scene_fps)
    rotations_world = motion.rotations_world()
    joints = motion.joints_world(rotations_world)
    rotations = solve_rotations(rig, bone_map, plan, stance, motion, rotations_world, same_rest=options.same_rest)
    wanted = hip_path(bone_map, stance, motion, joints, options)
    locations, notes = solve_location(rig, bone_map, plan, stance, motion, rotations, wanted)
    track = PoseTrack(
        frames=frames,
        rotations=rotations,
        locations=locations,
        seconds=seconds,
        contacts=motion.contacts,
        warnings=(*plan.warnings, *stance.warnings, *notes),
        path=level_travel(wanted, stance.up),
    )
    if options.foot_lock:
        track = lock_feet(track, rig, bone_map, stance, motion, rotations_world, options)
    return track
