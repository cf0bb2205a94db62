# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrays that grow on disk row by row and end as plain .npy files."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_HEADER_BYTES: Final = 128
_MAGIC: Final = b"\x93NUMPY\x01\x00"


class NpyAppender:
    """Writes a float32 .npy file whose number of rows is known only at the end.

    The header (NEP 1, version 1.0) has a fixed size: room is left for it, and `close` fills it in.
    """

    def __init__(self, path: Path, row_shape: tuple[int, ...]) -> None:
        self.rows = 0
        self._row_shape = row_shape
        self._file = path.open("wb")
        self._file.write(b"\0" * _HEADER_BYTES)

    def append(self, rows: NDArray[Any]) -> None:
        """`rows` (n, *row_shape)."""
        assert rows.shape[1:] == self._row_shape, f"rows are {rows.shape[1:]}, not {self._row_shape}"
        self._file.write(np.ascontiguousarray(rows, dtype="<f4").tobytes())
        self.rows += len(rows)

    def close(self) -> None:
        shape = (self.rows, *self._row_shape)
        text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode("ascii")
        length = _HEADER_BYTES - len(_MAGIC) - 2
        with self._file:
            self._file.seek(0)
            self._file.write(_MAGIC + length.to_bytes(2, "little") + text.ljust(length - 1) + b"\n")

    def __enter__(self) -> NpyAppender:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()
