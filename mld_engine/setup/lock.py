# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps two runs from changing one environment at the same time. The system frees the lock when a run dies."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from .errors import SetupError

POLL_SECONDS: Final = 0.3
PATIENCE_SECONDS: Final = 45 * 60.0

if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import errno
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            # Some network file systems know no locks; an environment there is still better than none.
            return error.errno not in {errno.EWOULDBLOCK, errno.EACCES}
        return True

    def _unlock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Hold the lock file `path` if nobody else does; tells whether it is held."""
    with path.open("ab") as file:
        gained = _try_lock(file)
        try:
            yield gained
        finally:
            if gained:
                _unlock(file)


@contextmanager
def only_one_run(path: Path, on_wait: Callable[[], None], patience: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Hold the lock file `path`; `on_wait` is called once if another run holds it.

    Raises SetupError when the other run takes longer than `patience` seconds.
    """
    with path.open("ab") as file:
        deadline = time.monotonic() + patience
        waiting = False
        while not _try_lock(file):
            if not waiting:
                waiting = True
                on_wait()
            if time.monotonic() > deadline:
                raise SetupError(
                    f"Another run has been setting up {path.parent} for {patience / 60:.0f} minutes.",
                    "End that run, then start this one again: it goes on where the other one was.",
                )
            time.sleep(POLL_SECONDS)
        try:
            yield
        finally:
            _unlock(file)
