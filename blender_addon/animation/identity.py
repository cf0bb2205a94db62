# SPDX-License-Identifier: GPL-3.0-or-later
"""How a take is told from any other Action, and the order in which takes were made."""

from __future__ import annotations

from typing import Final

import bpy

TAKE_NUMBER: Final = "mld_take"
"""Counts the takes of a file from 1. Its presence makes an Action a take."""
ARMATURE: Final = "mld_armature"
"""Name of the armature object that the take was made for, or was last played on."""
START_FRAME: Final = "mld_start_frame"
"""Scene frame of the first key."""
OPTIONS: Final = "mld_options"
"""How the motion was put on the armature: foot lock, in place, key reduction and the like."""


def is_take(action: bpy.types.Action | None) -> bool:
    return action is not None and TAKE_NUMBER in action


def all_takes() -> list[bpy.types.Action]:
    """Every take of the file, newest first."""
    return sorted(filter(is_take, bpy.data.actions), key=lambda action: (-int(action[TAKE_NUMBER]), action.name))


def next_take_number() -> int:
    return max((int(action[TAKE_NUMBER]) for action in all_takes()), default=0) + 1
