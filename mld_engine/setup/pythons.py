# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds Python interpreters of a given version: this one, PATH, the Windows launcher, pyenv, uv, usual folders."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from . import requirements
from .errors import SetupError
from .process import answer

_PROBE: Final = (
    "import struct, sys, venv\n"
    "print(sys.implementation.name, *sys.version_info[:2], struct.calcsize('P') * 8, sys.executable, sep='\\n')"
)


def current() -> requirements.Version:
    return (sys.version_info[0], sys.version_info[1])


def engine_base_python() -> tuple[str, requirements.Version]:
    """The interpreter that the engine's environment is made from: this one if the packages support it.

    Raises SetupError when neither this nor any other Python here is supported.
    """
    if current() in requirements.ENGINE_PYTHONS and sys.maxsize > 2**32:
        return sys.executable, current()
    for version in requirements.ENGINE_PYTHONS:
        found = find_python(version)
        if found:
            return found, version
    here = f"{sys.version_info[0]}.{sys.version_info[1]}" + ("" if sys.maxsize > 2**32 else " (32-bit)")
    raise SetupError(
        f"The engine's packages do not support this Python, {here}, and no other one was found.",
        "Install a 64-bit Python 3.10 to 3.13, from python.org or your system's packages, and run this again.",
    )


def find_python(version: requirements.Version) -> str | None:
    """The first 64-bit CPython of that version that starts and can make virtual environments."""
    if current() == version and sys.maxsize > 2**32:
        return sys.executable
    seen: set[str] = set()
    for command in _candidates(version):
        if command[0] in seen:
            continue
        seen.add(command[0])
        told = answer([*command, "-I", "-c", _PROBE], seconds=20)
        if told is None or told.returncode:
            continue
        lines = told.stdout.split("\n")
        if lines[:4] == ["cpython", str(version[0]), str(version[1]), "64"]:
            return lines[4].strip()
    return None


def _candidates(version: requirements.Version) -> Iterator[Sequence[str]]:
    name = f"{version[0]}.{version[1]}"
    executable = "python.exe" if os.name == "nt" else f"bin/python{name}"
    for command in (f"python{name}", "python3", "python"):
        found = shutil.which(command)
        if found:
            yield (found,)
    launcher = shutil.which("py")
    if launcher:
        yield (launcher, f"-{name}")
    for folder in _version_folders(name):
        if (folder / executable).is_file():
            yield (str(folder / executable),)


def _version_folders(name: str) -> Iterator[Path]:
    """Folders of the shape <prefix>/bin/python (Windows: <prefix>/python.exe), newest release first."""
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv")
    for root in (pyenv / "versions", pyenv / "pyenv-win" / "versions", home / ".pyenv" / "pyenv-win" / "versions"):
        yield from sorted(root.glob(f"{name}*"), reverse=True)
    uv = os.environ.get("UV_PYTHON_INSTALL_DIR") or home / ".local" / "share" / "uv" / "python"
    yield from sorted(Path(uv).glob(f"cpython-{name}*"), reverse=True)
    local = os.environ.get("LOCALAPPDATA")
    if local:
        yield Path(local) / "Programs" / "Python" / f"Python{name.replace('.', '')}"
    for prefix in ("/opt/homebrew", "/usr/local", "/usr", f"/Library/Frameworks/Python.framework/Versions/{name}"):
        yield Path(prefix)
