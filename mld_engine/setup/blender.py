# SPDX-License-Identifier: GPL-3.0-or-later
"""A Blender to run things in: its wheel in an environment of its own, or a Blender that is installed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import checks, plan, requirements
from .console import Console
from .environment import Environment
from .errors import PythonMissing, SetupError
from .process import answer
from .pythons import find_python

DEFAULT_VERSION: Final = "5.0"


@dataclass(frozen=True)
class Blender:
    """`program` starts a Python script with Blender's API: a Python with the wheel, or Blender itself."""

    program: Path
    is_wheel: bool
    version: str

    def script_command(self, script: Path, arguments: Sequence[str]) -> list[str]:
        """The command that runs a script file with arguments, without a window."""
        if self.is_wheel:
            return [str(self.program), str(script), *arguments]
        options = ["--background", "--factory-startup", "--python-exit-code", "1", "--python", str(script), "--"]
        return [str(self.program), *options, *arguments]


def wheel_environment(venv: Path, version: str, console: Console) -> Environment:
    """The environment beside the engine's that holds Blender `version` as a Python module."""
    return Environment(venv.parent / f"{venv.name}-bpy-{version}", console)


def ensure_wheel(venv: Path, version: str, console: Console, *, test_tools: bool) -> Blender:
    """Set up what is missing of Blender's wheel. Raises SetupError, also when there is no Python for it."""
    environment = wheel_environment(venv, version, console)
    groups = [plan.bpy_group(version), *([plan.test_tools_group(lint=False)] if test_tools else [])]
    if not environment.is_complete({group.name: group.fingerprint for group in groups}):
        base_python = find_python(requirements.BLENDER_PYTHON)
        if base_python is None:
            wanted = ".".join(map(str, requirements.BLENDER_PYTHON))
            raise PythonMissing(
                f"Blender {version} as a Python module needs Python {wanted}, and none was found.",
                f"Install Python {wanted}, or name your own Blender: --blender PATH.",
            )
        console.stage("plan", f"Setting up Blender {version} as a Python module in {environment.folder}")
        environment.ensure(base_python, groups, checks.run_bpy_import)
    return Blender(environment.python, is_wheel=True, version=version)


def installed_blender(path: str) -> Blender:
    """The Blender that the user named. Raises SetupError when it is not there, does not start or is too old."""
    found = shutil.which(path) or path
    told = answer([found, "--background", "--version"])
    words = told.stdout.split() if told else []
    if told is None or told.returncode or words[:1] != ["Blender"]:
        raise SetupError(f"{path} is no Blender that starts.", "Name the Blender program itself with --blender PATH.")
    version = words[1]
    if tuple(int(part) for part in version.split(".")[:2]) < (4, 2):
        raise SetupError(f"{path} is Blender {version}.", "The add-on needs Blender 4.2 or newer.")
    return Blender(Path(found), is_wheel=False, version=version)


def any_blender(venv: Path, named: str | None, console: Console) -> Blender:
    """The Blender that was named, else the wheel, else one on PATH. Raises SetupError when there is none."""
    if named:
        return installed_blender(named)
    try:
        return ensure_wheel(venv, DEFAULT_VERSION, console, test_tools=False)
    except SetupError:
        on_path = shutil.which("blender")
        if on_path is None:
            raise
        console.detail("blender", f"using the installed Blender instead: {on_path}")
        return installed_blender(on_path)
