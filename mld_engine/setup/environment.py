# SPDX-License-Identifier: GPL-3.0-or-later
"""One virtual environment: makes it, repairs it, knows at once when there is nothing to do."""

from __future__ import annotations

import fnmatch
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from . import pip_output, repair, requirements, stamp
from .console import Console
from .errors import SetupError
from .lock import only_one_run
from .plan import Group, PipStep, venv_python
from .process import answer, run_lines

LOCK_NAME: Final = "mld-environment.lock"
PATH_FILE: Final = "motion_latent_diffusion.pth"
_PROBE: Final = (
    "import sys, sysconfig; print('.'.join(map(str, sys.version_info[:3]))); print(sysconfig.get_path('purelib'))"
)
_DEBIAN_VENV: Final = "On Debian and Ubuntu: sudo apt install python3-venv. Then run this again."


@dataclass(frozen=True)
class Interpreter:
    """The environment's Python as it answered just now."""

    version: str
    site_packages: Path


class Environment:
    """The virtual environment in `folder`. `source_root`, if given, is importable from it."""

    def __init__(self, folder: Path, console: Console, *, source_root: Path | None = None) -> None:
        self.folder = folder.absolute()
        self.python = Path(venv_python(str(self.folder), "Windows" if os.name == "nt" else ""))
        self._console = console
        self._source_root = source_root.resolve() if source_root else None

    def known(self) -> stamp.Stamp:
        """What is known to be installed; an empty one for a new or foreign environment."""
        return stamp.read(self.folder) or stamp.Stamp()

    def is_complete(self, fingerprints: Mapping[str, str]) -> bool:
        """Whether all these groups are there, in this form, and nothing was moved or deleted since."""
        known = self.known()
        if not known.complete or any(known.groups.get(name) != mark for name, mark in fingerprints.items()):
            return False
        interpreter = self._interpreter()
        if interpreter is None or interpreter.version != known.python:
            return False
        if not set(known.entries) <= _entries(interpreter.site_packages):
            return False
        return known.source_root == self._source_text() and self._linked(interpreter.site_packages)

    def ensure(self, base_python: str, groups: Sequence[Group], check: Callable[[Path], None]) -> None:
        """Install what is missing of `groups` (in that order), then call `check(python)`; raises SetupError."""
        wanted = {group.name: group.fingerprint for group in groups}
        self._claim_folder()
        with only_one_run(self.folder / LOCK_NAME, self._tell_waiting):
            if self.is_complete(wanted):
                return
            interpreter = self._usable_interpreter(base_python)
            known = self._begin(interpreter)
            missing = [group for group in groups if known.groups.get(group.name) != group.fingerprint]
            steps_in_all = sum(len(group.steps) for group in missing) + 1
            steps_done = 0
            for group in missing:
                known = self._remove_old_form(group, known, interpreter)
                for step in group.steps:
                    self._install(step, steps_done / steps_in_all, 1 / steps_in_all)
                    steps_done += 1
                known = known.with_group(group.name, group.fingerprint)
                stamp.write(self.folder, known)
            self._link(interpreter.site_packages)
            self._console.stage("check", "Checking that it works", steps_done / steps_in_all)
            check(self.python)
            entries = tuple(sorted(_entries(interpreter.site_packages)))
            finished = replace(known, entries=entries, python=interpreter.version, source_root=self._source_text())
            stamp.write(self.folder, replace(finished, complete=True))

    def python_version(self) -> requirements.Version | None:
        """Version of the environment's Python; None when there is none that starts."""
        interpreter = self._interpreter()
        if interpreter is None:
            return None
        major, minor = interpreter.version.split(".")[:2]
        return int(major), int(minor)

    def _tell_waiting(self) -> None:
        self._console.stage("wait", f"Another run is setting up {self.folder}: waiting for it to finish")

    def _claim_folder(self) -> None:
        """Take an empty folder, an environment that works, or one of ours; never touch a folder with other things."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            names = {entry.name for entry in self.folder.iterdir()}
            if names and LOCK_NAME not in names and self._interpreter() is None:
                raise SetupError(
                    f"{self.folder} is not empty, and no virtual environment that works.",
                    "It was not made by this program, so it is left as it is: name another folder with --venv.",
                )
            (self.folder / LOCK_NAME).touch()
        except OSError as error:
            raise SetupError(
                f"The folder {self.folder} cannot be used: {error.strerror or error}.",
                "Name another folder with --venv, or free some space if the disk is full.",
            ) from error

    def _interpreter(self) -> Interpreter | None:
        told = answer([str(self.python), "-I", "-c", _PROBE], seconds=30) if self.python.exists() else None
        if told is None or told.returncode:
            return None
        version, site_packages = told.stdout.splitlines()[:2]
        return Interpreter(version, Path(site_packages))

    def _has_pip(self) -> bool:
        told = answer([str(self.python), "-m", "pip", "--version"])
        return told is not None and told.returncode == 0

    def _usable_interpreter(self, base_python: str) -> Interpreter:
        """Keep the environment whose Python and pip work; otherwise make it anew from `base_python`."""
        interpreter = self._interpreter()
        if interpreter and self._has_pip():
            return interpreter
        if interpreter is None:
            self._empty_folder()
        self._console.stage("environment", f"Making a virtual environment in {self.folder}")
        lines: list[str] = []
        if run_lines([base_python, "-m", "venv", str(self.folder)], lines.append):
            self._make_without_ensurepip(base_python, lines)
        interpreter = self._interpreter()
        if interpreter is None:
            raise SetupError(f"The new environment's Python does not start: {self.python}.", _DEBIAN_VENV, lines[-6:])
        return interpreter

    def _make_without_ensurepip(self, base_python: str, told: Sequence[str]) -> None:
        """Debian ships Python without ensurepip; an outer pip can fill the environment instead."""
        lines = list(told)
        if run_lines([base_python, "-m", "venv", "--without-pip", str(self.folder)], lines.append):
            raise SetupError("Python could not make a virtual environment.", _DEBIAN_VENV, lines[-6:])
        self._console.detail("environment", "this Python has no ensurepip: fetching pip with the pip it has")
        command = [base_python, "-m", "pip", "--python", str(self.python), "install", "--no-input", "pip"]
        if run_lines(command, lines.append):
            raise SetupError("Python could not put pip into the virtual environment.", _DEBIAN_VENV, lines[-6:])

    def _empty_folder(self) -> None:
        leftovers = [entry for entry in self.folder.iterdir() if entry.name != LOCK_NAME]
        if leftovers:
            self._console.stage("environment", "The environment's Python does not start: making it anew")
        for entry in leftovers:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def _begin(self, interpreter: Interpreter) -> stamp.Stamp:
        """Mark the environment as being changed, and clear what an earlier run left behind."""
        known = self.known()
        intact = known.complete and set(known.entries) <= _entries(interpreter.site_packages)
        if not intact or known.python != interpreter.version:
            forgotten = repair.remove_leftovers(interpreter.site_packages)
            if forgotten:
                self._console.detail("repair", f"repairing what was left unfinished: {', '.join(forgotten)}")
            if known.complete:
                # Something vanished from a finished environment: let pip look at every group again.
                known = replace(known, groups={})
        known = replace(known, complete=False)
        stamp.write(self.folder, known)
        return known

    def _remove_old_form(self, group: Group, known: stamp.Stamp, interpreter: Interpreter) -> stamp.Stamp:
        if group.name not in known.groups and known.replacing != group.name:
            return known
        known = replace(known.without(group.name), replacing=group.name)
        stamp.write(self.folder, known)
        old = [
            name
            for name in sorted(repair.installed_names(interpreter.site_packages))
            if any(fnmatch.fnmatch(name, pattern) for pattern in group.replaces)
        ]
        if old:
            self._console.stage("replace", f"Removing {', '.join(old)}: another build is needed now")
            lines: list[str] = []
            if run_lines([str(self.python), "-m", "pip", "uninstall", "--yes", "--quiet", *old], lines.append):
                raise pip_output.explain("Removing the old packages", lines)
        return known

    def _install(self, step: PipStep, begun: float, share: float) -> None:
        self._console.stage("install", step.title, begun)
        lines: list[str] = []
        told = 0

        def on_line(line: str) -> None:
            nonlocal told
            lines.append(line)
            text = pip_output.friendly(line)
            if text:
                told += 1
                # How much is still to come is unknown, so the bar nears the step's end without reaching it.
                fraction = begun + share * (1 - 0.94**told)
                self._console.detail("install", text[0], fraction, important=text[1])

        def on_quiet(seconds: float) -> None:
            self._console.detail("install", f"still at it ({seconds:.0f} s)", begun + share * (1 - 0.94**told))

        command = step.command(str(self.python))
        if run_lines(command, on_line, on_quiet=on_quiet) == 0:
            return
        if step.fallback and pip_output.missing_in_index(lines):
            self._console.detail("install", "PyTorch's own index has no such build: taking it from PyPI")
            self._install(step.fallback, begun, share)
            return
        raise pip_output.explain(step.title, lines)

    def _source_text(self) -> str:
        return str(self._source_root) if self._source_root else ""

    def _path_line(self) -> str:
        """A line for a .pth file; those are read in the system's encoding, so other letters are written as code."""
        text = self._source_text()
        return text if text.isascii() else f"import sys; sys.path.append({text!a})"

    def _linked(self, site_packages: Path) -> bool:
        if self._source_root is None:
            return True
        try:
            return (site_packages / PATH_FILE).read_text(encoding="ascii").strip() == self._path_line()
        except (OSError, UnicodeDecodeError):
            return False

    def _link(self, site_packages: Path) -> None:
        if self._source_root:
            (site_packages / PATH_FILE).write_text(self._path_line() + "\n", encoding="ascii")


def _entries(site_packages: Path) -> set[str]:
    try:
        return {entry.name for entry in site_packages.iterdir()} - {"__pycache__"}
    except OSError:
        return set()
