# SPDX-License-Identifier: GPL-3.0-or-later
"""SHA-256 of files that may be larger than memory."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

_READ_BYTES: Final = 1 << 20


def file_sha256(path: Path) -> str:
    """SHA-256 of a file in hexadecimal, read in blocks. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()
