# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths that may begin with `~`."""

from __future__ import annotations

import contextlib
from pathlib import Path


def home_expanded(text: str) -> Path:
    """With `~` replaced where it names a user's folder; where it names none, it is part of the path."""
    path = Path(text)
    with contextlib.suppress(RuntimeError):
        path = path.expanduser()
    return path
