# SPDX-License-Identifier: GPL-3.0-or-later
"""From world orientations and places back to channels. (That the poses are Blender's is tested in Blender.)"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from blender_addon.retarget import quaternion as Q  # noqa: N812
from blender_addon.retarget import rig_pose
from blender_addon.rig.snapshot import RigSnapshot
from tests.retarget import rig_edits
from tests.retarget.angles import angle_between
from tests.rig.humanoids import make_humanoid

INHERIT_SCALE = ("FULL", "FIX_SHEAR", "ALIGNED", "AVERAGE", "NONE", "NONE_LEGACY")


def awkward_rig(seed: int) -> RigSnapshot:
    """Random axes, flags and poses, evenly scaled bones, a turned object in centimetres."""
    rng = np.random.default_rng(seed)
    rig, _ = make_humanoid(random_axes=rng, y_up=True, unit=0.01, extras=("root", "fingers"))
    names = list(rig.bone_names)
    rig = rig_edits.posed(rig, names, rng, degrees=90.0, shift=5.0, scale=1.1)
    rig = rig_edits.flagged(rig, "inherit_rotation", rng.choice(names, 12, replace=False), False)
    rig = rig_edits.flagged(rig, "use_local_location", rng.choice(names, 12, replace=False), False)
    return replace(rig, inherit_scale=tuple(str(rng.choice(INHERIT_SCALE)) for _ in names))


@pytest.mark.parametrize("seed", range(4))
def test_world_orientation_gives_back_the_channel(seed: int) -> None:
    rig = awkward_rig(seed)
    world = rig_pose.pose_world(rig, {}, {}, frames=1)
    for index, bone in enumerate(rig.bone_names):
        above = world[rig.bone_names[rig.parents[index]]] if rig.parents[index] >= 0 else None
        channel = rig_pose.basis_rotation(rig, bone, Q.from_matrix(world[bone]), above)
        assert angle_between(channel, Q.from_matrix(rig.basis[index])).max() < 1e-6, bone


@pytest.mark.parametrize("seed", range(4))
def test_location_channels_move_heads_along_their_frame(seed: int) -> None:
    rig = awkward_rig(seed)
    before = rig_pose.pose_world(rig, {}, {}, frames=1)
    step = np.array([1.0, -2.0, 0.5])
    for index, bone in enumerate(rig.bone_names):
        above = before[rig.bone_names[rig.parents[index]]] if rig.parents[index] >= 0 else None
        frame = rig_pose.location_frame(rig, bone, above)
        moved = {bone: (rig.basis[index, :3, 3] + step)[None]}
        after = rig_pose.pose_world(rig, {}, moved, [bone], frames=1)[bone]
        np.testing.assert_allclose(
            after[0, :3, 3] - before[bone][0, :3, 3], (frame @ step).reshape(3), atol=1e-9, err_msg=bone
        )


def test_connected_bones_ignore_location() -> None:
    rig, _ = make_humanoid()
    rig = rig_edits.flagged(rig, "connected", ["left_elbow"], True)
    moved = rig_pose.pose_world(rig, {}, {"left_elbow": np.ones((1, 3))}, ["left_elbow"], frames=1)["left_elbow"]
    np.testing.assert_allclose(moved[0], rig.rest_world[rig.index("left_elbow")], atol=1e-12)


def test_channels_of_one_frame_serve_all_frames() -> None:
    rig, _ = make_humanoid()
    turn = Q.from_axis_angle(np.tile([1.0, 0.0, 0.0], (7, 1)), np.linspace(0.0, 1.0, 7))
    world = rig_pose.pose_world(rig, {"left_shoulder": turn}, {"pelvis": np.ones((1, 3))}, frames=7)
    assert all(matrix.shape == (7, 4, 4) for matrix in world.values())
    assert np.ptp(world["left_wrist"][:, :3, 3], axis=0).max() > 0.1
    assert np.ptp(world["right_wrist"], axis=0).max() == 0.0
