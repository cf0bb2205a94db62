# SPDX-License-Identifier: GPL-3.0-or-later
"""A session with the real engine, and sessions with small programs that misbehave in one way each."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blender_addon.contract import source_root
from blender_addon.engine_client.environment import child_environment
from blender_addon.engine_client.process import Launch, serve_launch
from blender_addon.engine_client.session import EngineSession

SCRIPT_HEAD = f"""
import sys, time
sys.path.insert(0, {str(source_root())!r})
from mld_engine.contract.protocol import read_message, write_message
def receive(): return read_message(sys.stdin.buffer)
def send(**header): write_message(sys.stdout.buffer, header)
def hello(protocol=1):
    send(type="hello", protocol=protocol, engine_version="0", pid=1, device="cpu", device_name="CPU",
         packs=[], default_pack="research")
"""


@pytest.fixture(scope="session")
def engine_python() -> Path:
    """The Python of the engine's environment; skips where there is none."""
    named = os.environ.get("MLD_ENGINE_PYTHON")
    if not named:
        pytest.skip("MLD_ENGINE_PYTHON is not set: it names the Python of an environment with the engine's packages")
    return Path(named)


@pytest.fixture
def real_session(engine_python: Path, tmp_path: Path) -> Iterator[EngineSession]:
    """A session whose engine is the real one; not started."""
    session = EngineSession(
        lambda: serve_launch(
            engine_python, source_root=source_root(), log_dir=tmp_path / "logs", device="cpu", environment=os.environ
        )
    )
    yield session
    session.close()


@pytest.fixture
def scripted_session(tmp_path: Path) -> Iterator[Callable[..., EngineSession]]:
    """Makes sessions that start a Python program: its text follows SCRIPT_HEAD."""
    sessions: list[EngineSession] = []

    def make(text: str, **limits: float) -> EngineSession:
        script = tmp_path / f"engine_{len(sessions)}.py"
        script.write_text(SCRIPT_HEAD + text, encoding="utf-8")
        launch = Launch((sys.executable, str(script)), tmp_path, child_environment(os.environ), tmp_path / "logs")
        sessions.append(EngineSession(lambda: launch, **limits))
        return sessions[-1]

    yield make
    for session in sessions:
        session.close()
