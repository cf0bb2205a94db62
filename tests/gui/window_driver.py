# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives Blender's own window from inside: finds buttons by what they do, clicks them with a real mouse.

Runs in Blender's Python with a window. The pointer and the keyboard are moved by `xdotool`, so Blender
sees ordinary events. A button is found by sweeping the pointer over the sidebar and asking Blender what is
under it (`ui.copy_python_command_button`, `ui.copy_data_path_button`): no pixel position is written down,
and a button that cannot be reached with the mouse is not found.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy

COLUMNS = (0.30, 0.55, 0.82)
"""Where the pointer is put in the sidebar, as shares of its width."""
SWEEP_STEP_PIXELS = 9
"""Less than half of a button's height, so that no row is missed."""


HEADER_PIXELS = 24
"""No higher than a panel's header."""


class Window:
    """The first window, its first 3D View and that view's sidebar."""

    def __init__(self, shots: Path) -> None:
        self.shots = shots
        self.pointer = (0, 0)
        """From the window's lower left corner."""
        self.window = bpy.context.window_manager.windows[0]
        self.find_area()

    def find_area(self) -> None:
        """Again after the file browser had the whole window, which makes new areas."""
        self.area = max(
            (area for area in self.window.screen.areas if area.type == "VIEW_3D"), key=lambda area: area.width
        )

    @property
    def sidebar(self) -> bpy.types.Region:
        return next(region for region in self.area.regions if region.type == "UI")

    def open_tab(self, category: str) -> Iterator[float]:
        """Close the splash screen, show the sidebar and one of its tabs."""
        _xdotool("key", "Escape")
        yield 0.5
        self.area.spaces.active.show_region_ui = True
        yield 0.5
        self.sidebar.active_panel_category = category
        self.area.tag_redraw()
        yield 0.5

    def screenshot(self, name: str) -> None:
        """Write `<shots>/<name>.png` of the whole screen (Blender's own screenshot is black without a GPU)."""
        subprocess.run(["import", "-window", "root", str(self.shots / f"{name}.png")], check=True, timeout=20)

    def find(self, wanted: str, *, from_below: bool = False) -> Iterator[float]:
        """Leave the pointer on the button whose command or data path contains `wanted`; raises LookupError."""
        region = self.sidebar
        rows = range(region.y + region.height - 4, region.y + 4, -SWEEP_STEP_PIXELS)
        for y in reversed(rows) if from_below else rows:
            for column in COLUMNS:
                self._move(region.x + int(region.width * column), y)
                yield 0.03
                if wanted in self._under_pointer():
                    return
        raise LookupError(f"no button for {wanted!r} in the sidebar")

    def open_panel(self, wanted: str) -> Iterator[float]:
        """Open the closed panel that has a button `wanted` at its top, by clicks on headers below the pointer, and
        leave the pointer on its header; raises LookupError. Other panels stay closed."""
        region, x, y = self.sidebar, self.pointer[0], self.pointer[1]
        while (y := y - SWEEP_STEP_PIXELS) > region.y + 3 * HEADER_PIXELS:
            self._move(x, y)
            yield 0.03
            if self._under_pointer():
                continue
            yield from self.click()
            below = []
            for step in range(HEADER_PIXELS, 3 * HEADER_PIXELS, SWEEP_STEP_PIXELS):
                for column in COLUMNS:
                    self._move(region.x + int(region.width * column), y - step)
                    yield 0.03
                    below.append(self._under_pointer())
            self._move(x, y)
            if any(wanted in text for text in below):
                return
            if any(below):
                yield from self.click()
                y -= HEADER_PIXELS
        raise LookupError(f"no panel with {wanted!r} below the pointer")

    def move_by(self, right: int, up: int) -> Iterator[float]:
        self._move(self.pointer[0] + right, self.pointer[1] + up)
        yield 0.1

    def scroll_down(self, notches: int) -> Iterator[float]:
        _xdotool("click", "--repeat", str(notches), "--delay", "30", "5")
        yield 0.5

    def press(self, *keys: str) -> Iterator[float]:
        for key in keys:
            _xdotool("key", key)
            yield 0.3

    def click(self) -> Iterator[float]:
        _xdotool("click", "1")
        yield 0.3

    def type_text(self, text: str) -> Iterator[float]:
        """Replace the text of the field under the pointer, as a person does: double click, select all, type."""
        _xdotool("click", "--repeat", "2", "--delay", "60", "1")
        yield 0.3
        _xdotool("key", "ctrl+a")
        yield 0.1
        _xdotool("type", "--delay", "25", text)
        yield 0.3 + 0.03 * len(text)
        _xdotool("key", "Return")
        yield 0.4

    def _move(self, x: int, y_from_bottom: int) -> None:
        self.pointer = (x, y_from_bottom)
        _xdotool("mousemove", str(self.window.x + x), str(self.window.height - y_from_bottom))

    def _under_pointer(self) -> str:
        manager = bpy.context.window_manager
        with bpy.context.temp_override(window=self.window, area=self.area, region=self.sidebar):
            for copy in (bpy.ops.ui.copy_python_command_button, bpy.ops.ui.copy_data_path_button):
                if copy.poll():
                    manager.clipboard = ""
                    copy()
                    if manager.clipboard:
                        return str(manager.clipboard)
        return ""


def _xdotool(*arguments: str) -> None:
    subprocess.run(["xdotool", *arguments], check=True, timeout=20)


def play(steps: Iterator[float], finished: Callable[[BaseException | None], None]) -> None:
    """Run a generator on Blender's main thread: each value it yields is a pause in seconds.

    `finished` gets the exception that ended it, or None. The pauses give the window back to Blender, so
    everything between two of them is what a user would see happen.
    """

    def advance() -> float | None:
        try:
            return next(steps)
        except StopIteration:
            finished(None)
        except BaseException as error:
            finished(error)
        return None

    bpy.app.timers.register(advance, first_interval=1.0)


class Heartbeat:
    """Measures how long Blender's main thread ever stood still: the largest gap between two timer ticks."""

    INTERVAL_SECONDS = 0.02

    def __init__(self) -> None:
        self.largest_gap_seconds = 0.0
        self._last = time.perf_counter()
        self._alive = True
        bpy.app.timers.register(self._tick)

    def restart(self) -> None:
        self.largest_gap_seconds = 0.0
        self._last = time.perf_counter()

    def stop(self) -> None:
        self._alive = False

    def _tick(self) -> float | None:
        now = time.perf_counter()
        self.largest_gap_seconds = max(self.largest_gap_seconds, now - self._last)
        self._last = now
        return self.INTERVAL_SECONDS if self._alive else None
