# SPDX-License-Identifier: GPL-3.0-or-later
"""The one change of coordinates: motion is Y up and faces +Z; Blender and AMASS are Z up.

(x, y, z) -> (x, -z, y), a rotation of +90 degrees about X: the character's left stays +X and
the character faces -Y, as Blender expects.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Y_UP_TO_Z_UP: NDArray[np.float64] = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""Matrix C with `v_z_up = C @ v_y_up`."""


def vectors_to_z_up(vectors: NDArray[Any]) -> NDArray[Any]:
    """Points or directions (..., 3), Y up -> the same (..., 3), Z up."""
    out = np.empty_like(vectors)
    out[..., 0] = vectors[..., 0]
    out[..., 1] = -vectors[..., 2]
    out[..., 2] = vectors[..., 1]
    return out
