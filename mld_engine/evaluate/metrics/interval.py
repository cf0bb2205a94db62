# SPDX-License-Identifier: GPL-3.0-or-later
"""A figure measured several times, with the interval that the published tables give."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Interval(NamedTuple):
    """mean, and half of its 95 % interval: 1.96 std / sqrt(repeats), 0 for a single one."""

    mean: float
    half_width: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Interval:
        if not values:
            raise ValueError("an interval needs one value or more")
        # The standard deviation of the sample as published: divided by n, not n - 1.
        return cls(float(np.mean(values)), 1.96 * float(np.std(values)) / math.sqrt(len(values)))
