# SPDX-License-Identifier: GPL-3.0-or-later
"""Reduced curves as Blender evaluates them: what was fitted in numpy is what plays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon.animation import compat  # noqa: E402
from blender_addon.animation.keys import write_curves  # noqa: E402
from blender_addon.retarget.bezier_fit import KeyColumns, auto_clamped_handles  # noqa: E402
from blender_addon.retarget.key_reduction import CurveKeys, reduce_track  # noqa: E402
from blender_addon.retarget.options import RetargetOptions  # noqa: E402
from blender_addon.retarget.pipeline import retarget  # noqa: E402
from blender_addon.retarget.rotation_modes import rotation_channels  # noqa: E402
from blender_addon.rig.bone_map import BoneMap  # noqa: E402
from tests.retarget import motions  # noqa: E402
from tests.retarget.curve_oracle import evaluate  # noqa: E402
from tests.rig.humanoids import make_humanoid  # noqa: E402

TOLERANCE = 1e-4
START = 101.0
STYLES: dict[str, dict[str, Any]] = {
    "linear": {"mode": "LINEAR"},
    "aligned": {"mode": "BEZIER"},
    "automatic": {"mode": "BEZIER", "handles": "AUTO_CLAMPED"},
}


def written(armature: Any, curves: list[CurveKeys]) -> list[Any]:
    """The F-curves that Blender has after the keys were written, in the order of the keys."""
    action = bpy.data.actions.new("take")
    write_curves(compat.new_curve_container(action, armature), curves, START)
    found = {(curve.data_path, curve.array_index): curve for curve in compat.fcurves(action)}
    return [found[f'pose.bones["{keys.bone}"].{keys.data_path}', keys.index] for keys in curves]


def assert_plays(curve: Any, keys: CurveKeys, frames: np.ndarray) -> None:
    played = np.array([curve.evaluate(START + frame) for frame in frames])
    assert np.abs(played - evaluate(keys, frames)).max() < TOLERANCE, (keys.bone, keys.data_path, keys.index)


@pytest.mark.parametrize("style", STYLES)
def test_blender_plays_what_was_fitted(style: str, chain: Any, repository: Path) -> None:
    rig, roles = make_humanoid()
    motion = motions.golden_motion(repository, motions.WALK)
    track = retarget(motion, rig, BoneMap(roles), RetargetOptions(scene_fps=30.0))
    curves = reduce_track(rotation_channels(track, rig), track.locations, rig, BoneMap(roles), **STYLES[style])
    frames = np.arange(0.0, track.frames[-1], 0.5)
    for curve, keys in zip(written(chain, curves), curves, strict=True):
        assert_plays(curve, keys, frames)


@pytest.mark.parametrize("style", ["aligned", "automatic"])
def test_an_update_leaves_the_handles_where_they_were_put(style: str, chain: Any) -> None:
    rig, _ = make_humanoid()
    turns = motions.rotation_vectors(np.sin(np.linspace(0.0, 9.0, 120))[:, None] * [0.9, 0.4, -0.2])
    curves = reduce_track({"head": ("rotation_quaternion", turns)}, {}, rig, **STYLES[style])
    for curve, keys in zip(written(chain, curves), curves, strict=True):
        curve.update()
        for number, point in enumerate(curve.keyframe_points):
            assert point.handle_left_type == point.handle_right_type == keys.handle_type
            for got, wanted in ((point.handle_left, keys.left_handles), (point.handle_right, keys.right_handles)):
                assert wanted is not None
                assert np.abs(np.array(got) - wanted[number] - [START, 0.0]).max() < TOLERANCE


@pytest.mark.parametrize("seed", range(8))
def test_automatic_handles_are_blenders_own(seed: int, chain: Any) -> None:
    """On any keys: uneven spans, flat stretches, extrema and overshoots."""
    rng = np.random.default_rng(seed)
    samples = 80
    mask = rng.random((1, samples)) < rng.choice([0.1, 0.3, 0.7])
    mask[0, [0, -1]] = True
    values = np.cumsum(rng.normal(size=(3, 1, samples)), axis=-1)
    if seed % 2:
        values = np.round(values)
    columns = KeyColumns(mask)
    at_keys = columns.at_keys(values).astype(np.float32).astype(np.float64)
    handles = auto_clamped_handles(columns, at_keys)
    frames = columns.frame.astype(np.float64)
    curves = [
        CurveKeys(
            "hips", "location", channel, frames, at_keys[channel],
            np.stack([frames - handles.left_span, at_keys[channel] + handles.left[channel]], axis=-1),
            np.stack([frames + handles.right_span, at_keys[channel] + handles.right[channel]], axis=-1),
            "AUTO_CLAMPED",
        )
        for channel in range(3)
    ]  # fmt: skip
    for curve, keys in zip(written(chain, curves), curves, strict=True):
        assert_plays(curve, keys, np.arange(0.0, samples - 1, 0.25))
