# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an armature object can be given an Action, asked before anything is changed."""

from __future__ import annotations

import bpy

from .errors import AnimationError

_MAKE_OVERRIDE = (
    "Choose Object > Library Override > Make, then try again: the override takes keys, its file stays as it is."
)


def check_can_animate(armature: bpy.types.Object) -> None:
    """Raises AnimationError with the way out when the object is no armature, is linked, or is in NLA tweak mode."""
    if armature.type != "ARMATURE":
        raise AnimationError(f"“{armature.name}” is no armature.", "Select the character's armature.")
    override = armature.override_library
    if armature.library is not None or not armature.is_editable:
        file = f" from {bpy.path.basename(armature.library.filepath)}" if armature.library else ""
        raise AnimationError(f"“{armature.name}” is linked{file} and cannot be keyed here.", _MAKE_OVERRIDE)
    if override is not None and override.is_system_override:
        raise AnimationError(f"“{armature.name}” is a library override that is locked for editing.", _MAKE_OVERRIDE)
    data = armature.animation_data
    if data is not None and data.use_tweak_mode:
        raise AnimationError(
            f"An NLA strip of “{armature.name}” is being edited.",
            "Leave tweak mode (Tab in the Nonlinear Animation editor), then try again.",
        )


def playback_obstacles(armature: bpy.types.Object) -> tuple[str, ...]:
    """Sentences for the animator: settings of the armature that hide or weaken its active Action."""
    data = armature.animation_data
    if data is None or not data.use_nla:
        return ()
    found = []
    solo = next((track.name for track in data.nla_tracks if track.is_solo), None)
    if solo is not None:
        found.append(f"The NLA track “{solo}” plays solo and hides the take: click its star in the NLA editor.")
    if data.nla_tracks and data.action_influence < 1.0:
        found.append(f"The active Action's influence is {data.action_influence:.2f}: set it to 1 in the NLA editor.")
    if data.nla_tracks and data.action_blend_type != "REPLACE":
        found.append(
            "The active Action does not replace the tracks below: set its blending to Replace in the NLA editor."
        )
    return tuple(found)
