# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bones of a rig get keys, and which joints of the motion each of them follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..contract import skeleton
from ..rig.bone_map import BoneMap
from ..rig.roles import LABELS
from ..rig.snapshot import RigSnapshot
from .errors import RetargetError

SPINE_JOINTS: Final = ("pelvis", "spine1", "spine2", "spine3")


@dataclass(frozen=True)
class KeyedBone:
    """A bone that follows the world rotation at `share` of the way from the joint `low` to the joint `high`."""

    name: str
    index: int
    role: str | None
    """None for a bone of the spine or neck that only shares their rotation."""
    low: int
    high: int
    share: float
    anchor: int
    """Position in the plan of the nearest keyed bone above whose rotation it inherits, -1 for none."""


@dataclass(frozen=True)
class Plan:
    """The keyed bones, parents before children, and the bone that carries the travel."""

    bones: tuple[KeyedBone, ...]
    carrier: str
    """The bone whose location channels move the character: the pelvis bone wherever legs and spine hang from it."""
    warnings: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(bone.name for bone in self.bones)


def make_plan(rig: RigSnapshot, bone_map: BoneMap) -> Plan:
    """Raises RetargetError for an incomplete or contradictory map, or where all of its bones are locked, RigError for a
    bone the rig does not have.
    """
    roles = _role_indices(rig, bone_map)
    follows: dict[int, tuple[str | None, int, int, float]] = {}
    for role, index in roles.items():
        joint = skeleton.JOINT_INDEX[role]
        follows[index] = (role, joint, joint, 0.0)
    taken = {index: role for role, index in roles.items()}
    for index, low, high, share in (*_spine(rig, roles), *_neck(rig, roles)):
        if taken.get(index) in (None, "spine1", "spine2", "spine3", "neck"):
            follows[index] = (taken.get(index), low, high, share)
    warnings: list[str] = []
    for index in sorted(follows):
        if rig.lock_rotation[index].all() or rig.lock_rotation_w[index]:
            warnings.append(f"The rotation of “{rig.bone_names[index]}” is locked, so the bone stays as it is posed.")
            del follows[index]
        elif rig.constrained[index]:
            warnings.append(f"“{rig.bone_names[index]}” has constraints, which may override its keys.")
    if not follows:
        raise RetargetError(
            f"The rotations of all mapped bones of “{rig.name}” are locked, so nothing can move.",
            "Unlock them (Item tab of the sidebar), or choose other bones in the bone map.",
        )
    order = sorted(follows)
    place = {index: position for position, index in enumerate(order)}
    bones = tuple(
        KeyedBone(rig.bone_names[index], index, *follows[index], anchor=_anchor(rig, index, place)) for index in order
    )
    carrier, note = _carrier(rig, roles)
    return Plan(bones, carrier, (*warnings, *note))


def _role_indices(rig: RigSnapshot, bone_map: BoneMap) -> dict[str, int]:
    unknown = [role for role in bone_map.bones if role not in skeleton.JOINT_INDEX]
    if unknown:
        raise RetargetError(
            f"The bone map has the unknown roles {', '.join(unknown)}.", "Detect the bones of this armature again."
        )
    if bone_map.missing:
        names = ", ".join(LABELS[role] for role in bone_map.missing)
        raise RetargetError(
            f"“{rig.name}” has no bone for: {names}.", "Choose these bones in the bone map, or detect them again."
        )
    roles = {role: rig.index(bone_map.bones[role]) for role in skeleton.JOINT_NAMES if role in bone_map.bones}
    first: dict[int, str] = {}
    for role, index in roles.items():
        if index in first:
            raise RetargetError(
                f"“{rig.bone_names[index]}” stands for both {LABELS[first[index]]} and {LABELS[role]}.",
                "Give each role a bone of its own in the bone map.",
            )
        first[index] = role
    return roles


def _chain(rig: RigSnapshot, above: int, last: int) -> list[int]:
    """The bones from `above`, or where the way from it branches off, exclusive, down to `last`, inclusive."""
    stop = {above, *rig.ancestors(above)}
    chain = []
    while last >= 0 and last not in stop:
        chain.append(last)
        last = rig.parents[last]
    return chain[::-1]


def _spine(rig: RigSnapshot, roles: dict[str, int]) -> list[tuple[int, int, int, float]]:
    """Bone i of the n spine bones takes the rotation at 3 i / n along pelvis, spine1, spine2, spine3."""
    chain = _chain(rig, roles["pelvis"], roles["spine3"])
    joints = [skeleton.JOINT_INDEX[name] for name in SPINE_JOINTS]
    shared = []
    for i, index in enumerate(chain, start=1):
        along = (len(joints) - 1) * i / len(chain)
        low = min(int(along), len(joints) - 2)
        shared.append((index, joints[low], joints[low + 1], along - low))
    return shared


def _neck(rig: RigSnapshot, roles: dict[str, int]) -> list[tuple[int, int, int, float]]:
    """Bone i of the n bones between chest and head takes the rotation at i / n along spine3, neck."""
    if "head" in roles:
        chain = _chain(rig, roles["spine3"], roles["head"])[:-1]
    else:
        chain = _chain(rig, roles["spine3"], roles["neck"])
    low, high = skeleton.JOINT_INDEX["spine3"], skeleton.JOINT_INDEX["neck"]
    return [(index, low, high, i / len(chain)) for i, index in enumerate(chain, start=1)]


def _anchor(rig: RigSnapshot, index: int, place: dict[int, int]) -> int:
    while rig.inherit_rotation[index] and rig.parents[index] >= 0:
        index = rig.parents[index]
        if index in place:
            return place[index]
    return -1


def _carrier(rig: RigSnapshot, roles: dict[str, int]) -> tuple[str, tuple[str, ...]]:
    """The pelvis bone, or the lowest bone above it from which legs and spine hang too, and a note for the animator.

    Some rigs split the hips into a lower body (legs) and an upper body (spine) below one centre bone; to move only
    one of the two would tear the character apart.
    """
    pelvis = roles["pelvis"]
    body = [roles[role] for role in ("left_hip", "right_hip", "spine3")]
    for candidate in (pelvis, *rig.ancestors(pelvis)):
        if all(index == candidate or rig.is_below(index, candidate) for index in body):
            name = rig.bone_names[candidate]
            if candidate == pelvis:
                return name, ()
            return name, (f"The travel is keyed on “{name}”, which carries both the legs and the spine.",)
    name = rig.bone_names[pelvis]
    return name, (
        f"Legs or spine do not hang from “{name}” or a bone above it, so they will not travel with it; "
        "parent them to one bone.",
    )
