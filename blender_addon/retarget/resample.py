# SPDX-License-Identifier: GPL-3.0-or-later
"""From the motion's frames to the scene's: which moments get a key."""

from __future__ import annotations

import numpy as np

from .errors import RetargetError
from .quaternion import FloatArray
from .source_motion import SourceMotion


def key_frames(seconds: float, scene_fps: float) -> FloatArray:
    """Frames 0 .. N of a take of N = round(seconds * scene_fps) frames: the last key ends the last frame.

    Raises RetargetError for a take that is shorter than one frame of the scene.
    """
    count = round(seconds * scene_fps)
    if count < 1:
        raise RetargetError(
            f"A take of {seconds:g} seconds is shorter than one frame at {scene_fps:g} frames per second.",
            "Ask for a longer take, or raise the scene's frame rate.",
        )
    return np.arange(count + 1, dtype=np.float64)


def to_scene_rate(motion: SourceMotion, frames: FloatArray, scene_fps: float) -> SourceMotion:
    """The motion at each of `frames` (F,), which lie at frame / scene_fps seconds.

    At the motion's own rate key i is frame i itself. Beyond the last frame of the motion it is held.
    """
    return motion.resampled(frames / scene_fps, scene_fps)
