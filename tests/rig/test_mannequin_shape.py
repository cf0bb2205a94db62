# SPDX-License-Identifier: GPL-3.0-or-later
"""The mannequin's arrays: proportions of the motion's skeleton, closed pieces that face outwards."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.contract import axes, skeleton
from blender_addon.rig import mannequin_shape


def test_joints_are_the_skeletons():
    joints = mannequin_shape.joint_positions()
    assert joints["pelvis"][2] == pytest.approx(0.977, abs=1e-3)
    assert joints["left_ankle"][2] == pytest.approx(skeleton.ANKLE_HEIGHT, abs=1e-6)
    assert joints["left_wrist"][0] > 0.6
    for joint, parent in enumerate(skeleton.PARENTS):
        if parent >= 0:
            step = joints[skeleton.JOINT_NAMES[joint]] - joints[skeleton.JOINT_NAMES[parent]]
            np.testing.assert_allclose(step, axes.vectors_to_z_up(skeleton.REST_OFFSETS[joint]), atol=1e-6)


def test_bones_have_length():
    joints = mannequin_shape.joint_positions()
    tails = mannequin_shape.bone_tails(joints)
    assert set(tails) == set(skeleton.JOINT_NAMES)
    assert all(np.linalg.norm(tails[bone] - joints[bone]) > 0.03 for bone in tails)


@pytest.mark.parametrize("piece", mannequin_shape.pieces(), ids=lambda piece: piece.bone)
def test_pieces_are_closed_and_face_outwards(piece):
    assert np.isfinite(piece.vertices).all()
    assert piece.bone in skeleton.JOINT_NAMES
    edges: dict[tuple[int, int], int] = {}
    volume = 0.0
    for face in piece.faces:
        for a, b in zip(face, (*face[1:], face[0]), strict=True):
            edges[a, b] = edges.get((a, b), 0) + 1
        corners = piece.vertices[list(face)]
        for k in range(1, len(face) - 1):
            volume += np.dot(corners[0], np.cross(corners[k], corners[k + 1])) / 6.0
    assert all(count == 1 and edges.get((b, a)) == 1 for (a, b), count in edges.items())
    assert volume > 0.0


def test_body_stands_on_the_floor_and_is_mirrored():
    pieces = mannequin_shape.pieces()
    vertices = np.concatenate([piece.vertices for piece in pieces])
    assert vertices[:, 2].min() == pytest.approx(0.0, abs=1e-9)
    assert 1.7 < vertices[:, 2].max() < 1.85
    np.testing.assert_allclose(vertices[:, 0].min(), -vertices[:, 0].max(), atol=1e-6)
    assert {piece.bone for piece in pieces} == set(skeleton.JOINT_NAMES)
