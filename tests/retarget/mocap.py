# SPDX-License-Identifier: GPL-3.0-or-later
"""Captured clips from the test data, with contacts told from the speed and height of the feet."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from blender_addon.contract import skeleton
from blender_addon.retarget.source_motion import SourceMotion
from tests.retarget.motions import rotation_vectors

FPS = 30.0
SLOW = 0.25
"""Metres a second below which a low joint stands."""
LOW = np.array([0.12, 0.07, 0.12, 0.07])
"""Metres: highest ankle and toe joints that can stand on the floor."""

Array = NDArray[np.float64]


def clip(shared_dir: Path, action: str, number: int = 0, most: int = 240) -> SourceMotion:
    """The `number`-th clip of at least two seconds of an action, cut to `most` frames; skips where there is no data."""
    folder = shared_dir / "data" / "motion"
    if not (folder / "motion.npz").is_file():
        pytest.skip(f"no captured motion in {folder}")
    clips, rotations, root = _load(folder)
    chosen = [c for c in clips if c.get("action") == action and c["length"] >= 2 * FPS][number]
    part = slice(chosen["start"], chosen["start"] + min(chosen["length"], most))
    still = np.zeros((part.stop - part.start, 4))
    motion = SourceMotion(rotation_vectors(rotations[part]), root[part], still, skeleton.REST_OFFSETS, FPS)
    return SourceMotion(motion.rotations, motion.root, contacts(motion), motion.offsets, FPS)


def contacts(motion: SourceMotion) -> Array:
    """(T, 4) 1 where a joint is low and does not move, to the frame before or to the one after."""
    joints = motion.joints_world()[:, skeleton.CONTACT_JOINTS]
    speed = np.linalg.norm(np.diff(joints, axis=0), axis=-1) * motion.fps
    speed = np.minimum(np.concatenate([speed, speed[-1:]]), np.concatenate([speed[:1], speed]))
    return ((speed < SLOW) & (joints[..., 1] < LOW)).astype(np.float64)


@lru_cache(maxsize=1)
def _load(folder: Path) -> tuple[list[dict[str, Any]], Array, Array]:
    """Clips, rotation vectors (N, 22, 3), pelvis positions (N, 3); kept as second differences in byte planes."""
    listed = json.loads((folder / "clips.json").read_text(encoding="utf-8"))
    clips = listed["clips"] if isinstance(listed, dict) else listed
    packed = np.load(folder / "motion.npz")
    count = int(packed["frames"])

    def unpack(planes: Any, signed: Any, unsigned: Any) -> Any:
        zigzag = np.ascontiguousarray(planes.T).view(unsigned).reshape(-1, count)
        values = ((zigzag >> 1) ^ (~(zigzag & 1) + np.array(1, unsigned))).view(signed)
        return values.cumsum(axis=1, dtype=signed).cumsum(axis=1, dtype=signed).T

    vectors = unpack(packed["rot_planes"], np.int16, np.uint16).reshape(count, -1, 3)
    places = [
        dict(c, start=int(s), length=int(n)) for c, s, n in zip(clips, packed["start"], packed["length"], strict=True)
    ]
    return (
        places,
        vectors.astype(np.float64) * float(packed["step"]),
        unpack(packed["trans_planes"], np.int32, np.uint32) * 1e-4,
    )
