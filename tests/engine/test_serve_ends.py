# SPDX-License-Identifier: GPL-3.0-or-later
"""How an engine process ends: when told, when its client is gone, when the stream makes no sense."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine_process import REPOSITORY, EngineProcess, damaged_copy, gone_after, quiet_environment

from mld_engine.contract.protocol import PROTOCOL_VERSION

Start = Callable[..., EngineProcess]
GOOD = {"action": "walk", "seconds": 1.0, "steps": 2}
SLOW = {"action": "walk", "seconds": 10.0, "steps": 1000}
SOON_SECONDS = 10.0
"""An engine that does not notice its end goes on for minutes; the rest is room for a busy machine."""

NOISY_PROGRAM = """
import ctypes, os, sys, threading, time
libc = ctypes.CDLL(None)
print("a library speaks before the engine starts")
libc.printf(b"and so does its C part, which keeps the words in its own buffer\\n")

def chatter():
    while not os.path.sameopenfile(1, 2):
        time.sleep(0.001)
    while True:
        print("python chatter", flush=True)
        os.write(1, b"descriptor chatter\\n")
        libc.puts(b"C chatter")
        libc.fflush(None)
        time.sleep(0.005)

threading.Thread(target=chatter, daemon=True).start()
from mld_engine.cli import main
sys.exit(main(sys.argv[1:]))
"""
"""Becomes an engine while the rest of the process prints to descriptor 1 by every way there is."""


@pytest.fixture
def start() -> Iterator[Start]:
    """Engine processes of one test; all of them end with it."""
    processes: list[EngineProcess] = []

    def make(*options: str, **keywords: object) -> EngineProcess:
        processes.append(EngineProcess(*options, **keywords))  # type: ignore[arg-type]
        return processes[-1]

    yield make
    for process in processes:
        process.stop()


def test_shutdown_is_a_quiet_end(start: Start) -> None:
    engine = start()
    engine.until("hello")
    engine.send("generate", id=1, **SLOW)
    engine.until("progress")
    engine.send("shutdown")
    assert engine.wait(SOON_SECONDS) == 0
    assert "Traceback" not in engine.stderr()


@pytest.mark.skipif(os.name != "posix", reason="descriptors of a C library are opened by name on POSIX")
def test_whatever_libraries_print_the_messages_stay_whole(start: Start) -> None:
    engine = start(program=("-c", NOISY_PROGRAM))
    engine.until("hello")
    for request_id in (1, 2):
        messages = engine.generate(request_id, **GOOD)
        assert [m.type for m in messages] == ["progress", "progress", "motion", "done"]
    engine.process.send_signal(signal.SIGINT)
    assert engine.wait(SOON_SECONDS) == 130
    printed = engine.stderr()
    assert "Traceback" not in printed
    for words in ("python chatter", "descriptor chatter", "C chatter"):
        assert words in printed


@pytest.mark.skipif(os.name != "posix", reason="looks processes up in /proc")
def test_killed_engine_is_replaced_and_a_client_that_leaves_takes_it_along(start: Start) -> None:
    killed = start()
    killed.until("hello")
    killed.send("generate", id=1, **SLOW)
    killed.until("progress")
    killed.process.kill()
    killed.process.wait()

    engine = start()
    engine.until("hello")
    assert engine.generate(1, **GOOD)[-1].type == "done"
    engine.send("generate", id=2, **SLOW)
    engine.until("progress")
    engine.close_stdin()
    assert engine.wait(SOON_SECONDS) == 0
    assert "Traceback" not in engine.stderr()


def test_client_that_leaves_while_pytorch_loads(start: Start) -> None:
    engine = start()
    engine.until("status")
    engine.close_stdin()
    assert engine.wait(SOON_SECONDS) == 0


@pytest.mark.skipif(os.name != "posix", reason="looks processes up in /proc")
def test_engine_goes_with_its_killed_parent() -> None:
    """A parent that starts an engine, hears of it, tells its id and is killed."""
    program = (
        "import sys, time; sys.path[:0] = ['tests/engine']; from engine_process import EngineProcess;"
        "engine = EngineProcess(); engine.until('status');"
        "print(engine.process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=REPOSITORY, env=quiet_environment()
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert gone_after(pid, 0.1) is None
        parent.kill()
    assert gone_after(pid, SOON_SECONDS) is not None


def test_stream_of_something_else_ends_it(start: Start) -> None:
    engine = start(hello=False)
    engine.send_bytes(b"GET / HTTP/1.1\r\n\r\n")
    error = engine.until("error")[-1].header
    assert (error["code"], error["fatal"], error["id"]) == ("malformed", True, None)
    assert engine.wait(SOON_SECONDS) == 3


@pytest.mark.parametrize("version", [PROTOCOL_VERSION + 1, None])
def test_client_of_another_version_is_told_so(start: Start, version: object) -> None:
    engine = start(hello=False)
    engine.send("hello", protocol=version)
    error = engine.until("error")[-1].header
    assert (error["code"], error["fatal"]) == ("protocol_version", True)
    assert f"protocol {PROTOCOL_VERSION}" in error["message"]
    assert "again" in error["hint"]
    assert engine.wait(SOON_SECONDS) == 3


def test_request_before_the_hello_is_refused(start: Start) -> None:
    engine = start(hello=False)
    engine.send("generate", id=1, **GOOD)
    error = engine.until("error")[-1].header
    assert (error["id"], error["code"], error["fatal"]) == (1, "protocol_version", False)


@pytest.mark.parametrize("damage", ["corrupt", "absent"])
def test_default_pack_that_cannot_be_used(start: Start, tmp_path: Path, damage: str) -> None:
    pack = damaged_copy(tmp_path / "pack") if damage == "corrupt" else tmp_path / "nothing here"
    engine = start("--pack", str(pack))
    error = engine.until("error")[-1].header
    assert error["code"] == {"corrupt": "pack_corrupt", "absent": "unknown_pack"}[damage]
    assert error["fatal"]
    assert error["hint"]
    assert engine.wait(SOON_SECONDS) == 1


def test_python_without_pytorch_is_named(start: Start) -> None:
    program = "import sys; sys.modules['torch'] = None; from mld_engine.cli import main; sys.exit(main(sys.argv[1:]))"
    engine = start(program=("-c", program))
    error = engine.until("error")[-1].header
    assert error["fatal"]
    assert "no torch" in error["message"]
    assert "install_deps.py" in error["hint"]
    assert engine.wait(SOON_SECONDS) == 1


def test_log_folder_that_cannot_be_used_is_no_reason_to_stop(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    engine = start("--log-dir", str(tmp_path / "file" / "logs"))
    engine.until("status")
    engine.close_stdin()
    engine.wait(SOON_SECONDS)
    assert "no log file in" in engine.stderr()
