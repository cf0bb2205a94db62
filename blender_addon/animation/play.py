# SPDX-License-Identifier: GPL-3.0-or-later
"""What an armature plays: exchanged without losing the animator's own Action."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy

from . import compat
from .before import give_back, read_before
from .compat import Assignment
from .identity import is_take


def user_action(armature: bpy.types.Object) -> bpy.types.Action | None:
    """The armature's active Action if it is the animator's own and not a take.

    Playing a take in its place keeps it in the file; who asks before can tell the animator so.
    """
    action = Assignment.of(armature).action
    return None if is_take(action) else action


def play(armature: bpy.types.Object, action: bpy.types.Action | None) -> None:
    """Make an Action the armature's active one, in the slot meant for it; None for no Action.

    What was active stays in the file: an Action that nothing else uses gets a fake user, or saving would drop it.
    Channels that only a take before it has moved go back to where they were without it.
    """
    previous = Assignment.of(armature).action
    slot = None if action is None else compat.slot_for(action, armature)
    compat.assign(armature, Assignment(action, slot))
    if previous is not None and previous != action:
        give_back(armature, previous, kept=read_before(action))
    if previous is not None and previous.users == 0:
        previous.use_fake_user = True


@contextmanager
def restored_on_error(armature: bpy.types.Object) -> Iterator[None]:
    """If anything raises inside, the armature plays again what it played before, and nothing else has changed."""
    had_data = armature.animation_data is not None
    before = Assignment.of(armature)
    had_fake_user = before.action is not None and before.action.use_fake_user
    try:
        yield
    except BaseException:
        if had_data:
            compat.assign(armature, before)
        elif armature.animation_data is not None:
            armature.animation_data_clear()
        if before.action is not None:
            before.action.use_fake_user = had_fake_user
        raise
