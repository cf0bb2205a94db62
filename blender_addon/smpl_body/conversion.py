# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the engine's `body` command on the user's model file, without the caller waiting for it. No bpy."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ..contract import body as body_file
from ..engine_client.environment import child_environment, hidden_window
from ..engine_client.locate import is_file
from ..errors import AddonError

LIMIT_SECONDS: Final = 600.0
_PREFIX: Final = "mld_engine: error: "
_HINT: Final = "Start it again; if that fails, repair the engine (Engine in the MLD tab)."


class BodyError(AddonError):
    """A body that cannot be made. `message` says why and what to do."""


class Conversion:
    """One run of `python -m mld_engine body`; its file lies in a folder that goes when this is closed."""

    def __init__(self, python: Path, model_file: Path, *, source_root: Path, environment: Mapping[str, str]) -> None:
        """Raises BodyError when it cannot be started."""
        if not is_file(model_file):
            raise BodyError(f"There is no file {model_file}.", "Choose your own SMPL, SMPL-H or SMPL-X file.")
        self.model_file = model_file
        self._folder = tempfile.TemporaryDirectory(prefix="mld-body-", ignore_cleanup_errors=True)
        self._made = Path(self._folder.name) / "body.npz"
        try:
            # To a file and not through a pipe, which would fill up while nobody reads it.
            with self._said.open("wb") as said:
                self._popen = subprocess.Popen(
                    [str(python), "-m", "mld_engine", "body", str(model_file.absolute()), "--out", str(self._made)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                    cwd=source_root,
                    env=child_environment(environment, source_root),
                    **hidden_window(),
                )
        except OSError as error:
            self._folder.cleanup()
            raise BodyError(f"The engine's Python cannot be started: {error}.", _HINT) from error

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    def wait(self) -> None:
        """Until it has ended. Raises BodyError when that takes too long."""
        try:
            self._popen.wait(LIMIT_SECONDS)
        except subprocess.TimeoutExpired as error:
            self.close()
            raise BodyError(f"The engine has not read {self.model_file.name} in {LIMIT_SECONDS:g} s.", _HINT) from error

    def result(self) -> body_file.Body:
        """The body, once it has ended. Raises BodyError with the engine's reason when there is none."""
        if self._popen.returncode:
            raise BodyError(self._reason())
        try:
            return body_file.read(self._made)
        except (OSError, ValueError) as error:
            raise BodyError(
                f"What the engine made of {self.model_file.name} cannot be read: {error}.", _HINT
            ) from error

    def close(self) -> None:
        """End it where it still runs, and remove its folder."""
        if self.running:
            self._popen.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(5.0)
        self._folder.cleanup()

    @property
    def _said(self) -> Path:
        return Path(self._folder.name) / "said.txt"

    def _reason(self) -> str:
        lines = self._said.read_text(encoding="utf-8", errors="replace").splitlines()
        told = next((line for line in reversed(lines) if line.startswith(_PREFIX)), None)
        if told is not None:
            return told.removeprefix(_PREFIX)
        last = next((line for line in reversed(lines) if line.strip()), f"exit status {self._popen.returncode}")
        return f"The engine failed on {self.model_file.name}: {last}. {_HINT}"
