# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's one object: the engine session, the installer, the request under way, what the panel shows.

`registration` makes it and takes it down. It holds no pointers to Blender's data, only names and ids.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path

import bpy

from . import generation, preferences
from .contract import source_root
from .engine_client import events
from .engine_client.install import InstallEnded, Installer, InstallState, python_candidates
from .engine_client.locate import ENVIRONMENT_VARIABLE, EngineMissing, EnginePython, engine_python
from .engine_client.process import Launch, serve_launch
from .engine_client.session import EngineSession, State
from .engine_client.vocabulary import Vocabulary, read_vocabularies
from .generation import Job, NotPossible
from .notices import Notice
from .targets import RigStatusCache

STEP_REDRAW_SECONDS = 0.2

_log = logging.getLogger(__name__)

_STATE_WORDS = {
    State.STOPPED: "Engine: stopped",
    State.STARTING: "Engine: starting",
    State.READY: "Engine: ready",
    State.BUSY: "Engine: working",
    State.FAILED: "Engine: failed",
}


class Runtime:
    def __init__(self) -> None:
        self.session = EngineSession(self._launch)
        self.installer = Installer()
        self.packs: dict[str, Vocabulary] = {}
        """By name; `find_packs` fills it, once the preferences can be read."""
        self.rig_status = RigStatusCache()
        self.job: Job | None = None
        self.progress: events.Progress | None = None
        self.notice: Notice | None = None
        self.last_request: dict[str, object] | None = None
        self.click_to_keys_seconds: float | None = None
        self.body_file = ""
        """Name of the model file that is being made into a body; empty for none."""
        self._shown: tuple[object, object, float] = (None, None, 0.0)
        self._waiting: list[events.Event] = []
        self._location: tuple[object, EnginePython | EngineMissing] | None = None

    # Which models there are

    def find_packs(self) -> None:
        """Look through the folders of packs again."""
        self.packs = read_vocabularies(preferences.pack_folders())

    def vocabulary(self, scene: bpy.types.Scene) -> Vocabulary:
        """What the scene's chosen pack can do."""
        name = scene.mld.pack
        return self.packs.get(name) or Vocabulary(pack=name)

    # Where the engine is

    def location(self, *, fresh: bool = False) -> EnginePython | EngineMissing:
        """The engine's Python or why there is none; looked up again when asked to, or when a setting changed."""
        chosen = bpy.path.abspath(preferences.settings().engine_python)
        key = (os.environ.get(ENVIRONMENT_VARIABLE), chosen)
        if fresh or bpy.app.background or self._location is None or self._location[0] != key:
            try:
                found: EnginePython | EngineMissing = engine_python(os.environ, chosen, preferences.engine_venv())
            except EngineMissing as missing:
                found = missing
            self._location = (key, found)
        return self._location[1]

    def _launch(self) -> Launch:
        location = self.location(fresh=True)
        if isinstance(location, EngineMissing):
            raise location
        return serve_launch(
            location.python,
            source_root=source_root(),
            log_dir=preferences.log_dir(),
            device=preferences.settings().device,
            environment=os.environ | preferences.engine_variables(),
        )

    # Requests

    @property
    def busy(self) -> bool:
        return self.job is not None

    def submit(self, job: Job) -> None:
        """Ask the engine for the job's takes. Raises EngineMissing."""
        job.request_id = self.session.generate(job.request)
        self.job, self.progress, self.notice = job, None, None
        self.last_request = job.request

    def finish(self, job: Job) -> None:
        """Wait until the job's takes are keyed. Raises NotPossible with the reason when they are not."""
        for event in self.session.follow(job.request_id):
            self._handle(event)
        if self.notice and self.notice.level == "ERROR":
            raise NotPossible.of(self.notice)

    def wait_until_ready(self) -> bool:
        """Wait for a starting engine; whether it is there. `notice` has the reason when it is not."""
        for event in self.session.wait_until_ready():
            self._handle(event)
        return self.session.state is State.READY

    def cancel(self) -> None:
        self.session.cancel()
        self._waiting.clear()
        self.update()

    def forget_file(self) -> None:
        """Another file is about to be opened: give up the request, keep the engine warm."""
        if self.job:
            self.cancel()
        self.notice, self.body_file = None, ""
        self.rig_status = RigStatusCache()

    def close(self) -> None:
        """End the engine and a running installation, and wait for both, for a few seconds at most."""
        self.installer.close()
        self.session.close()

    def update(self) -> None:
        """Take in what has happened. Called from Blender's main thread only."""
        pending = [*self._waiting, *self.session.poll()]
        self._waiting = []
        for index, event in enumerate(pending):
            if isinstance(event, events.MotionReady) and self._must_wait():
                self._waiting = pending[index:]
                break
            self._handle(event)
        for news in self.installer.poll():
            if isinstance(news, InstallEnded):
                self._install_ended(news)

    def _must_wait(self) -> bool:
        """Whether keys must not be written now: the pose is being dragged, rendered, or the rest pose edited."""
        armature = self.job.armature.find() if self.job else None
        if armature is not None and armature.mode == "EDIT":
            return True
        if bpy.app.is_job_running("RENDER"):
            return True
        windows = bpy.context.window_manager.windows
        return any(
            operator.bl_idname.startswith("TRANSFORM_OT") for window in windows for operator in window.modal_operators
        )

    @property
    def waits_for_user(self) -> bool:
        """Whether a motion has arrived that will be keyed once Edit Mode, a drag or a render is over."""
        return bool(self._waiting)

    def _handle(self, event: events.Event) -> None:
        if isinstance(event, events.EngineFailed):
            self.notice = Notice("ERROR", event.message, event.hint, show_log=True)
        elif isinstance(event, events.EngineReady):
            if event.info.warnings:
                self.notice = Notice("WARNING", " ".join(event.info.warnings))
        elif isinstance(event, events.EngineStatus | events.EngineStopped) or not self._concerns_job(event):
            return
        elif isinstance(event, events.Progress):
            self.progress = event
        elif isinstance(event, events.MotionReady):
            self._key(self.job, event)
        elif isinstance(event, events.RequestFailed):
            self._end_job(_failure_notice(event))
        elif isinstance(event, events.RequestCancelled):
            self._end_job(Notice("INFO", _cancelled_text(event.takes)))
        else:
            self._end_job(self.notice)

    def _concerns_job(self, event: events.RequestEvent) -> bool:
        return self.job is not None and event.request_id == self.job.request_id

    def _key(self, job: Job, motion: events.MotionReady) -> None:
        try:
            self.notice = generation.apply_motion(job, motion) or self.notice
        except NotPossible as refused:
            self.session.cancel(job.request_id)
            self._end_job(refused.notice)
            return
        except Exception as error:
            # A fault of ours must not leave the panel busy for ever.
            _log.exception("the take could not be keyed")
            self.session.cancel(job.request_id)
            text = f"The take could not be keyed: {type(error).__name__}: {error}."
            self._end_job(Notice("ERROR", text, "Please report this with the text from Blender's system console."))
            return
        if len(job.takes) == 1:
            self.click_to_keys_seconds = time.perf_counter() - job.pressed

    def _end_job(self, notice: Notice | None) -> None:
        self.job, self.progress, self.notice = None, None, notice

    # Installation

    def install(self) -> None:
        """Run install_deps.py in the background with Blender's own Python."""
        self.session.stop()
        self.notice = None
        arguments = ["--venv", str(preferences.engine_venv())]
        if preferences.settings().cpu_only:
            arguments.append("--cpu")
        if preferences.settings().install_clip:
            arguments.append("--clip")
        self.installer.start(
            python_candidates(sys.executable, sys.prefix),
            Path(source_root()) / "install_deps.py",
            arguments,
            log_dir=preferences.log_dir(),
            environment=os.environ,
        )

    @property
    def installing(self) -> bool:
        return self.installer.state is InstallState.RUNNING

    def _install_ended(self, ended: InstallEnded) -> None:
        self.location(fresh=True)
        level = "ERROR" if ended.state is InstallState.FAILED else "INFO"
        self.notice = Notice(level, ended.message, ended.hint, show_log=level == "ERROR")

    # What the panel says

    def state_line(self) -> str:
        """Engine state and device."""
        if self.session.state is State.STARTING and self.session.status:
            return f"Engine: {self.session.status}"
        line = _STATE_WORDS[self.session.state]
        return f"{line}, {self.session.info.device_name}" if self.session.info else line

    def wants_redraw(self) -> bool:
        """Whether the panel shows something that is no longer so.

        Steps alone are shown a few times a second: drawing takes time that the motion could be made in.
        """
        state = (
            self.state_line(),
            self.notice,
            self.busy,
            self.waits_for_user,
            self.installing,
            self.click_to_keys_seconds,
        )
        steps = (self.progress, self.installer.progress)
        shown_state, shown_steps, shown_at = self._shown
        now = time.monotonic()
        if state == shown_state and (steps == shown_steps or now - shown_at < STEP_REDRAW_SECONDS):
            return False
        self._shown = (state, steps, now)
        return True


def _failure_notice(failed: events.RequestFailed) -> Notice:
    offered = failed.details.get("limit_seconds" if failed.code == "seconds_over_limit" else "minimum_seconds")
    segments = failed.details.get("segments")
    return Notice(
        "ERROR",
        failed.message,
        failed.hint,
        offered_seconds=float(offered) if isinstance(offered, int | float) else None,
        offered_segments=segments if isinstance(segments, int) else 0,
        show_log=failed.code in ("internal", "out_of_memory"),
    )


def _cancelled_text(takes: int) -> str:
    if not takes:
        return "Cancelled."
    return "Cancelled; the take that had arrived stays." if takes == 1 else f"Cancelled; the {takes} first takes stay."


_runtime: Runtime | None = None


def current() -> Runtime:
    """The add-on's runtime. Raises RuntimeError before `register` and after `unregister`."""
    if _runtime is None:
        raise RuntimeError("The add-on is not registered.")
    return _runtime


def create() -> Runtime:
    global _runtime
    _runtime = Runtime()
    return _runtime


def destroy() -> None:
    """End everything the runtime has started."""
    global _runtime
    if _runtime is not None:
        _runtime.close()
        _runtime = None
