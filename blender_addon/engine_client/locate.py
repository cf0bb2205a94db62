# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the Python that runs the engine: the environment, then the preference, then what Install made."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import AddonError

ENVIRONMENT_VARIABLE: Final = "MLD_ENGINE_PYTHON"
STAMP_NAME: Final = "mld-stamp.json"
"""Written by install_deps.py (`mld_engine/setup/stamp.py`)."""


class EngineMissing(AddonError):  # noqa: N818 (a state that the panel shows, not a fault)
    """There is no engine to start. `message` says what was looked for, `hint` what to do.

    `install_helps`: whether installing would make the engine be found.
    """

    def __init__(self, message: str, hint: str, *, install_helps: bool = True) -> None:
        super().__init__(message, hint)
        self.install_helps = install_helps


@dataclass(frozen=True)
class EnginePython:
    """A Python executable that exists, and where it was named."""

    python: Path
    source: str
    """`environment`, `preference` or `install`."""


def venv_python(venv: Path) -> Path:
    """The interpreter of a virtual environment on this system; it need not exist."""
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def engine_python(environment: Mapping[str, str], preference: str, install_venv: Path) -> EnginePython:
    """The first of the three places that names a Python.

    A place that names a file which is not there is an error, not a reason to try the next one: whoever
    set it would otherwise be running another engine than they think. Raises EngineMissing.
    """
    named, preferred = environment.get(ENVIRONMENT_VARIABLE, "").strip(), preference.strip()
    if named:
        message = f"{ENVIRONMENT_VARIABLE} names {named}, which is not there."
        hint = "Correct or clear that environment variable, then start Blender again."
        return EnginePython(_existing(_home_expanded(named), message, hint, install_helps=False), "environment")
    if preferred:
        message = f"The engine's Python in the preferences, {preferred}, is not there."
        hint = "Correct that path in the add-on's preferences, or clear it to use the installed engine."
        return EnginePython(_existing(_home_expanded(preferred), message, hint, install_helps=False), "preference")
    message, hint = "The engine is not installed yet.", "Press Install Engine in the MLD tab."
    python = _existing(venv_python(install_venv), message, hint, install_helps=True)
    if not _is_complete(install_venv):
        raise EngineMissing("The engine's installation is not finished.", "Press Install Engine to go on with it.")
    return EnginePython(python, "install")


def is_file(path: Path) -> bool:
    """Also of paths that are too long for the system, at which pathlib's own answer is an error."""
    try:
        return path.is_file()
    except OSError:
        return False


def _is_complete(venv: Path) -> bool:
    """Whether install_deps.py has come to its end: its last act is to say so in the environment."""
    try:
        return json.loads((venv / STAMP_NAME).read_text(encoding="utf-8"))["complete"] is True
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _home_expanded(text: str) -> Path:
    """With `~` replaced, where it names a user's folder."""
    path = Path(text)
    with contextlib.suppress(RuntimeError):
        path = path.expanduser()
    return path


def _existing(python: Path, message: str, hint: str, *, install_helps: bool) -> Path:
    if not is_file(python):
        raise EngineMissing(message, hint, install_helps=install_helps)
    return python
