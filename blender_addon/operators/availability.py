# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a button cannot be pressed now, in one line: for `poll` and for the panel. Empty when it can be."""

from __future__ import annotations

import bpy

from .. import runtime, targets
from ..animation import source, takes
from ..animation.errors import AnimationError
from ..animation.rekey import check_can_rekey
from ..engine_client.locate import EngineMissing


def generate_blocked(context: bpy.types.Context) -> str:
    blocked = _engine_blocked()
    if blocked:
        return blocked
    settings = context.scene.mld
    return runtime.current().vocabulary(context.scene).lacks(settings.condition) or targets.target_problem(context)


def _engine_blocked() -> str:
    live = runtime.current()
    if live.installing:
        return "The engine is being installed. Wait until that has finished."
    location = live.location()
    if isinstance(location, EngineMissing):
        return f"{location.message} {location.hint}"
    if live.busy:
        return "A take is being generated. Wait for it, or press Cancel."
    return ""


def regenerate_blocked(context: bpy.types.Context) -> str:
    """The panel's own model and condition do not count: a take is made again by the model that made it."""
    blocked = _engine_blocked() or targets.target_problem(context)
    if blocked:
        return blocked
    live, action = runtime.current(), takes.active_take(targets.target_armature(context))
    if action is None and live.last_request is None:
        return "There is no take to make again yet. Press Generate first."
    try:
        request = live.last_request if action is None else takes.make_request(action)
    except AnimationError as error:
        return str(error)
    if request["pack"] in live.packs:
        return ""
    made = "the last take" if action is None else f"“{action.name}”"
    return f"The model “{request['pack']}”, which made {made}, is not here. Press Generate with another one."


def take_blocked(context: bpy.types.Context) -> str:
    """For operators on the active take."""
    blocked = targets.target_problem(context)
    if blocked:
        return blocked
    armature = targets.target_armature(context)
    if takes.active_take(armature) is None:
        return f"“{armature.name}” plays no take. Generate one, or choose one in the list."
    return ""


def rekey_blocked(context: bpy.types.Context) -> str:
    """For new keys from the motion that the active take keeps."""
    blocked = take_blocked(context)
    if blocked:
        return blocked
    action = takes.active_take(targets.target_armature(context))
    try:
        check_can_rekey(action)
    except AnimationError as error:
        return str(error)
    return _without_source(action)


def export_blocked(context: bpy.types.Context) -> str:
    """For a file of the motion that the active take keeps."""
    return take_blocked(context) or _without_source(takes.active_take(targets.target_armature(context)))


def _without_source(action: bpy.types.Action) -> str:
    if source.PROPERTY in action:
        return ""
    return f"The motion behind “{action.name}” is not stored with it. Generate the take again."


def allowed(operator: type[bpy.types.Operator], blocked: str) -> bool:
    """The answer of a `poll`; the reason appears in the button's tooltip."""
    if blocked:
        operator.poll_message_set(blocked)
    return not blocked


class OnArmature:
    """An operator on the armature that is meant, where that can be changed."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return allowed(cls, targets.target_problem(context))
