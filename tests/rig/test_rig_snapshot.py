# SPDX-License-Identifier: GPL-3.0-or-later
"""RigSnapshot: what it refuses, what it derives, and its JSON form."""

from __future__ import annotations

import json

import numpy as np
import pytest

from blender_addon.rig.snapshot import RigError, RigSnapshot
from tests.rig.humanoids import make_humanoid, random_humanoid
from tests.rig.rig_builder import Builder, snapshot_of


def _world(matrix: np.ndarray) -> np.ndarray:
    world = np.eye(4)
    world[:3, :3] = matrix
    return world


def test_hierarchy_and_positions():
    rig, truth = make_humanoid(arm_angle=0.0)
    elbow, shoulder = rig.index(truth["left_elbow"]), rig.index(truth["left_shoulder"])
    assert rig.parents[elbow] == shoulder
    assert elbow in rig.children(shoulder)
    assert rig.ancestors(elbow)[0] == shoulder
    assert rig.is_below(elbow, rig.index(truth["pelvis"]))
    assert not rig.is_below(shoulder, elbow)
    assert [rig.bone_names[i] for i in rig.children(-1)] == [truth["pelvis"]]
    np.testing.assert_allclose(rig.tails[shoulder], rig.heads[elbow], atol=1e-12)


def test_world_positions_use_the_object():
    turned = _world(np.array([[0.0, -2.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 2.0]]))
    turned[:3, 3] = (1.0, 2.0, 3.0)
    rig, truth = make_humanoid(world=turned)
    bone = rig.index(truth["left_wrist"])
    x, y, z = rig.heads[bone]
    np.testing.assert_allclose(rig.rest_world[bone, :3, 3], [1.0 - 2.0 * y, 2.0 + 2.0 * x, 3.0 + 2.0 * z])
    assert rig.world_scale == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("matrix", "word"),
    [
        (np.diag([1.0, 1.0, 1.2]), "differently along its axes"),
        (np.array([[1.0, 0.3, 0.0], [0.0, np.sqrt(0.91), 0.0], [0.0, 0.0, 1.0]]), "sheared"),
        (np.diag([-1.0, 1.0, 1.0]), "mirrored"),
        (np.diag([1.0, 1.0, 0.0]), "zero"),
        (np.diag([np.nan, 1.0, 1.0]), "zero"),
    ],
)
def test_objects_that_cannot_be_animated_are_refused(matrix: np.ndarray, word: str):
    with pytest.raises(RigError) as caught:
        make_humanoid(name="Hero", world=_world(matrix))
    assert "Hero" in caught.value.message
    assert word in caught.value.message
    assert "scale" in caught.value.hint.lower()


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_uniform_scale_is_fine(scale: float):
    rig, _ = make_humanoid(world=_world(np.eye(3) * scale))
    assert rig.world_scale == pytest.approx(scale)


def test_no_bones():
    empty = snapshot_arguments(0)
    with pytest.raises(RigError, match="no bones"):
        RigSnapshot(**empty)


def snapshot_arguments(count: int) -> dict:
    rig, _ = make_humanoid()
    values = {name: getattr(rig, name) for name in RigSnapshot.__dataclass_fields__}
    return {name: value[:count] if name not in ("name", "world") else value for name, value in values.items()}


def test_children_before_parents_are_refused():
    builder = Builder()
    builder.add("a", None, [0, 0, 0], [0, 0, 1])
    builder.add("b", "a", [0, 0, 1], [0, 0, 2])
    builder.parents = [1, -1]
    with pytest.raises(ValueError, match="parents before children"):
        snapshot_of(builder)


def test_unknown_bone_is_named():
    rig, _ = make_humanoid(name="Hero")
    with pytest.raises(RigError, match="no bone “Ghost”"):
        rig.index("Ghost")


@pytest.mark.parametrize("seed", range(5))
def test_json_round_trip(seed: int):
    rig, _ = random_humanoid(seed)
    again = RigSnapshot.from_dict(json.loads(json.dumps(rig.to_dict())))
    for field in RigSnapshot.__dataclass_fields__:
        before, after = getattr(rig, field), getattr(again, field)
        if isinstance(before, np.ndarray):
            assert after.dtype == before.dtype
            np.testing.assert_allclose(after, before, atol=1e-6)
        else:
            assert after == before
