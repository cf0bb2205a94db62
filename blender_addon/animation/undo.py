# SPDX-License-Identifier: GPL-3.0-or-later
"""One undo step for a change that no operator of Blender's wraps: in a timer, a script, in background mode.

An operator that uses `step` must not have UNDO among its `bl_options`, or there would be two steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import bpy


@contextmanager
def step(message: str) -> Iterator[None]:
    """Everything changed inside becomes one undo step of that name. Nothing is recorded when an error is raised."""
    if bpy.app.background:
        # In a window the state before is on the stack already, after the animator's last action. A script
        # has left nothing there that one could go back to.
        push(f"Before {message}")
    yield
    push(message)


def push(message: str) -> None:
    """Record the present state as an undo step."""
    with _window():
        bpy.ops.ed.undo_push(message=message)


def _window() -> Any:
    """A timer runs without a window, and the undo system takes the scene and the mode from one."""
    windows = bpy.context.window_manager.windows if bpy.context.window_manager else ()
    if bpy.context.window is not None or not windows:
        return nullcontext()
    return bpy.context.temp_override(window=windows[0])
