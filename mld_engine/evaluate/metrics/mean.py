# SPDX-License-Identifier: GPL-3.0-or-later
"""What the measures of clips have in common."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Mean:
    """The mean of all numbers that were counted, times `scale`; 0 where there were none."""

    scale = 1.0

    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0

    def value(self) -> float:
        return self.scale * self._sum / self._count if self._count else 0.0

    def _include(self, numbers: NDArray[np.generic]) -> None:
        self._sum += float(numbers.sum())
        self._count += numbers.size
