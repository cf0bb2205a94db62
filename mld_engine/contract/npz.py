# SPDX-License-Identifier: GPL-3.0-or-later
"""numpy's `.npz` container, written so that the same arrays give the same bytes, and read without running anything."""

from __future__ import annotations

import io
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MAX_BYTES: Final = 1 << 31
"""What the arrays that are read from one file may take together."""
_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)
_PICKLE_SUFFIXES: Final = frozenset({".pkl", ".pickle"})
_PICKLE_START: Final = b"\x80"
_DAMAGE: Final = (
    EOFError,
    MemoryError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    tokenize.TokenError,
    zlib.error,
)
"""What zipfile and numpy raise on files that claim what they do not hold."""


def npz_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The file's content, uncompressed and undated: compressors and clocks differ, takes must not.

    Raises ValueError for arrays of objects.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(array, order="C"), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", _ZIP_TIME)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, member.getvalue())
    return buffer.getvalue()


def read_npz(path: Path, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Those of the named arrays that are there. Others are not touched: foreign files keep pickled ones beside them.

    Raises ValueError with the reason for a file that is no `.npz`, is damaged, too large, or holds a named array as
    a pickle; OSError where it cannot be opened.
    """
    with path.open("rb") as stream:
        start = stream.read(1)
    if path.suffix.lower() in _PICKLE_SUFFIXES or start == _PICKLE_START:
        raise ValueError("it is a pickle, which can run programs when it is opened, and is left alone")
    try:
        with zipfile.ZipFile(path) as archive:
            held = {entry.filename: entry for entry in archive.infolist()}
            found = {name: held[f"{name}.npy"] for name in names if f"{name}.npy" in held}
            if sum(entry.file_size for entry in found.values()) > MAX_BYTES:
                raise ValueError(f"its arrays take more than {MAX_BYTES >> 30} GB")
            return {name: _array(archive, entry) for name, entry in found.items()}
    except zipfile.BadZipFile as error:
        raise ValueError("it is damaged, or no .npz file") from error
    except _DAMAGE as error:
        raise ValueError(f"it is damaged ({type(error).__name__})") from error


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(entry) as stream:
        try:
            return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))
        except ValueError as error:
            name = entry.filename.removesuffix(".npy")
            reason = "is stored as a pickle, which is not opened" if "bject arrays" in str(error) else "is damaged"
            raise ValueError(f"“{name}” in it {reason}") from error
