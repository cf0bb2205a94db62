# SPDX-License-Identifier: GPL-3.0-or-later
"""The takes of an armature: list, switch, delete, and read what they were made from.

Which takes belong to an armature is read from the Actions, so it survives saving, undo, renaming and
appending; no list is kept beside them.
"""

from __future__ import annotations

import re
from typing import Any, Final

import bpy

from . import compat
from .compat import Assignment
from .editable import check_can_animate
from .errors import AnimationError
from .identity import ARMATURE, START_FRAME, all_takes, is_take
from .metadata import TakeMetadata
from .play import play, restored_on_error

_BONE_PATH: Final = re.compile(r'pose\.bones\["((?:[^"\\]|\\.)*)"\]')


def list_takes(armature: bpy.types.Object) -> list[bpy.types.Action]:
    """The armature's takes, newest first.

    They are the ones made for an object of its name, what it plays, and, for an armature that was renamed, takes whose
    armature is gone while all their bones are here.
    """
    active = Assignment.of(armature).action
    return [action for action in all_takes() if action == active or _belongs(action, armature)]


def active_take(armature: bpy.types.Object) -> bpy.types.Action | None:
    """The take that the armature plays, or None when it plays nothing or an Action of the animator's own."""
    action = Assignment.of(armature).action
    return action if is_take(action) else None


def activate_take(armature: bpy.types.Object, action: bpy.types.Action) -> None:
    """Play a take on the armature; what was active stays in the file.

    Raises AnimationError, with nothing changed, when the armature cannot be keyed, the Action is no take or it
    moves bones that the armature does not have.
    """
    check_can_animate(armature)
    if not is_take(action):
        raise AnimationError(f"“{action.name}” is no take.", "Assign other Actions in the Action editor.")
    missing = sorted(keyed_bones(action) - set(armature.pose.bones.keys()))
    if missing:
        raise AnimationError(
            f"The take “{action.name}” moves bones that “{armature.name}” does not have, such as “{missing[0]}”.",
            "Generate a take for this armature.",
        )
    with restored_on_error(armature):
        play(armature, action)
        if action.library is None:
            action[ARMATURE] = armature.name


def active_index(armature: bpy.types.Object) -> int:
    """Place of the active take among the file's Actions, which is what a list in the panel shows; -1 for none."""
    return bpy.data.actions.find(take.name) if (take := active_take(armature)) is not None else -1


def activate_index(armature: bpy.types.Object, index: int) -> None:
    """Play the take at this place among the file's Actions. Raises AnimationError as `activate_take` does."""
    activate_take(armature, bpy.data.actions[index])


def delete_take(action: bpy.types.Action) -> None:
    """Remove a take from the file. Armatures that play it keep their present pose and play nothing.

    Raises AnimationError when it is no take, is linked, or an NLA strip needs it.
    """
    if not is_take(action):
        raise AnimationError(f"“{action.name}” is no take.", "Delete other Actions in the Outliner.")
    if action.library is not None:
        raise AnimationError(f"The take “{action.name}” is linked from another file.", "Delete it in that file.")
    strips = strips_using(action)
    if strips:
        owner, track, strip = strips[0]
        more = f" and {len(strips) - 1} more" if len(strips) > 1 else ""
        raise AnimationError(
            f"The NLA strip “{strip.name}” on the track “{track}” of “{owner.name}”{more} plays “{action.name}”.",
            "Delete the strip first, in the Nonlinear Animation editor.",
        )
    bpy.data.actions.remove(action)


def strips_using(action: bpy.types.Action) -> list[tuple[bpy.types.ID, str, bpy.types.NlaStrip]]:
    """Data-block, track name and strip for every NLA strip of the file that plays the Action."""
    users = bpy.data.user_map(subset={action})[action]
    return [
        (user, track.name, strip)
        for user in sorted(users, key=lambda user: user.name_full)
        if getattr(user, "animation_data", None) is not None
        for track in user.animation_data.nla_tracks
        for strip in _with_nested(track.strips)
        if strip.action == action
    ]


def keyed_bones(action: bpy.types.Action) -> set[str]:
    """Names of the pose bones that the Action moves."""
    paths = (_BONE_PATH.match(curve.data_path) for curve in compat.fcurves(action))
    return {bpy.utils.unescape_identifier(path[1]) for path in paths if path}


def read_metadata(action: bpy.types.Action) -> TakeMetadata:
    """What the take was made from. Raises AnimationError when its properties are missing or damaged."""
    try:
        return TakeMetadata.from_properties(action)
    except (KeyError, TypeError, ValueError) as error:
        raise AnimationError(
            f"“{action.name}” does not say completely what it was made from.",
            "Its custom properties were edited; generate a new take from the panel.",
        ) from error


def read_start_frame(action: bpy.types.Action) -> int:
    """The frame of the take's first key. Raises AnimationError when that property is missing or damaged."""
    try:
        return int(action[START_FRAME])
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise AnimationError(
            f"“{action.name}” does not say on which frame it starts.",
            "Its custom properties were edited; generate a new take from the panel.",
        ) from error


def make_request(action: bpy.types.Action, *, drawn_style: bool = True) -> dict[str, Any]:
    """The engine's `generate` fields that make the take's motion again, bit for bit on the same device.

    Without `drawn_style`, a style that the seed chose is left to the seed of the request.
    Raises AnimationError when the take's properties are missing or damaged, or it came from a file that does not say
    what made it.
    """
    metadata = read_metadata(action)
    if not metadata.has_request:
        raise AnimationError(
            f"“{action.name}” was imported from the file {metadata.file}, so there is no request to make again.",
            "Press Generate for a motion of the model.",
        )
    return metadata.request(drawn_style=drawn_style)


def _belongs(action: bpy.types.Action, armature: bpy.types.Object) -> bool:
    owner = str(action.get(ARMATURE, ""))
    if owner == armature.name:
        return True
    return owner not in bpy.data.objects and keyed_bones(action) <= set(armature.pose.bones.keys())


def _with_nested(strips: Any) -> list[bpy.types.NlaStrip]:
    """The strips and those inside meta strips."""
    found: list[bpy.types.NlaStrip] = []
    for strip in strips:
        found += [strip, *_with_nested(strip.strips)]
    return found
