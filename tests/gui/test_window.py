# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions in a real Blender window (see the files named click_*), where Blender and a screen are there.

Needs Blender on PATH or in MLD_BLENDER, `xdotool`, the engine's Python in MLD_ENGINE_PYTHON, and either a
DISPLAY or `Xvfb`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.gui

Result = dict[str, Any]


@pytest.fixture
def blender() -> str:
    program = os.environ.get("MLD_BLENDER") or shutil.which("blender")
    if not program:
        pytest.skip("Blender is not on PATH; set MLD_BLENDER to run the window test")
    if not shutil.which("xdotool"):
        pytest.skip("xdotool is not installed; it moves the mouse of the window test")
    return program


@pytest.fixture
def engine_python() -> str:
    python = os.environ.get("MLD_ENGINE_PYTHON")
    if not python:
        pytest.skip("MLD_ENGINE_PYTHON is not set; install_deps.py --test sets it")
    return python


@pytest.fixture
def display() -> Iterator[str]:
    if not shutil.which("Xvfb"):
        if "DISPLAY" not in os.environ:
            pytest.skip("neither DISPLAY nor Xvfb is there to show a window on")
        yield os.environ["DISPLAY"]
        return
    name = ":97"
    server = subprocess.Popen(["Xvfb", name, "-screen", "0", "1600x900x24", "+extension", "GLX"])
    time.sleep(2.0)
    yield name
    server.terminate()
    server.wait(10)


@pytest.fixture
def click(blender: str, engine_python: str, display: str, tmp_path: Path, repository: Path) -> Callable[[str], Result]:
    """`click("click_generate")` runs that script in a window and gives what it found."""

    def run(script: str) -> Result:
        path = repository / "tests" / "gui" / f"{script}.py"
        command = [blender, "--factory-startup", "--window-geometry", "0", "0", "1600", "900", "--python", str(path)]
        finished = subprocess.run(
            [*command, "--", "--shots", str(tmp_path), "--engine-python", engine_python],
            env={**os.environ, "DISPLAY": display},
            timeout=400,
            check=False,
        )
        result: Result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
        assert finished.returncode == 0, result["error"]
        return result

    return run


def test_prompt_typed_and_generate_clicked(click: Callable[[str], Result]) -> None:
    result = click("click_generate")
    assert result["nla_strips"]
    # Drawing without a GPU takes its time too; a window that waited for the engine would stand still all along.
    assert result["largest_pause_seconds"] < 0.5 * result["click_to_keys_seconds_first"], "the window stood still"


def test_bones_chosen_saved_and_loaded_and_drive_switched(click: Callable[[str], Result]) -> None:
    result = click("click_bones")
    assert (result["saved"], result["control_mode"]) == (["Hand made"], "IK")
    assert result["loaded"]


def test_model_chosen_take_chained_files_exchanged_and_body_added(click: Callable[[str], Result]) -> None:
    result = click("click_files")
    assert (result["model"], result["condition"], result["chained_seconds"]) == ("labels", "ACTION", 14.0)
    assert result["imported"] == "foreign"
    assert result["head_moved_metres"] > 0.01
    # Adding the mesh is one pause; a window that waited for the engine to read the file would stand still all along.
    assert result["largest_pause_seconds"] < 0.5 * result["body_seconds"], "the window stood still"
