# SPDX-License-Identifier: GPL-3.0-or-later
"""What the session makes of programs that are no engine, another version of it, or a broken one."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from blender_addon.engine_client.environment import child_environment
from blender_addon.engine_client.events import EngineFailed, RequestCancelled, RequestDone, RequestFailed
from blender_addon.engine_client.locate import EngineMissing
from blender_addon.engine_client.process import Launch
from blender_addon.engine_client.session import EngineSession, State

MakeSession = Callable[..., EngineSession]
REQUEST = {"text": "walk"}


def start(session: EngineSession) -> None:
    session.start()
    list(session.wait_until_ready())
    assert session.state is State.READY


def failure(session: EngineSession) -> tuple[RequestFailed, EngineFailed]:
    """Ask for something that must fail: how the request ended, and the engine."""
    events = list(session.follow(session.generate(REQUEST)))
    assert session.state is State.FAILED
    return (
        next(event for event in events if isinstance(event, RequestFailed)),
        next(event for event in events if isinstance(event, EngineFailed)),
    )


def test_engine_of_another_protocol_version(scripted_session: MakeSession) -> None:
    session = scripted_session("receive(); hello(protocol=99); receive()")
    request, engine = failure(session)
    assert request.code == engine.code == "protocol_version"
    assert "version 99" in request.message
    assert "version 1" in request.message
    assert "zip" in request.hint


def test_engine_that_refuses_our_protocol_version(scripted_session: MakeSession) -> None:
    session = scripted_session(
        "receive(); send(type='error', id=None, code='protocol_version', message='The client speaks version 1.',"
        " hint='Update it.', details={}, fatal=True); receive()"
    )
    request, engine = failure(session)
    assert (request.code, request.message, request.hint) == (
        "protocol_version",
        "The client speaks version 1.",
        "Update it.",
    )
    assert engine.code == "protocol_version"


def test_last_words_of_an_engine_that_cannot_start(scripted_session: MakeSession) -> None:
    session = scripted_session("sys.exit('the libraries are broken')")
    request, engine = failure(session)
    assert request.code == "engine_ended"
    assert "while it was starting" in request.message
    assert "the libraries are broken" in request.message
    assert engine.log_lines[-1] == "the libraries are broken"


def test_missing_package_asks_for_install(scripted_session: MakeSession) -> None:
    request, _ = failure(scripted_session("import a_package_that_is_not_there"))
    assert "a_package_that_is_not_there" in request.message
    assert "Install" in request.hint


def test_program_that_prints_to_stdout(scripted_session: MakeSession) -> None:
    request, _ = failure(scripted_session("print('Welcome to Python' * 10_000, flush=True); time.sleep(60)"))
    assert "no message" in request.message


def test_start_up_file_that_prints_to_stdout(scripted_session: MakeSession) -> None:
    """A `sitecustomize` may greet before the engine can keep its output to itself."""
    start(scripted_session("print('Welcome to Python', flush=True); receive(); hello(); receive()"))


def test_answer_with_missing_fields(scripted_session: MakeSession) -> None:
    session = scripted_session("receive(); hello(); m = receive(); send(type='done', id=m.header['id']); receive()")
    request, _ = failure(session)
    assert request.code == "malformed"


def test_executable_that_is_not_there(tmp_path: Path) -> None:
    launch = Launch((str(tmp_path / "python"),), tmp_path, child_environment({}), tmp_path / "logs")
    session = EngineSession(lambda: launch)
    request, _ = failure(session)
    assert "could not be started" in request.message
    assert "Install" in request.hint


def test_missing_engine_is_raised_at_once() -> None:
    def launch() -> Launch:
        raise EngineMissing("The engine is not installed yet.", "Press Install.")

    session = EngineSession(launch)
    with pytest.raises(EngineMissing, match="Press Install"):
        session.generate(REQUEST)
    assert session.state is State.STOPPED


def test_silent_start_times_out(scripted_session: MakeSession) -> None:
    session = scripted_session("time.sleep(60)", start_seconds=0.3)
    request, _ = failure(session)
    assert request.code == "start_timeout"


def test_silent_request_times_out(scripted_session: MakeSession) -> None:
    session = scripted_session("receive(); hello(); time.sleep(60)", answer_seconds=0.3)
    request, _ = failure(session)
    assert request.code == "no_answer"


def test_engine_that_ignores_cancel_is_ended(scripted_session: MakeSession) -> None:
    session = scripted_session("receive(); hello(); time.sleep(60)", cancel_seconds=0.2)
    start(session)
    request_id = session.generate(REQUEST)
    session.cancel(request_id)
    deadline = time.monotonic() + 10.0
    events = []
    while session.state is not State.FAILED and time.monotonic() < deadline:
        events += session.wait(0.05)
    assert session.failure.code == "no_answer"
    assert [event for event in events if isinstance(event, RequestCancelled)] == [RequestCancelled(request_id, 0)]


def test_stale_answers_of_a_cancelled_request_are_ignored(scripted_session: MakeSession) -> None:
    """The first request is answered in full only after the second one has arrived."""
    session = scripted_session(
        """
receive(); hello()
first, cancel, second = receive().header, receive().header, receive().header
assert cancel == {"type": "cancel", "id": first["id"]}, cancel
ms = {"total": 1.0}
for header in (first, second):
    send(type="progress", id=header["id"], take=0, count=1, step=1, total=1)
    send(type="done", id=header["id"], takes=0, milliseconds=ms)
receive()
"""
    )
    start(session)
    first = session.generate(REQUEST)
    session.cancel(first)
    second = session.generate(REQUEST)
    events = list(session.follow(second))
    assert [event.request_id for event in events if hasattr(event, "request_id")] == [first, second, second]
    assert isinstance(events[0], RequestCancelled)
    assert isinstance(events[-1], RequestDone)


def test_cancel_before_the_engine_is_ready(scripted_session: MakeSession) -> None:
    session = scripted_session("receive(); time.sleep(0.3); hello(); assert receive().type == 'shutdown'")
    request_id = session.generate(REQUEST)
    session.cancel(request_id)
    events = list(session.follow(request_id))
    assert events[-1] == RequestCancelled(request_id, 0)
    list(session.wait_until_ready())
    assert session.state is State.READY


def test_engine_that_does_not_want_to_end(scripted_session: MakeSession) -> None:
    session = scripted_session(
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\nreceive(); hello()\nwhile True: time.sleep(1)"
    )
    start(session)
    started = time.monotonic()
    session.close(seconds=10.0)
    assert session.state is State.STOPPED
    assert time.monotonic() - started < 8.0
