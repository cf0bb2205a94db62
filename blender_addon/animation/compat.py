# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that knows how Blender's versions differ in Actions, slots and strips.

From 4.4 on an Action holds slots, and F-curves belong to a slot (layer > strip > channelbag); 5.0 removed the
older `action.fcurves`. Until 4.3 the F-curves belong to the Action. What is there is looked up, not
the version's number.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import bpy


def new_curve_container(action: bpy.types.Action, animated: bpy.types.ID) -> Any:
    """Make room for the F-curves of one data-block in an empty Action, in a slot named after it.

    Returns the channelbag, or the Action itself in versions without slots: either has `fcurves` and `groups`.
    """
    if not hasattr(action, "slots"):
        return action
    slot = action.slots.new(id_type=animated.id_type, name=animated.name)
    strip = action.layers.new("Layer").strips.new(type="KEYFRAME")
    return strip.channelbag(slot, ensure=True)


def fcurves(action: bpy.types.Action) -> Iterator[bpy.types.FCurve]:
    """All F-curves of an Action, of every slot."""
    if not hasattr(action, "layers"):
        yield from action.fcurves
        return
    for layer in action.layers:
        for strip in layer.strips:
            for channelbag in strip.channelbags:
                yield from channelbag.fcurves


def curve_container(action: bpy.types.Action, animated: bpy.types.ID) -> Any:
    """What holds the F-curves of one data-block in an Action that has some; as `new_curve_container` returns it."""
    slot = slot_for(action, animated)
    if slot is None:
        return action
    strips = [strip for layer in action.layers for strip in layer.strips]
    found = next((bag for strip in strips if (bag := strip.channelbag(slot)) is not None), None)
    return found if found is not None else strips[0].channelbag(slot, ensure=True)


def slot_for(action: bpy.types.Action, animated: bpy.types.ID) -> Any:
    """The slot that animates the data-block: the one named after it, else the first for its type, else None."""
    slots = [slot for slot in getattr(action, "slots", ()) if slot.target_id_type in (animated.id_type, "UNSPECIFIED")]
    named = [slot for slot in slots if slot.name_display == animated.name]
    return (named or slots or [None])[0]


class Assignment(NamedTuple):
    """What a data-block plays: its active Action and slot. The slot is None in versions without slots."""

    action: bpy.types.Action | None
    slot: Any

    @classmethod
    def of(cls, animated: bpy.types.ID) -> Assignment:
        data = animated.animation_data
        if data is None or data.action is None:
            return cls(None, None)
        return cls(data.action, getattr(data, "action_slot", None))


def assign(animated: bpy.types.ID, assignment: Assignment) -> None:
    """Play an Action, or nothing. Blender's own choice of a slot may be none at all, so it is always set."""
    data = animated.animation_data or animated.animation_data_create()
    data.action = assignment.action
    if assignment.action is not None and hasattr(data, "action_slot"):
        data.action_slot = assignment.slot


def set_strip_slot(strip: bpy.types.NlaStrip, slot: Any) -> None:
    """Choose what an NLA strip plays of its Action; nothing to choose in versions without slots."""
    if hasattr(strip, "action_slot"):
        strip.action_slot = slot
