# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests as the window makes them, with the real engine: what happens meanwhile, and the engine's own life."""

from __future__ import annotations

import os
import signal
import sys
import time

import bpy
import pytest

from blender_addon import runtime
from blender_addon.animation import takes
from blender_addon.engine_client.session import State
from tests.blender.armatures import active_action
from tests.blender.panel_session import ask, refusal, skip_without_engine, submit_without_waiting, update_until


@pytest.fixture(autouse=True)
def engine(addon) -> None:
    skip_without_engine()


class TestWhileItRuns:
    """Requests as the window makes them: nobody waits, the main loop takes in what arrives."""

    @pytest.fixture(autouse=True)
    def nothing_left_over(self):
        yield
        runtime.current().cancel()

    def test_progress_then_keys(self, mannequin) -> None:
        live = runtime.current()
        submit_without_waiting(variations=2, steps=8)
        assert "being generated" in refusal(bpy.ops.mld.generate)
        seen = set()

        def finished() -> bool:
            if live.progress:
                seen.add((live.progress.take, live.progress.total))
            return not live.busy

        update_until(finished)
        assert seen <= {(0, 8), (1, 8)}
        assert seen
        assert len(takes.list_takes(mannequin)) == 2
        assert live.notice is None

    def test_cancel_then_a_good_request(self, mannequin) -> None:
        live = runtime.current()
        submit_without_waiting(steps=900, seconds=10.0)
        update_until(lambda: live.progress is not None)
        assert bpy.ops.mld.cancel() == {"FINISHED"}
        assert not live.busy
        assert "Cancelled" in live.notice.message
        assert active_action(mannequin) is None
        assert "Nothing is being generated" in refusal(bpy.ops.mld.cancel)
        ask()
        assert bpy.ops.mld.generate() == {"FINISHED"}
        assert len(takes.list_takes(mannequin)) == 1

    @pytest.mark.skipif(sys.platform == "win32", reason="signals")
    def test_killed_engine_then_recovery(self, mannequin) -> None:
        live = runtime.current()
        submit_without_waiting(steps=900, seconds=10.0)
        update_until(lambda: live.progress is not None)
        os.kill(live.session.pid, signal.SIGKILL)
        update_until(lambda: not live.busy)
        assert live.notice.level == "ERROR"
        assert "signal 9" in live.notice.message
        assert live.notice.show_log
        assert bpy.ops.mld.generate.poll()
        ask()
        assert bpy.ops.mld.generate() == {"FINISHED"}
        assert active_action(mannequin)

    def test_armature_deleted_meanwhile(self, mannequin) -> None:
        live = runtime.current()
        submit_without_waiting(variations=3)
        bpy.data.objects.remove(mannequin)
        update_until(lambda: not live.busy)
        assert "“Mannequin” is gone" in live.notice.message
        assert "seed 7" in live.notice.hint
        assert not bpy.data.actions

    def test_armature_renamed_and_undone_meanwhile(self, mannequin) -> None:
        live = runtime.current()
        bpy.ops.ed.undo_push(message="before")
        submit_without_waiting()
        mannequin.name = "Hero"
        bpy.ops.ed.undo_push(message="renamed")
        bpy.ops.ed.undo()
        update_until(lambda: not live.busy)
        assert live.notice is None
        assert active_action(bpy.data.objects["Mannequin"])

    def test_waits_until_edit_mode_is_left(self, mannequin) -> None:
        live = runtime.current()
        submit_without_waiting()
        bpy.ops.object.mode_set(mode="EDIT")
        update_until(lambda: live.waits_for_user)
        assert active_action(mannequin) is None
        bpy.ops.object.mode_set(mode="OBJECT")
        update_until(lambda: not live.busy)
        assert active_action(mannequin)

    def test_opening_a_file_gives_the_request_up(self, mannequin) -> None:
        live = runtime.current()
        submit_without_waiting(steps=900, seconds=10.0)
        update_until(lambda: live.progress is not None)
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        assert not live.busy
        bpy.ops.mld.add_mannequin()
        ask()
        bpy.ops.mld.generate()
        assert len(bpy.data.actions) == 1


class TestEngine:
    def test_start_waits_and_stop_ends_it(self) -> None:
        session = runtime.current().session
        session.close()
        assert "not running" in refusal(bpy.ops.mld.engine_stop)
        assert bpy.ops.mld.engine_start() == {"FINISHED"}
        assert session.state is State.READY
        assert "running" in refusal(bpy.ops.mld.engine_start)
        pid = session.pid
        assert bpy.ops.mld.engine_stop() == {"FINISHED"}
        assert session.state is State.STOPPED
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    def test_switching_the_addon_off_ends_the_engine(self, addon) -> None:
        bpy.ops.mld.engine_start()
        pid = runtime.current().session.pid
        addon.unregister()
        try:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
            assert not hasattr(bpy.types.Scene, "mld")
            assert not [handler for handler in bpy.app.handlers.load_pre if "blender_addon" in handler.__module__]
        finally:
            addon.register()

    def test_new_seed_button(self) -> None:
        panel = ask(use_random_seed=True, seed=7)
        bpy.ops.mld.random_seed()
        assert panel.seed != 7
        assert not panel.use_random_seed


def test_ten_seconds_are_quick_once_the_engine_is_warm(mannequin) -> None:
    """The engine's own work aside, keys must be there at once: the rest runs on Blender's main thread."""
    live = runtime.current()
    ask(seconds=10.0)
    bpy.ops.mld.generate()
    submit_without_waiting(seconds=10.0)
    longest = 0.0
    while live.busy:
        started = time.perf_counter()
        live.update()
        longest = max(longest, time.perf_counter() - started)
        time.sleep(0.005)
    assert longest < 1.0, f"Blender stood still for {longest:.2f} s"
