# SPDX-License-Identifier: GPL-3.0-or-later
"""The session with the real engine and the default pack: requests, cancel, death, recovery, stop."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator

import numpy as np
import pytest

from blender_addon.engine_client.events import (
    EngineFailed,
    EngineReady,
    EngineStatus,
    EngineStopped,
    Event,
    MotionReady,
    Progress,
    RequestCancelled,
    RequestDone,
    RequestFailed,
)
from blender_addon.engine_client.session import EngineSession, State

WALK = {"text": "a person walks forward", "seconds": 1.0, "seed": 7, "count": 1, "guidance": 4.0, "steps": 5}
LONG = WALK | {"seconds": 10.0, "steps": 900}


def of_type(events: list[Event], kind: type) -> list:
    return [event for event in events if isinstance(event, kind)]


def until_first_progress(session: EngineSession, request_id: int) -> None:
    for event in session.follow(request_id):
        if isinstance(event, Progress):
            return
    pytest.fail("the request ended before its first step")


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(pid)


@pytest.fixture(scope="module")
def warm_session(engine_python, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineSession]:
    """One engine for the tests that leave it as they found it."""
    from blender_addon.contract import source_root
    from blender_addon.engine_client.process import serve_launch

    logs = tmp_path_factory.mktemp("logs")
    session = EngineSession(
        lambda: serve_launch(
            engine_python, source_root=source_root(), log_dir=logs, device="cpu", environment=os.environ
        )
    )
    yield session
    session.close()


def test_requests_made_while_starting_are_answered_in_order(warm_session: EngineSession) -> None:
    warm_session.start()
    assert warm_session.state is State.STARTING
    first = warm_session.generate(WALK | {"count": 2})
    second = warm_session.generate(WALK | {"seed": 8})
    events = [*warm_session.follow(first), *warm_session.follow(second)]

    assert of_type(events, EngineStatus), "a starting engine tells what it does"
    ready = of_type(events, EngineReady)[0].info
    assert ready.device == "cpu"
    assert ready.pid == warm_session.pid
    motions = of_type(events, MotionReady)
    assert [(motion.request_id, motion.take, motion.seed) for motion in motions] == [
        (first, 0, 7),
        (first, 1, 8),
        (second, 0, 8),
    ]
    assert [event.step for event in of_type(events, Progress) if event.request_id == second] == [1, 2, 3, 4, 5]
    assert [event.takes for event in of_type(events, RequestDone)] == [2, 1]
    # Take k of a request is the take of its own seed.
    np.testing.assert_array_equal(motions[1].rotations, motions[2].rotations)
    assert motions[0].rotations.shape == (30, 22, 4)
    assert warm_session.state is State.READY


def test_cancel_frees_the_engine_at_once(warm_session: EngineSession) -> None:
    given_up = warm_session.generate(LONG)
    until_first_progress(warm_session, given_up)
    assert warm_session.state is State.BUSY
    cancelled = time.monotonic()
    warm_session.cancel()
    assert of_type(warm_session.poll(), RequestCancelled) == [RequestCancelled(given_up, 0)]
    assert warm_session.state is State.READY

    events = list(warm_session.follow(warm_session.generate(WALK)))
    assert len(of_type(events, MotionReady)) == 1
    assert all(event.request_id != given_up for event in of_type(events, Progress))
    assert time.monotonic() - cancelled < 10.0, "900 steps would take longer: the cancelled request ran on"


def test_refused_request_leaves_a_working_engine(warm_session: EngineSession) -> None:
    events = list(warm_session.follow(warm_session.generate(WALK | {"seconds": 30.0})))
    failed = of_type(events, RequestFailed)[0]
    assert failed.code == "seconds_over_limit"
    assert failed.details["limit_seconds"] == 10.0
    assert "10" in failed.message + failed.hint
    assert of_type(list(warm_session.follow(warm_session.generate(WALK))), RequestDone)


@pytest.mark.parametrize("field", [{"seconds": float("nan")}, {"text": "walk " * 400_000}])
def test_request_that_cannot_be_sent_fails_by_itself(warm_session: EngineSession, field: dict) -> None:
    events = list(warm_session.follow(warm_session.generate(WALK | field)))
    assert of_type(events, RequestFailed)[0].code == "malformed"
    assert of_type(list(warm_session.follow(warm_session.generate(WALK))), RequestDone)


def test_text_of_any_script_reaches_the_engine(warm_session: EngineSession) -> None:
    events = list(warm_session.follow(warm_session.generate(WALK | {"text": "人が歩く 🕺"})))
    assert of_type(events, RequestFailed)[0].code == "prompt_not_english"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_killed_engine_is_reported_and_the_next_request_recovers(real_session: EngineSession) -> None:
    lost = real_session.generate(LONG)
    until_first_progress(real_session, lost)
    os.kill(real_session.pid, signal.SIGKILL)
    events = list(real_session.follow(lost))

    failed = of_type(events, RequestFailed)[0]
    assert failed.code == "engine_ended"
    assert "signal 9" in failed.message
    assert "Generate" in failed.hint
    assert of_type(events, EngineFailed)
    assert real_session.state is State.FAILED

    assert of_type(list(real_session.follow(real_session.generate(WALK))), RequestDone)
    assert real_session.state is State.READY


def test_stop_during_a_run_ends_the_process(real_session: EngineSession) -> None:
    lost = real_session.generate(LONG)
    until_first_progress(real_session, lost)
    pid = real_session.pid
    real_session.stop()
    events = real_session.poll()
    assert of_type(events, RequestCancelled) == [RequestCancelled(lost, 0)]
    assert of_type(events, EngineStopped)
    assert real_session.state is State.STOPPED
    assert wait_until_gone(pid, 5.0)


def test_close_while_starting_leaves_no_process(real_session: EngineSession) -> None:
    real_session.start()
    while real_session.pid is None:
        time.sleep(0.01)
    pid = real_session.pid
    real_session.close()
    assert not is_running(pid)


def test_corrupt_weights_are_named(engine_python, tmp_path, repository) -> None:
    """The engine's own check of hashes must reach whoever pressed Generate."""
    import shutil

    from blender_addon.engine_client.process import serve_launch

    source = tmp_path / "source"
    shutil.copytree(repository / "mld_engine", source / "mld_engine", ignore=shutil.ignore_patterns("__pycache__"))
    weights = source / "mld_engine" / "packs" / "research" / "denoiser.safetensors"
    damaged = bytearray(weights.read_bytes())
    damaged[-1000] ^= 1
    weights.write_bytes(damaged)
    session = EngineSession(
        lambda: serve_launch(
            engine_python, source_root=source, log_dir=tmp_path / "logs", device="cpu", environment=os.environ
        )
    )
    events = list(session.follow(session.generate(WALK)))
    session.close()
    failed = of_type(events, RequestFailed)[0]
    assert failed.code == "pack_corrupt"
    assert "denoiser.safetensors" in failed.message
