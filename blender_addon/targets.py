# SPDX-License-Identifier: GPL-3.0-or-later
"""Which armature is meant, whether it can take a motion, and which of its bones play which role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import bpy

from . import bone_presets
from .animation.editable import check_can_animate
from .animation.errors import AnimationError
from .control_rigs.fit import control_modes
from .control_rigs.root_bone import root_bone
from .rig import roles
from .rig.blender_snapshot import read_rig
from .rig.bone_map import BoneMap, Detection, Problem, detect, validate
from .rig.fingers import has_fingers
from .rig.snapshot import RigError, RigSnapshot

BY_HAND: Final = "by hand"


@dataclass(frozen=True)
class ArmatureRef:
    """An armature object to find again later, across undo and renaming; never a pointer to it."""

    session_uid: int
    name: str

    @classmethod
    def of(cls, armature: bpy.types.Object) -> ArmatureRef:
        return cls(armature.session_uid, armature.name)

    def find(self) -> bpy.types.Object | None:
        return next((item for item in bpy.data.objects if item.session_uid == self.session_uid), None)


def target_armature(context: bpy.types.Context) -> bpy.types.Object | None:
    """The active armature, else the only selected one, else the one that deforms the active mesh."""
    return _target(context)[0]


def target_problem(context: bpy.types.Context) -> str:
    """Why no motion can be put on the selection, in one line; empty when it can."""
    armature, problem = _target(context)
    if armature is None:
        return problem
    try:
        check_can_animate(armature)
    except AnimationError as error:
        return f"{error.message} {error.hint}"
    if not armature.data.bones:
        return f"“{armature.name}” has no bones. Select the character's armature, or add bones to this one."
    if armature.mode == "EDIT":
        return f"“{armature.name}” is in Edit Mode. Leave Edit Mode (Tab) first."
    return ""


def _target(context: bpy.types.Context) -> tuple[bpy.types.Object | None, str]:
    layer = context.view_layer
    active = layer.objects.active
    if active is not None and active.type == "ARMATURE":
        return active, ""
    selected = list(layer.objects.selected)
    armatures = [item for item in selected if item.type == "ARMATURE"]
    if len(armatures) == 1:
        return armatures[0], ""
    if armatures:
        return None, "Several armatures are selected. Click the one that should move, to make it active."
    if active is not None and active in selected and active.type == "MESH" and active.find_armature():
        return active.find_armature(), ""
    return None, "No armature is selected. Select your character's armature, or add the mannequin."


def stored_bone_map(armature: bpy.types.Object) -> BoneMap | None:
    """The map kept on the object by Detect Bones or by hand; None when there is none."""
    bones = {role: bone for role in roles.ROLES if (bone := getattr(armature.mld.bones, role))}
    return BoneMap(bones) if bones else None


def store_bone_map(armature: bpy.types.Object, detection: Detection) -> None:
    """Keep what was detected on the object, to be corrected by hand."""
    for role in roles.ROLES:
        setattr(armature.mld.bones, role, detection.bone_map.get(role) or "")
    armature.mld.bones_source = detection.source if detection.usable else BY_HAND
    armature.mld.bones_confidence = detection.confidence if detection.usable else 1.0


def bones_of(armature: bpy.types.Object, rig: RigSnapshot) -> Detection:
    """The stored bone map where there is one, else what the detection finds."""
    stored = stored_bone_map(armature)
    if stored is None:
        return detect(rig, bone_presets.library().for_detection)
    blocking = tuple(problem.message for problem in validate(stored, rig) if problem.blocking)
    source = armature.mld.bones_source or BY_HAND
    confidence = 1.0 if source == BY_HAND else armature.mld.bones_confidence
    return Detection(stored, source, 0.0 if blocking else confidence, stored.missing, blocking)


def bone_map_problem(armature: bpy.types.Object, detection: Detection) -> tuple[str, str]:
    """(message, hint) why these bones cannot be used; empty strings when they can."""
    if detection.usable:
        return "", ""
    if detection.missing:
        missing = _listed([roles.LABELS[role] for role in detection.missing])
        return (
            f"“{armature.name}” cannot be mapped: no bone was found for {missing}.",
            "Press Detect Bones, then choose the missing ones under Bones.",
        )
    if stored_bone_map(armature) is not None:
        return (
            f"The bone map of “{armature.name}” cannot be used: {' '.join(detection.notes)}",
            "Press Detect Bones, or choose other bones under Bones.",
        )
    doubts = " ".join(detection.notes)
    return (
        f"The bones of “{armature.name}” were recognised with too little certainty. {doubts}".strip(),
        "Press Detect Bones, then check them under Bones.",
    )


def ready_rig(armature: bpy.types.Object, depsgraph: bpy.types.Depsgraph | None = None) -> tuple[RigSnapshot, BoneMap]:
    """What retargeting needs. Raises RigError with the reason and what to do."""
    rig = read_rig(armature, depsgraph)
    detection = bones_of(armature, rig)
    message, hint = bone_map_problem(armature, detection)
    if message:
        raise RigError(message, hint)
    return rig, detection.bone_map


@dataclass(frozen=True)
class RigStatus:
    """The panel's line about the armature's bones."""

    usable: bool
    short: str
    text: str
    """`short`, or for bones that cannot be used the whole reason and what to do."""
    control_modes: tuple[str, ...] = ()
    """How its controls can be driven, as `Scene.mld.control_mode` names it; empty for a rig without controls."""
    root_bone: str = ""
    """The bone above the hips that can carry the travel; empty for none."""
    has_fingers: bool = False
    bones: Mapping[str, str] = field(default_factory=dict)
    """Role -> bone, stored or detected, also where they cannot be used."""
    source: str = ""
    """Where they come from, as `Detection.source`, or BY_HAND."""
    confidence: float = 0.0
    """0 .. 1"""
    problems: tuple[Problem, ...] = ()
    """What is wrong or odd about single roles."""


class RigStatusCache:
    """Statuses by what they depend on, so that drawing the panel does not search the bones each time."""

    def __init__(self) -> None:
        self._key: object = None
        self.last = RigStatus(False, "", "")
        """The status that was asked for last: for what is drawn many times in one panel."""

    def status(self, armature: bpy.types.Object) -> RigStatus:
        stored = tuple(getattr(armature.mld.bones, role) for role in roles.ROLES)
        scale = tuple(round(value, 4) for value in armature.matrix_world.to_scale())
        stored += (armature.mld.bones_source,)
        bones = tuple(armature.data.bones.keys())
        key = (armature.session_uid, armature.name, scale, stored, bones, bone_presets.library())
        if key != self._key:
            self._key, self.last = key, _rig_status(armature)
        return self.last


def _rig_status(armature: bpy.types.Object) -> RigStatus:
    try:
        rig = read_rig(armature)
    except RigError as error:
        return RigStatus(False, error.message, str(error))
    detection = bones_of(armature, rig)
    bone_map = detection.bone_map
    found = RigStatus(
        False,
        "",
        "",
        bones=bone_map.bones,
        source=detection.source,
        confidence=detection.confidence,
        problems=validate(bone_map, rig),
    )
    message, hint = bone_map_problem(armature, detection)
    if message:
        missing = len(detection.missing)
        short = (
            f"Not mapped: {missing} {'bone' if missing == 1 else 'bones'} missing"
            if missing
            else "Not mapped: see Bones"
        )
        return replace(found, short=short, text=f"{message} {hint}")
    line = mapped_line(detection)
    return replace(
        found,
        usable=True,
        short=line,
        text=line,
        control_modes=control_modes(rig, bone_map),
        root_bone=root_bone(rig, bone_map) or "",
        has_fingers=has_fingers(rig, bone_map),
    )


def mapped_line(detection: Detection) -> str:
    """Where a usable bone map comes from, and how many of the roles it fills."""
    return f"Mapped: {detection.source}, {len(detection.bone_map)}/{len(roles.ROLES)}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
