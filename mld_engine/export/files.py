# SPDX-License-Identifier: GPL-3.0-or-later
"""Output files: checked before the work starts, and either written whole or not there at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ..errors import EngineError, RequestError


def numbered_paths(path: Path, count: int) -> list[Path]:
    """`take.npz` -> [`take.npz`] for one take, [`take_000.npz`, `take_001.npz`, ...] for several."""
    if count == 1:
        return [path]
    return [path.with_name(f"{path.stem}_{index:03d}{path.suffix}") for index in range(count)]


def check_output_path(path: Path, suffix: str) -> None:
    """Find out now, and not after minutes of work, that `path` cannot be written.

    Nothing is left behind: folders that are missing are made when the file is written.

    Raises RequestError for a wrong file name, EngineError for a folder that does not take files.
    """
    if path.suffix.lower() != suffix:
        raise RequestError(
            "output_failed", f"{path} does not end in {suffix}.", f"Give a file name that ends in {suffix}."
        )
    if path.is_dir():
        raise RequestError("output_failed", f"{path} is a folder.", f"Give the name of a {suffix} file in it.")
    folder = _nearest_existing(path.parent)
    try:
        if not folder.is_dir():
            raise NotADirectoryError(0, "it is a file, not a folder")
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _failed(path, f"nothing can be written in {folder}", error) from error


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A binary stream whose content becomes `path` when the block ends without an error.

    The bytes go to a temporary file in the same folder that then takes the place of `path`: a
    full disk or a crash leaves an older file as it was, and never half a file.

    Raises EngineError (`output_failed`) where the folder or the file cannot be written.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        _give_usual_permissions(temporary)
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise _failed(path, "it was not written", error) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


def _nearest_existing(folder: Path) -> Path:
    for candidate in (folder, *folder.absolute().parents):
        if candidate.exists():
            return candidate
    return Path(folder.anchor or ".")


def _give_usual_permissions(path: Path) -> None:
    """mkstemp makes files private (0600); give what a plain open() would have given."""
    if os.name == "posix":
        mask = os.umask(0)
        os.umask(mask)
        path.chmod(0o666 & ~mask)


def _failed(path: Path, what: str, error: OSError) -> EngineError:
    reason = error.strerror or str(error)
    return EngineError(
        "output_failed",
        f"Cannot save {path}: {what} ({reason}).",
        "Free some disk space or choose another folder.",
    )
