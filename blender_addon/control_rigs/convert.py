# SPDX-License-Identifier: GPL-3.0-or-later
"""From channels of the plain body to channels of the controls that make the rig's mechanism repeat it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from ..retarget import quaternion
from ..retarget.options import PoseTrack
from ..retarget.quaternion import FloatArray
from ..retarget.rig_pose import basis_rotation, location_frame, track_world
from ..rig.snapshot import RigSnapshot
from .fit import FittedRig, Follower, Pole
from .poles import pole_positions

_UNTURNED: Final = {
    "QUATERNION": ("rotation_quaternion", (1.0, 0.0, 0.0, 0.0)),
    "AXIS_ANGLE": ("rotation_axis_angle", (0.0, 0.0, 1.0, 0.0)),
}


def to_controls(track: PoseTrack, fitted: FittedRig) -> PoseTrack:
    """The track of the body as one of the controls, with the rig's switches and resting controls held.

    The rig then stands as the body does where nothing else moves it: tweak controls that the animator has posed
    keep working, and count on top.
    """
    body = track_world(fitted.body, track)
    poles = {pole.control: _pole_path(pole, fitted, body) for pole in fitted.poles}
    channels = control_channels(fitted, body, poles)
    return replace(
        track,
        rotations=channels.rotations,
        locations=channels.locations,
        held=_held(fitted, channels.locations),
        warnings=(*track.warnings, *fitted.notes, *channels.notes),
    )


class Channels(NamedTuple):
    rotations: dict[str, FloatArray]
    """Control -> (F, 4) rotation of matrix_basis, sign-continuous."""
    locations: dict[str, FloatArray]
    """Control -> (F, 3) translation of matrix_basis."""
    notes: list[str]


def control_channels(
    fitted: FittedRig,
    body: Mapping[str, FloatArray],
    poles: Mapping[str, FloatArray],
    standing: Mapping[str, FloatArray] | None = None,
) -> Channels:
    """What the controls need for the body to stand as in `body`, bone -> (F, 4, 4) in the world.

    `poles`: control -> (F, 3) where the poles go. `standing`: controls that are known to be elsewhere than the body
    tells, bone -> (F, 4, 4) in the world.
    """
    placed = _placed_controls(fitted, body, standing or {})
    rotations: dict[str, FloatArray] = {}
    locations: dict[str, FloatArray] = {}
    notes: list[str] = []
    for follower in fitted.followers:
        world = placed[follower.control]
        parent = _parent(fitted.controls, follower.control, placed)
        turned = basis_rotation(fitted.controls, follower.control, quaternion.from_matrix(world), parent)
        rotations[follower.control] = quaternion.continuous(turned)
        if follower.moves:
            notes += _move(locations, fitted.controls, follower.control, world[:, :3, 3], parent)
    for control, wanted in poles.items():
        parent = _parent(fitted.controls, control, placed)
        notes += _move(locations, fitted.controls, control, wanted, parent)
    return Channels(rotations, locations, notes)


def _placed_controls(
    fitted: FittedRig, body: Mapping[str, FloatArray], standing: Mapping[str, FloatArray]
) -> dict[str, FloatArray]:
    """World matrices (F, 4, 4) of all bones of the controls' rig, the followers where they belong."""
    rig = fitted.controls
    followers = {follower.control: follower for follower in fitted.followers}
    placed: dict[str, FloatArray] = {}
    for index, bone in enumerate(rig.bone_names):
        if bone in standing:
            placed[bone] = standing[bone]
        elif bone in followers:
            placed[bone] = _belongs(followers[bone], followers, fitted, body)
        elif rig.parents[index] < 0:
            placed[bone] = body.get(bone, rig.rest_world[index] @ rig.basis[index])
        else:
            above = rig.parents[index]
            offset = np.linalg.inv(rig.rest[above]) @ rig.rest[index] @ rig.basis[index]
            placed[bone] = placed[rig.bone_names[above]] @ offset
    return placed


