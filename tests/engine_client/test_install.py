# SPDX-License-Identifier: GPL-3.0-or-later
"""The installer runs a script in a real Python: progress, failure, cancel of the whole process tree, going on."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blender_addon.contract import source_root
from blender_addon.engine_client.install import (
    InstallEnded,
    Installer,
    InstallEvent,
    InstallProgress,
    InstallState,
    find_python,
    python_candidates,
)

Run = Callable[[str], Installer]


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Run]:
    """Starts an installer on a script of this text."""
    installers: list[Installer] = []

    def start(text: str, *arguments: str) -> Installer:
        script = tmp_path / "script.py"
        script.write_text("import sys, time, json\n" + text, encoding="utf-8")
        installer = Installer()
        installers.append(installer)
        installer.start([Path(sys.executable)], script, arguments, log_dir=tmp_path / "logs", environment=os.environ)
        return installer

    yield start
    for installer in installers:
        installer.close()


def events_of(installer: Installer, seconds: float = 30.0) -> list[InstallEvent]:
    """Everything up to the end."""
    events: list[InstallEvent] = []
    deadline = time.monotonic() + seconds
    while not events or not isinstance(events[-1], InstallEnded):
        assert time.monotonic() < deadline
        events += installer.poll()
        time.sleep(0.01)
    return events


def test_progress_lines_then_the_engines_python(install: Run, tmp_path: Path) -> None:
    installer = install(
        """
print(json.dumps({"stage": "torch", "message": "Downloading torch", "fraction": 0.25}))
print("a line of pip's own")
print(json.dumps({"stage": "check", "message": "Checking", "fraction": None}))
print(json.dumps({"stage": "done", "message": "ready", "fraction": 1.0, "python": "/engine/bin/python"}))
print("/engine/bin/python")
"""
    )
    assert installer.state is InstallState.RUNNING
    *progress, ended = events_of(installer)
    assert progress == [InstallProgress("torch", "Downloading torch", 0.25), InstallProgress("check", "Checking", None)]
    assert (ended.state, ended.python) == (InstallState.DONE, Path("/engine/bin/python"))
    assert installer.state is InstallState.DONE
    assert "a line of pip's own" in (tmp_path / "logs" / "install.log").read_text(encoding="utf-8")


def test_the_scripts_own_words_for_a_failure(install: Run) -> None:
    installer = install(
        'print(json.dumps({"stage": "failed", "message": "the disk is full", "hint": "Free some space."})); sys.exit(1)'
    )
    ended = events_of(installer)[-1]
    assert ended.state is InstallState.FAILED
    assert "the disk is full" in ended.message
    assert ended.hint == "Free some space."


def test_a_script_that_breaks_shows_its_last_line(install: Run) -> None:
    ended = events_of(install("raise ValueError('something broke')"))[-1]
    assert ended.state is InstallState.FAILED
    assert "something broke" in ended.message


def test_ending_well_without_an_engine_is_a_failure(install: Run) -> None:
    assert events_of(install("print('{}')"))[-1].state is InstallState.FAILED


@pytest.mark.skipif(sys.platform == "win32", reason="reads process states")
def test_cancel_ends_the_children_too_and_it_can_run_again(install: Run) -> None:
    installer = install(
        """
import subprocess
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(json.dumps({"stage": "pip", "message": str(child.pid), "fraction": None}), flush=True)
time.sleep(600)
"""
    )
    events: list[InstallEvent] = []
    while not events:
        events = installer.poll()
        time.sleep(0.01)
    child = int(events[0].message)
    installer.cancel()
    ended = events_of(installer)[-1]
    assert ended.state is InstallState.CANCELLED
    assert "go on" in ended.hint
    deadline = time.monotonic() + 5.0
    while Path(f"/proc/{child}/stat").exists() and Path(f"/proc/{child}/stat").read_text().split()[2] != "Z":
        assert time.monotonic() < deadline, "the child outlived the installation"
        time.sleep(0.02)

    again = install('print(json.dumps({"stage": "done", "python": "p"}))')
    assert events_of(again)[-1].state is InstallState.DONE


def test_the_real_script_understands_our_arguments(tmp_path: Path) -> None:
    """A wrong option of install_deps.py would come back as a failure with argparse's usage."""
    installer = Installer()
    arguments = ["--venv", str(tmp_path / "venv"), "--cpu", "--dry-run"]
    installer.start(
        [Path(sys.executable)],
        source_root() / "install_deps.py",
        arguments,
        log_dir=tmp_path / "logs",
        environment=os.environ,
    )
    ended = events_of(installer)[-1]
    assert "unrecognized" not in ended.message
    assert "usage" not in ended.message
    assert not (tmp_path / "venv").exists()


def test_only_a_python_is_taken_for_one(tmp_path: Path) -> None:
    not_python = tmp_path / "python3"
    not_python.write_text("#!/bin/sh\necho hello\n", encoding="utf-8")
    not_python.chmod(0o755)
    assert find_python([tmp_path / "blender", not_python]) is None
    assert find_python([not_python, Path(sys.executable)]) == Path(sys.executable)
    assert find_python(python_candidates(sys.executable, sys.prefix)) is not None


def test_no_python_at_all(tmp_path: Path) -> None:
    installer = Installer()
    installer.start([], tmp_path / "script.py", [], log_dir=tmp_path, environment={})
    ended = events_of(installer)[-1]
    assert ended.state is InstallState.FAILED
    assert "install_deps.py" in ended.hint
