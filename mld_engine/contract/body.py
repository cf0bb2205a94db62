# SPDX-License-Identifier: GPL-3.0-or-later
"""A skinned SMPL body as plain arrays: what the engine makes of the user's model file, and the add-on builds.

Metres, Y up, left +X, facing +Z, in the T-pose with world-aligned joint frames, as in `skeleton`. The origin is the
model's own. Shape parameters (betas) move vertices and joints linearly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from . import skeleton
from .npz import npz_bytes, read_npz

FORMAT: Final = 1
_FINGERS: Final = tuple(
    f"{side}_{finger}{phalanx}"
    for side in ("left", "right")
    for finger in ("index", "middle", "pinky", "ring", "thumb")
    for phalanx in (1, 2, 3)
)
JOINT_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "SMPL": (*skeleton.JOINT_NAMES, "left_hand", "right_hand"),
    "SMPL-H": (*skeleton.JOINT_NAMES, *_FINGERS),
    "SMPL-X": (*skeleton.JOINT_NAMES, "jaw", "left_eye", "right_eye", *_FINGERS),
}
"""Model -> its joints in order (24, 52, 55)."""
VERTEX_COUNTS: Final[dict[str, int]] = {"SMPL": 6890, "SMPL-H": 6890, "SMPL-X": 10475}
MAX_BETAS: Final = 10


@dataclass(frozen=True, eq=False)
class Body:
    """V vertices, F triangles, J joints, B shape parameters. Raises ValueError where they do not fit together."""

    model: str
    """A key of JOINT_NAMES."""
    vertices: NDArray[np.float32]
    """(V, 3) with all betas at 0."""
    shape_directions: NDArray[np.float32]
    """(B, V, 3) what one unit of each beta adds."""
    joints: NDArray[np.float32]
    """(J, 3) with all betas at 0."""
    joint_directions: NDArray[np.float32]
    """(B, J, 3)"""
    parents: NDArray[np.int32]
    """(J,) -1 for the pelvis."""
    weights: NDArray[np.float32]
    """(V, J) skinning weights, each row adding up to 1."""
    faces: NDArray[np.int32]
    """(F, 3) vertex indices, counter-clockwise from outside."""
    betas: NDArray[np.float32]
    """(B,) the shape to begin with."""

    def __post_init__(self) -> None:
        if self.model not in JOINT_NAMES:
            raise ValueError(f"it holds a {self.model!r} body")
        betas, vertices, joints = len(self.betas), VERTEX_COUNTS[self.model], len(JOINT_NAMES[self.model])
        shapes = {
            "vertices": (vertices, 3),
            "shape_directions": (betas, vertices, 3),
            "joints": (joints, 3),
            "joint_directions": (betas, joints, 3),
            "parents": (joints,),
            "weights": (vertices, joints),
            "faces": (len(self.faces), 3),
            "betas": (betas,),
        }
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.shape != shape:
                raise ValueError(f"its {name} have the shape {array.shape}, expected {shape}")
            if not np.isfinite(array).all():
                raise ValueError(f"its {name} hold values that are not finite")
        if self.faces.size and not 0 <= self.faces.min() <= self.faces.max() < vertices:
            raise ValueError("its faces name vertices that it does not have")
        if self.parents[0] != -1 or not all(0 <= parent < joint for joint, parent in enumerate(self.parents[1:], 1)):
            raise ValueError("its joints are in no order from the pelvis outwards")

    @property
    def joint_names(self) -> tuple[str, ...]:
        return JOINT_NAMES[self.model]


def shaped(
    points: NDArray[Any], directions: NDArray[Any], betas: Sequence[float] | NDArray[Any]
) -> NDArray[np.float64]:
    """Points (N, 3) and what each beta adds to them (B, N, 3) -> (N, 3) for betas (B,)."""
    moved = np.tensordot(np.asarray(betas, np.float64), np.asarray(directions, np.float64), axes=1)
    return np.asarray(np.asarray(points, np.float64) + moved)


def to_bytes(body: Body) -> bytes:
    """The body as `.npz`."""
    arrays = {field.name: np.asarray(getattr(body, field.name)) for field in fields(Body)}
    return npz_bytes({"format": np.array(FORMAT), **arrays})


def read(path: Path) -> Body:
    """Raises ValueError with the reason, as the end of a sentence, for what is no such file; OSError for no file."""
    names = [field.name for field in fields(Body)]
    content = read_npz(path, ["format", *names])
    if missing := {"format", *names} - set(content):
        raise ValueError(f"it has no {min(missing)}")
    if content["format"].size != 1 or content["format"] != FORMAT:
        raise ValueError("it was written by another version")
    values: dict[str, Any] = {name: content[name] for name in names if name != "model"}
    if any(array.dtype.kind not in "fiu" for array in values.values()):
        raise ValueError("it holds something else than numbers")
    return Body(model=str(content["model"]), **values)
