# SPDX-License-Identifier: GPL-3.0-or-later
"""How an armature stood before a take moved it: kept with the take, to start from again and to go back to.

Only channels that the take keys are kept. When another Action takes its place, channels that get no keys any more
go back, so that no finger stays bent and no object stays where the take has carried it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

import bpy

from . import compat
from .compat import Assignment
from .identity import START_FRAME, is_take

PROPERTY: Final = "mld_before"
OBJECT: Final = ""
"""Stands in for the bone in channels of the armature object itself."""

Channel: TypeAlias = tuple[str, str]
"""(Bone, property); the property is in brackets for a custom one, as in a track's `held`."""
Values: TypeAlias = Mapping[Channel, tuple[float, ...]]


def read_channels(armature: bpy.types.Object, channels: Iterable[Channel]) -> dict[Channel, tuple[float, ...]]:
    """The present values of channels, but for custom properties that are not there."""
    found: dict[Channel, tuple[float, ...]] = {}
    for bone, name in channels:
        owner = _owner(armature, bone)
        if owner is None:
            continue
        value = owner.get(_custom(name)) if _custom(name) else getattr(owner, name)
        if value is not None:
            found[bone, name] = tuple(map(float, value)) if hasattr(value, "__len__") else (float(value),)
    return found


def write_channels(armature: bpy.types.Object, values: Values) -> None:
    """Set channels; those of bones and custom properties that are gone are left out."""
    for (bone, name), numbers in values.items():
        owner, custom = _owner(armature, bone), _custom(name)
        if owner is None:
            continue
        if not custom:
            setattr(owner, name, numbers if hasattr(getattr(owner, name), "__len__") else numbers[0])
        elif custom in owner:
            owner[custom] = type(owner[custom])(numbers[0])


def store_before(action: bpy.types.Action, values: Values) -> None:
    action[PROPERTY] = json.dumps([[*channel, *numbers] for channel, numbers in values.items()])


def read_before(action: bpy.types.Action | None) -> dict[Channel, tuple[float, ...]]:
    """Empty for an Action that is no take, and for one without readable values."""
    if action is None or not is_take(action):
        return {}
    try:
        rows = json.loads(action.get(PROPERTY, "[]"))
        return {(str(bone), str(name)): tuple(map(float, numbers)) for bone, name, *numbers in rows}
    except (TypeError, ValueError):
        return {}


def give_back(armature: bpy.types.Object, action: bpy.types.Action | None, kept: Iterable[Channel] = ()) -> None:
    """Put the channels of a take as they were before it, but for those `kept`, which something else moves now."""
    staying = set(kept)
    write_channels(
        armature, {channel: values for channel, values in read_before(action).items() if channel not in staying}
    )


@contextmanager
def standing_before(armature: bpy.types.Object, start_frame: int) -> Iterator[None]:
    """Inside, the armature stands as a take that begins at `start_frame` finds it.

    That is where the take it plays found it, if that begins at the same frame, and else where the animation has it at
    that frame. Afterwards everything is as it was, but for poses without keys that a change of frame takes back.
    """
    action = Assignment.of(armature).action
    before = read_before(action) if action is not None and action.get(START_FRAME) == start_frame else {}
    scene = bpy.context.scene
    if before:
        with _without_take(armature, before):
            yield
    elif armature.animation_data is not None and scene.frame_current != start_frame:
        frame, subframe = scene.frame_current, scene.frame_subframe
        scene.frame_set(start_frame)
        try:
            yield
        finally:
            scene.frame_set(frame, subframe=subframe)
    else:
        yield


@contextmanager
def _without_take(armature: bpy.types.Object, before: Values) -> Iterator[None]:
    playing, present = Assignment.of(armature), read_channels(armature, before)
    compat.assign(armature, Assignment(None, None))
    try:
        write_channels(armature, before)
        bpy.context.view_layer.update()
        yield
    finally:
        write_channels(armature, present)
        compat.assign(armature, playing)
        bpy.context.view_layer.update()


def _owner(armature: bpy.types.Object, bone: str) -> Any:
    return armature if bone == OBJECT else armature.pose.bones.get(bone)


def _custom(name: str) -> str:
    """The key of a custom property, or nothing for one of Blender's own."""
    return json.loads(name[1:-1]) if name.startswith("[") else ""
