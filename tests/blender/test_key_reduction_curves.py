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
from blender_addon.animation.take import write_take  # noqa: E402
from blender_addon.retarget.bezier_fit import KeyColumns, automatic_slopes  # noqa: E402
from blender_addon.retarget.effector_error import EFFECTOR_ROLES, body_scale  # noqa: E402
from blender_addon.retarget.key_reduction import CurveKeys, HandleType, reduce_track  # noqa: E402
from blender_addon.retarget.options import PoseTrack, RetargetOptions  # noqa: E402
from blender_addon.retarget.pipeline import retarget  # noqa: E402
from blender_addon.retarget.rotation_modes import rotation_channels  # noqa: E402
from blender_addon.rig.blender_snapshot import read_rig  # noqa: E402
from blender_addon.rig.bone_map import BoneMap, detect  # noqa: E402
from tests.blender.tracks import metadata  # noqa: E402
from tests.retarget import motions  # noqa: E402
from tests.retarget.curve_oracle import evaluate  # noqa: E402
from tests.retarget.limb_oracle import rotation_degrees  # noqa: E402
from tests.rig.humanoids import make_humanoid  # noqa: E402

TOLERANCE = 1e-4
START = 101.0
STYLES: dict[str, dict[str, Any]] = {
    "linear": {"mode": "LINEAR"},
    "mixed": {"mode": "BEZIER"},
    "automatic": {"mode": "BEZIER", "handles": "AUTO_CLAMPED"},
    "fitted": {"mode": "BEZIER", "handles": "ALIGNED"},
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


@pytest.mark.parametrize("style", ["mixed", "automatic", "fitted"])
def test_an_update_leaves_the_handles_where_they_were_put(style: str, chain: Any) -> None:
    rig, _ = make_humanoid()
    turns = motions.rotation_vectors(np.sin(np.linspace(0.0, 9.0, 120))[:, None] * [0.9, 0.4, -0.2])
    curves = reduce_track({"head": ("rotation_quaternion", turns)}, {}, rig, **STYLES[style])
    for curve, keys in zip(written(chain, curves), curves, strict=True):
        curve.update()
        for number, point in enumerate(curve.keyframe_points):
            assert keys.automatic is not None
            kind = "AUTO_CLAMPED" if keys.automatic[number] else "ALIGNED"
            assert point.handle_left_type == point.handle_right_type == kind
            for got, wanted in ((point.handle_left, keys.left_handles), (point.handle_right, keys.right_handles)):
                assert wanted is not None
                assert np.abs(np.array(got) - wanted[number] - [START, 0.0]).max() < TOLERANCE


def test_new_curves_are_smoothed_as_blender_smooths_its_own(chain: Any) -> None:
    """So that a key which the animator adds or moves does what it does on every other curve."""
    rig, _ = make_humanoid()
    turns = motions.rotation_vectors(np.sin(np.linspace(0.0, 9.0, 60))[:, None] * [0.9, 0.4, -0.2])
    curves = reduce_track({"head": ("rotation_quaternion", turns)}, {}, rig)
    chain.keyframe_insert("location", frame=1)
    own = next(compat.fcurves(chain.animation_data.action))
    assert {curve.auto_smoothing for curve in written(chain, curves)} == {own.auto_smoothing}


@pytest.mark.parametrize("handles", ["MIXED", "AUTO_CLAMPED", "ALIGNED"])
def test_the_bound_holds_in_blender(mannequin: Any, repository: Path, handles: HandleType) -> None:
    """Poses of the evaluated depsgraph, with few keys against those with a key on every frame."""
    rig = read_rig(mannequin)
    bone_map = detect(rig).bone_map
    track = retarget(motions.golden_motion(repository, motions.STROLL), rig, bone_map, RetargetOptions(scene_fps=30.0))
    limits = {"key_reduction": "BEZIER", "key_handles": handles}
    dense, few = (played_poses(mannequin, track, bone_map, options) for options in ({"key_reduction": "NONE"}, limits))
    for role, (turned, heads) in dense.items():
        assert rotation_degrees(turned, few[role][0]).max() < 0.505, role
        if role in EFFECTOR_ROLES:
            assert np.linalg.norm(heads - few[role][1], axis=-1).max() < 0.00201 * body_scale(rig, bone_map), role


def played_poses(
    armature: Any, track: PoseTrack, bone_map: BoneMap, options: dict[str, Any]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Role -> (F, 3, 3) rotation of the bone's channels and (F, 3) place of its head in the world."""
    write_take(armature, track, start_frame=1, metadata=metadata(), bone_map=bone_map, **options)
    poses: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {role: [] for role in bone_map.bones}
    for frame in range(track.frame_count):
        bpy.context.scene.frame_set(1 + frame)
        posed = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        for role, bone in bone_map.bones.items():
            pose_bone = posed.pose.bones[bone]
            turned = np.array(pose_bone.matrix_basis.to_quaternion().to_matrix())
            poses[role].append((turned, np.array(posed.matrix_world @ pose_bone.head)))
    return {role: (np.array([r for r, _ in pose]), np.array([h for _, h in pose])) for role, pose in poses.items()}


@pytest.mark.parametrize("seed", range(8))
def test_automatic_handles_are_blenders_own(seed: int, chain: Any) -> None:
    """On any keys: uneven spans, flat stretches, extrema and overshoots, and with aligned handles in between."""
    rng = np.random.default_rng(seed)
    samples = 80
    mask = rng.random((1, samples)) < rng.choice([0.1, 0.3, 0.7])
    mask[0, [0, -1]] = True
    values = np.cumsum(rng.normal(size=(3, 1, samples)), axis=-1)
    if seed % 2:
        values = np.round(values)
    columns = KeyColumns(mask)
    at_keys = columns.at_keys(values).astype(np.float32).astype(np.float64)
    automatic = rng.random(at_keys.shape) < (1.0 if seed < 4 else 0.6)
    slopes = automatic_slopes(columns, at_keys, rng.normal(size=at_keys.shape), automatic)
    frames, left, right = columns.frame.astype(np.float64), columns.before / 3.0, columns.after / 3.0
    curves = [
        CurveKeys(
            "hips", "location", channel, frames, at_keys[channel],
            np.stack([frames - left, at_keys[channel] - left * slopes[channel]], axis=-1),
            np.stack([frames + right, at_keys[channel] + right * slopes[channel]], axis=-1),
            automatic[channel],
        )
        for channel in range(3)
    ]  # fmt: skip
    for curve, keys in zip(written(chain, curves), curves, strict=True):
        assert_plays(curve, keys, np.arange(0.0, samples - 1, 0.25))
