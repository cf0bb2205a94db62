# SPDX-License-Identifier: GPL-3.0-or-later
"""A source that was opened: what its clips have in common, and the clips."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .found import Found


@dataclass(frozen=True)
class Source:
    """`offsets` (22, 3) metres of the one body that all clips move; `files` write more into the data set's folder."""

    name: str
    fps: float
    offsets: NDArray[np.float32]
    found: Iterator[Found]
    files: tuple[Callable[[Path], None], ...] = ()
