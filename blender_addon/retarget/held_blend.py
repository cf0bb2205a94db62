# SPDX-License-Identifier: GPL-3.0-or-later
"""Blends for what a take holds still: fingers, controls kept at rest, scales and settings of a control rig."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from .inertialization import values_from
from .options import PoseTrack
from .quaternion import FloatArray

_SAME = 1e-5
"""Largest difference from the present value that needs no blend."""


def blend_held(
    track: PoseTrack,
    present: Mapping[tuple[str, str], tuple[float, ...]],
    gradual: Collection[tuple[str, str]],
    frames_in: int,
    frames_out: int,
) -> PoseTrack:
    """The track with held properties that differ from `present` eased from there and back, each of its numbers by
    itself. Custom properties stay held, but for those in `gradual`: other switches have nothing between their values.
    """
    held, eased = dict(track.held), dict(track.eased)
    last = track.frame_count - 1
    for channel, final in track.held.items():
        start = np.array(present.get(channel, final))
        switch = channel[1].startswith("[") and channel not in gradual
        if switch or np.abs(start - np.array(final)).max() < _SAME:
            continue
        if channel[1] == "rotation_quaternion" and start @ np.array(final) < 0.0:
            start = -start
        values: FloatArray = np.tile(np.array(final, dtype=np.float64), (track.frame_count, 1))
        if min(frames_in, last) > 0:
            values = values_from(start, values, min(frames_in, last))
        if min(frames_out, last) > 0:
            values = values_from(start, values[::-1], min(frames_out, last))[::-1]
        eased[channel] = values
        del held[channel]
    return replace(track, held=held, eased=eased)
