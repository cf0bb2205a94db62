# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to a whole take after retargeting: relaxed fingers, blends with the present pose, root motion.

The take is first taken apart into its horizontal travel and a pose sequence on the spot. The latter is blended with
the present pose; of the travel only the speed is, so that the character is not dragged back over the ground. Then
hips, root bone or object get the travel back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from ..rig.snapshot import RigSnapshot
from .errors import RetargetError
from .inertialization import blend_in, blend_out, from_rest_to_rest, moving_to_the_end
from .options import PoseTrack
from .quaternion import FloatArray
from .rig_pose import location_frame, track_world
from .rotation_modes import rotation_channels

RootTarget: TypeAlias = Literal["HIPS", "ROOT_BONE", "OBJECT"]


@dataclass(frozen=True)
class TakeShape:
    root_target: RootTarget = "HIPS"
    """What carries the horizontal travel: the bone of the hips, the root bone above it or the armature object."""
    blend_in_frames: int = 0
    """Frames from the present pose into the motion."""
    blend_out_frames: int = 0
    """Frames from the motion back into that pose, at the place to which the take has travelled."""
    relax_fingers: bool = False


def compose(
    track: PoseTrack, rig: RigSnapshot, shape: TakeShape, root_bone: str | None, fingers: PoseTrack | None
) -> PoseTrack:
    """The track in the shape asked for; the present pose is that of the snapshot.

    `root_bone`: what `root_target` ROOT_BONE means on this rig, None for a rig without one. `fingers`: a track of one
    frame with held channels, see `relaxed_fingers`. Raises RetargetError where the travel cannot be carried as asked.
    """
    if fingers is not None:
        track = _with_fingers(track, rig, fingers, shape)
    blends = shape.blend_in_frames > 0 or shape.blend_out_frames > 0
    if shape.root_target == "HIPS" and not blends:
        return track
    carriers = _carriers(track, rig)
    track = moving_to_the_end(track, shape.blend_out_frames)
    path = track.path if track.path is not None else np.zeros((track.frame_count, 3))
    locked = [bone for bone in carriers if rig.lock_location[rig.index(bone)].any()]
    if locked and shape.root_target != "HIPS":
        raise RetargetError(
            f"The location of “{locked[0]}” is locked along some axes, so nothing else can carry its travel.",
            "Unlock it (Item tab of the sidebar), or set Root to Hips.",
        )
    if locked or not carriers:
        path = np.zeros_like(path)
    track = _shifted(track, rig, carriers, -path)
    track = blend_in(track, rig, shape.blend_in_frames)
    track = blend_out(track, rig, shape.blend_out_frames)
    path = from_rest_to_rest(path, shape.blend_in_frames, shape.blend_out_frames)
    if shape.root_target == "OBJECT":
        return replace(track, object_path=path)
    if shape.root_target == "ROOT_BONE":
        return _on_root_bone(track, rig, carriers, path, root_bone)
    return _shifted(track, rig, carriers, path)


def _with_fingers(track: PoseTrack, rig: RigSnapshot, fingers: PoseTrack, shape: TakeShape) -> PoseTrack:
    """One key for each finger; where the take blends, and the rig lets it, keys like those of any other bone."""
    free = {bone: values for bone, values in fingers.rotations.items() if bone not in track.bones}
    if all(bone in rig for bone in free) and (shape.blend_in_frames > 0 or shape.blend_out_frames > 0):
        turned = {bone: np.repeat(values, track.frame_count, axis=0) for bone, values in free.items()}
        return replace(track, rotations={**track.rotations, **turned})
    return replace(track, held={**track.held, **{key: v for key, v in fingers.held.items() if key[0] in free}})


def held_rotations(rotations: Mapping[str, FloatArray], rig: RigSnapshot) -> PoseTrack:
    """A track of one frame that holds these rotations (1, 4) of matrix_basis, each in its bone's own mode."""
    track = PoseTrack(np.zeros(1), rotations, {}, 0.0, np.zeros((1, 4)))
    channels = rotation_channels(track, rig)
    held = {(bone, name): tuple(map(float, values[0])) for bone, (name, values) in channels.items()}
    return replace(track, held=held)


def _carriers(track: PoseTrack, rig: RigSnapshot) -> list[str]:
    """The bones with location channels that no other such bone carries: they hold the travel."""
    located = {rig.index(bone): bone for bone in track.locations}
    return [bone for index, bone in located.items() if not located.keys() & set(rig.ancestors(index))]


def _shifted(track: PoseTrack, rig: RigSnapshot, bones: Collection[str], path: FloatArray) -> PoseTrack:
    """The track with these bones displaced by `path` (F, 3) in the world."""
    if not path.any() or not bones:
        return track
    parents = {bone: rig.parents[rig.index(bone)] for bone in bones}
    posed = track_world(rig, track, {rig.bone_names[parent] for parent in parents.values() if parent >= 0})
    locations = dict(track.locations)
    for bone, parent in parents.items():
        frame = location_frame(rig, bone, posed[rig.bone_names[parent]] if parent >= 0 else None)
        locations[bone] = locations[bone] + np.einsum("...ij,...j->...i", np.linalg.inv(frame), path)
    return replace(track, locations=locations)


def _on_root_bone(
    track: PoseTrack, rig: RigSnapshot, carriers: Collection[str], path: FloatArray, root_bone: str | None
) -> PoseTrack:
    if root_bone is None or root_bone not in rig or root_bone in track.locations:
        raise RetargetError(
            f"“{rig.name}” has no root bone above its hips and legs.",
            "Set Root to Hips or Object, or parent the hips to a bone that carries the whole character.",
        )
    root = rig.index(root_bone)
    if rig.lock_location[root].any() or rig.connected[root] or rig.constrained[root]:
        raise RetargetError(
            f"The root bone “{root_bone}” is locked, connected or constrained, so it cannot carry the travel.",
            "Unlock its location (Item tab of the sidebar), or set Root to Hips or Object.",
        )
    beside = [bone for bone in carriers if not rig.is_below(rig.index(bone), root)]
    track = _shifted(track, rig, beside, path)
    present = np.repeat(rig.basis[root, None, :3, 3], track.frame_count, axis=0)
    track = replace(track, locations={root_bone: present, **track.locations})
    return _shifted(track, rig, [root_bone], path)