def _belongs(
    follower: Follower, followers: Mapping[str, Follower], fitted: FittedRig, body: Mapping[str, FloatArray]
) -> FloatArray:
    """(F, 4, 4) where a control belongs in the world."""
    rest = fitted.controls.rest[fitted.controls.index(follower.control)]
    offset = np.linalg.inv(fitted.body.rest[fitted.body.index(follower.body)]) @ rest
    world: FloatArray = body[follower.body] @ offset
    if follower.holds is not None:
        held = _belongs(followers[follower.holds], followers, fitted, body)[:, :3, 3]
        lever = np.linalg.inv(rest) @ fitted.controls.rest[fitted.controls.index(follower.holds)][:, 3]
        world[:, :3, 3] += held - (world @ lever)[:, :3]
    return world


def _parent(rig: RigSnapshot, bone: str, placed: Mapping[str, FloatArray]) -> FloatArray | None:
    above = rig.parents[rig.index(bone)]
    return None if above < 0 else placed[rig.bone_names[above]]


def _move(
    locations: dict[str, FloatArray], rig: RigSnapshot, bone: str, wanted: FloatArray, parent: FloatArray | None
) -> list[str]:
    """Add the location channels that bring the bone's head to `wanted` (F, 3), and say which of them are locked."""
    index = rig.index(bone)
    locked = rig.lock_location[index]
    if rig.connected[index] or locked.all():
        return [f"“{bone}” cannot be moved, because it is connected or its location is locked."]
    above = rig.parents[index]
    if above < 0 or parent is None:
        start = rig.rest_world[index, :3, 3]
    else:
        start = (parent @ np.linalg.inv(rig.rest[above]) @ rig.rest[index, :, 3])[:, :3]
    frame = location_frame(rig, bone, parent)
    location = np.einsum("...ij,...j->...i", np.linalg.inv(frame), wanted - start)
    location[:, locked] = rig.basis[index, :3, 3][locked]
    locations[bone] = location
    return [f"The location of “{bone}” is locked along some axes, which are left out."] if locked.any() else []


def _pole_path(pole: Pole, fitted: FittedRig, body: Mapping[str, FloatArray]) -> FloatArray:
    return pole_positions(*pole_joints(pole, fitted, body))


def pole_joints(
    pole: Pole, fitted: FittedRig, body: Mapping[str, FloatArray]
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """The arguments of `pole_positions`, from the body's bones in the world."""
    upper, middle, end = (body[bone] for bone in pole.joints)
    joints_rest = [fitted.body.rest_world[fitted.body.index(bone)] for bone in pole.joints]
    pole_rest = fitted.controls.rest_world[fitted.controls.index(pole.control)]
    turns = quaternion.multiply(
        quaternion.from_matrix(upper), quaternion.conjugate(quaternion.from_matrix(joints_rest[0]))
    )
    rest = np.stack([matrix[:3, 3] for matrix in (*joints_rest, pole_rest)])
    return upper[:, :3, 3], middle[:, :3, 3], end[:, :3, 3], turns, rest


def _held(fitted: FittedRig, moved: Mapping[str, FloatArray]) -> dict[tuple[str, str], tuple[float, ...]]:
    """Channels with one value for the whole take: switches, and controls that would spoil the pose if not at rest."""
    held: dict[tuple[str, str], tuple[float, ...]] = {}
    for switch, value in fitted.switches:
        held[switch.bone, f'["{switch.name}"]'] = (value,)
    for bone, rotation_mode in fitted.neutral.items():
        path, values = _UNTURNED.get(rotation_mode, ("rotation_euler", (0.0, 0.0, 0.0)))
        held[bone, "location"], held[bone, path] = (0.0, 0.0, 0.0), values
    held |= {(bone, "ik_stretch"): (0.0,) for bone in fitted.rigid}
    rig = fitted.controls
    for follower in fitted.followers:
        if follower.control not in moved and rig.basis[rig.index(follower.control), :3, 3].any():
            held[follower.control, "location"] = (0.0, 0.0, 0.0)
    return held
