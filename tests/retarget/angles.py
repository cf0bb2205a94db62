# SPDX-License-Identifier: GPL-3.0-or-later
"""How far two orientations are apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blender_addon.retarget.quaternion import conjugate, multiply


def angle_between(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """The angle (...) [rad] in 0..pi of the rotation from one orientation to the other."""
    relative = multiply(conjugate(first), second)
    return np.asarray(2.0 * np.arctan2(np.linalg.norm(relative[..., 1:], axis=-1), np.abs(relative[..., 0])))
